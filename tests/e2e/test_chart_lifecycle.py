"""The chart on a real cluster, in a namespace that enforces restricted pods: it comes up, works, and goes.

It stands beside the release that other tests use: the kinds are that release's, and nothing is created for
which two operators would both feel responsible.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.chart_render import CHART, REPOSITORY, flags, run_helm, tool

KUBECONFIG = REPOSITORY / ".cluster" / "kubeconfig"
NAMESPACE = "chart-lifecycle"
SETTINGS = (
    "crds.enabled=false",
    f"watchNamespaces={{{NAMESPACE}}}",
    "storage.storageClassName=modelcycle-shared",
    f"storage.volumeName={NAMESPACE}",
    "operator.replicas=2",
)


def kubectl(*words: str, text: str | None = None, check: bool = True) -> str:
    command = [tool("kubectl"), f"--kubeconfig={KUBECONFIG}", f"--namespace={NAMESPACE}", *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
    return done.stdout


def read(*words: str) -> Any:
    return json.loads(kubectl("get", *words, "--output=json"))


def helm(*words: str) -> subprocess.CompletedProcess[str]:
    return run_helm(*words, f"--kubeconfig={KUBECONFIG}", f"--namespace={NAMESPACE}")


@pytest.fixture(scope="module")
def namespace() -> Iterator[None]:
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")  # of a run cut short
    volume = [sys.executable, "-m", "cluster", "volume", NAMESPACE]
    subprocess.run(volume, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    kubectl("create", "namespace", NAMESPACE)
    kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    yield
    # With a deadline: a deletion that anything blocks is a failure.
    kubectl("delete", "namespace", NAMESPACE, "--timeout=120s")
    kubectl("delete", "pv", NAMESPACE)


@pytest.fixture(scope="module")
def release(namespace: None) -> Iterator[None]:
    done = helm("install", "lifecycle", str(CHART), *flags(SETTINGS), "--wait", "--timeout=5m")
    assert done.returncode == 0, done.stderr + kubectl("get", "pods,events", check=False)
    yield
    helm("uninstall", "lifecycle", "--ignore-not-found", "--wait")


# Run in the operator's pod, by the address that the operator has.
ASK_MLFLOW = """
import json, os, urllib.request
def ask(method, path, body=None):
    url = os.environ["MODELCYCLE_TRACKING_URI"] + path
    return urllib.request.urlopen(urllib.request.Request(url, body, method=method)).read()
ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/laptop/note.txt", b"by the proxy")
default = json.loads(ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0"))
print(default["experiment"]["artifact_location"])
"""


@pytest.mark.usefixtures("release")
def test_mlflow_is_reached_by_name_and_gives_pods_the_folder_and_others_the_proxy() -> None:
    operator = "deployment/lifecycle-modelcycle-operator"
    location = kubectl("exec", operator, "--", "python", "-c", ASK_MLFLOW).strip()
    assert location == "file:///mlruns/0"
    server = ("exec", "deployment/lifecycle-modelcycle-mlflow", "--container=mlflow", "--")
    note = kubectl(*server, "stat", "--format=%u:%g %a", "/mlruns/laptop/note.txt").strip()
    assert note == "10001:10001 664"


@pytest.mark.usefixtures("release")
def test_of_two_operators_one_holds_the_lease() -> None:
    selector = "--selector=app.kubernetes.io/instance=lifecycle,app.kubernetes.io/component=operator"
    pods = {pod["metadata"]["name"] for pod in read("pods", selector)["items"]}
    assert len(pods) == 2
    assert read("lease", "lifecycle-modelcycle-operator")["spec"]["holderIdentity"] in pods


@pytest.mark.usefixtures("release")
@pytest.mark.parametrize(
    ("role", "verb", "answer"),
    [
        ("edit", "create", "yes"),
        ("admin", "delete", "yes"),
        ("view", "list", "yes"),
        ("view", "create", "no"),
    ],
)
def test_the_clusters_own_roles_reach_our_kinds(role: str, verb: str, answer: str) -> None:
    user = f"{role}-of-models"
    kubectl("create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}", check=False)
    asked = kubectl("auth", "can-i", verb, "trainingruns.modelcycle.dev", f"--as={user}", check=False)
    assert asked.strip() == answer


UNWRITABLE = "chart-lifecycle-unwritable"
CLAIM_OF_ROOT = f"""
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {UNWRITABLE}}}
spec:
  capacity: {{storage: 1Gi}}
  accessModes: [ReadWriteMany]
  storageClassName: modelcycle-shared
  claimRef: {{namespace: {NAMESPACE}, name: {UNWRITABLE}}}
  hostPath: {{path: /var/{UNWRITABLE}, type: DirectoryOrCreate}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: {UNWRITABLE}, namespace: {NAMESPACE}}}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: modelcycle-shared
  volumeName: {UNWRITABLE}
  resources: {{requests: {{storage: 1Gi}}}}
"""


@pytest.mark.usefixtures("namespace")
def test_a_server_that_cannot_write_says_in_its_status_what_to_run() -> None:
    kubectl("apply", "--filename=-", text=CLAIM_OF_ROOT)
    settings = flags(
        ("crds.enabled=false", "watchNamespaces={chart-lifecycle}", f"storage.existingClaim={UNWRITABLE}")
    )
    done = helm("install", "unwritable", str(CHART), *settings)
    assert done.returncode == 0, done.stderr
    try:
        pod = "pod", "--selector=app.kubernetes.io/instance=unwritable,app.kubernetes.io/component=mlflow"
        ended = "{.status.initContainerStatuses[0].lastState.terminated.message}"
        kubectl("wait", *pod, "--for=create", "--timeout=60s")
        kubectl("wait", *pod, f"--for=jsonpath={ended}", "--timeout=120s")
        message = kubectl("get", *pod, f"--output=jsonpath={{.items[0]{ended[1:]}")
    finally:
        helm("uninstall", "unwritable", "--wait")
        kubectl("delete", "pvc", UNWRITABLE)
        kubectl("delete", "pv", UNWRITABLE)
    assert "install -d -o 10001 -g 10001 -m 2775 VOLUME" in message


@pytest.mark.usefixtures("release")
def test_uninstalling_ends_every_pod_and_leaves_the_claim_with_its_volume() -> None:
    done = helm("uninstall", "lifecycle", "--wait", "--timeout=2m")
    assert done.returncode == 0, done.stderr
    selector = "--selector=app.kubernetes.io/instance=lifecycle"
    kubectl("wait", "pods", selector, "--for=delete", "--timeout=60s")
    assert [claim["metadata"]["name"] for claim in read("pvc", selector)["items"]] == ["mlruns"]
    assert read("pvc", "mlruns")["status"]["phase"] == "Bound"
    left = read("deployments,services,serviceaccounts,roles,rolebindings", selector)["items"]
    assert [f"{one['kind']} {one['metadata']['name']}" for one in left] == []
