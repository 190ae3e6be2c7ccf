"""The chart against a real API server: what it takes, what the operator may do, and what uninstalling leaves."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.contract.chart_render import (
    CHART,
    NAMESPACE,
    TWO_NAMESPACES,
    VARIANTS,
    Manifest,
    first_command,
    flags,
    notes,
    pods,
    render,
    run_helm,
)
from tests.integration.apiserver import ApiServer, kubectl, running

RELEASE = "modelcycle"
OPERATOR = f"system:serviceaccount:{NAMESPACE}:modelcycle-operator"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with running(tmp_path_factory.mktemp("apiserver")) as started:
        for namespace in (NAMESPACE, "vision", "elsewhere"):
            kubectl(started, "create", "namespace", namespace)
            # No controller makes them here, and pods are refused without.
            kubectl(started, "create", "serviceaccount", "default", f"--namespace={namespace}")
        restricted = "pod-security.kubernetes.io/enforce=restricted"
        kubectl(started, "label", "namespace", "elsewhere", restricted)
        yield started


def helm(server: ApiServer, *words: str) -> subprocess.CompletedProcess[str]:
    return run_helm(*words, f"--kubeconfig={server.admin}", f"--namespace={NAMESPACE}")


@pytest.fixture
def install(server: ApiServer) -> Iterator[None]:
    """The release as it comes; uninstalled afterwards."""
    done = helm(server, "install", RELEASE, str(CHART))
    assert done.returncode == 0, done.stderr
    plurals = ("trainingruns", "trainingschedules", "trainingsweeps", "modeldeployments")
    kinds = [f"crd/{plural}.modelcycle.dev" for plural in plurals]
    kubectl(server, "wait", "--for=condition=Established", "--timeout=60s", *kinds)
    yield
    helm(server, "uninstall", RELEASE, "--ignore-not-found")


def of_the_core(manifests: tuple[Manifest, ...]) -> list[Manifest]:
    """Without the kinds of the Prometheus operator, which a bare API server does not know."""
    return [m for m in manifests if m["kind"] != "ServiceMonitor"]


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
def test_the_api_server_takes_every_field(server: ApiServer, settings: tuple[str, ...]) -> None:
    text = yaml.safe_dump_all(of_the_core(render(*settings)))
    strictly = ("--server-side", "--dry-run=server", "--validate=strict")
    kubectl(server, "apply", *strictly, "--filename=-", text=text)


def create_pod(server: ApiServer, spec: Manifest) -> subprocess.CompletedProcess[str]:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "p-"}, "spec": spec}
    here = ("--namespace=elsewhere", "--dry-run=server", "--filename=-")
    return kubectl(server, "create", *here, text=json.dumps(pod), check=False)


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_restricted_namespace_admits_every_pod(server: ApiServer, settings: tuple[str, ...]) -> None:
    for pod in pods(render(*settings)).values():
        # Accounts and classes are the cluster's business; here only the standard judges.
        spec = {k: v for k, v in pod["spec"].items() if k not in ("serviceAccountName", "priorityClassName")}
        admitted = create_pod(server, spec)
        assert admitted.returncode == 0, admitted.stderr


def test_a_restricted_namespace_does_not_admit_anything(server: ApiServer) -> None:
    refused = create_pod(server, {"containers": [{"name": "c", "image": "i"}]})
    assert 'violates PodSecurity "restricted' in refused.stderr


# What is asked as in `kubectl auth can-i`, in which namespace, and the answer.
RIGHTS = {
    ("watch trainingruns.modelcycle.dev", "vision"): "yes",
    ("update modeldeployments.modelcycle.dev --subresource=status", "vision"): "yes",
    ("update trainingruns.modelcycle.dev", "vision"): "no",
    ("create jobs.batch", "vision"): "yes",
    ("create pods", "vision"): "no",
    ("get secrets", NAMESPACE): "no",
    ("list secrets", "vision"): "no",
    ("update leases.coordination.k8s.io/modelcycle-operator", NAMESPACE): "yes",
    ("update leases.coordination.k8s.io/another", NAMESPACE): "no",
    ("create leases.coordination.k8s.io", "vision"): "no",
    ("get namespaces/kube-system", NAMESPACE): "yes",
    ("list namespaces", NAMESPACE): "no",
}


def may(server: ApiServer, question: str, namespace: str) -> str:
    words = (*question.split(), f"--as={OPERATOR}", f"--namespace={namespace}")
    return kubectl(server, "auth", "can-i", *words, check=False).stdout.strip()


@pytest.mark.usefixtures("install")
def test_the_operator_may_do_its_work_and_no_more(server: ApiServer) -> None:
    assert {asked: may(server, *asked) for asked in RIGHTS} == RIGHTS


def test_in_named_namespaces_the_operator_may_nothing_elsewhere(server: ApiServer) -> None:
    done = helm(server, "install", RELEASE, str(CHART), *flags(TWO_NAMESPACES))
    assert done.returncode == 0, done.stderr
    answers = {
        namespace: may(server, "create jobs.batch", namespace) for namespace in ("vision", "elsewhere")
    }
    helm(server, "uninstall", RELEASE)
    assert answers == {"vision": "yes", "elsewhere": "no"}


@pytest.mark.usefixtures("install")
def test_the_run_of_the_notes_is_taken(server: ApiServer, tmp_path: Path) -> None:
    pasted = "kubectl() { cat; }\n" + first_command(notes(tmp_path))
    run = subprocess.run(["sh", "-eu", "-c", pasted], capture_output=True, text=True, check=True).stdout
    here = (f"--namespace={NAMESPACE}", "--validate=strict", "--dry-run=server", "--filename=-")
    kubectl(server, "create", *here, text=run)


A_RUN = """
apiVersion: modelcycle.dev/v1alpha1
kind: TrainingRun
metadata: {name: iris, namespace: models}
spec: {command: [python, train.py]}
"""


def ours(server: ApiServer) -> set[str]:
    """What stands of the chart, by kind and name."""
    kinds = "deployments,services,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,pvc,crd"
    listed = kubectl(server, "get", kinds, "--all-namespaces", "--output=name").stdout.split()
    return {name for name in listed if "modelcycle" in name or "mlruns" in name}


@pytest.mark.usefixtures("install")
def test_uninstalling_leaves_the_work_and_nothing_else_and_the_release_finds_it_again(
    server: ApiServer,
) -> None:
    kubectl(server, "create", "--filename=-", text=A_RUN)
    uid = kubectl(server, "get", "trainingrun", "iris", f"-n{NAMESPACE}", "-ojsonpath={.metadata.uid}").stdout

    gone = helm(server, "uninstall", RELEASE)
    assert gone.returncode == 0, gone.stderr
    assert ours(server) == {
        "persistentvolumeclaim/mlruns",
        "customresourcedefinition.apiextensions.k8s.io/trainingruns.modelcycle.dev",
        "customresourcedefinition.apiextensions.k8s.io/trainingschedules.modelcycle.dev",
        "customresourcedefinition.apiextensions.k8s.io/trainingsweeps.modelcycle.dev",
        "customresourcedefinition.apiextensions.k8s.io/modeldeployments.modelcycle.dev",
    }

    back = helm(server, "install", RELEASE, str(CHART))
    assert back.returncode == 0, back.stderr
    found = kubectl(server, "get", "trainingrun", "iris", f"-n{NAMESPACE}", "-ojsonpath={.metadata.uid}")
    assert found.stdout == uid


@pytest.mark.usefixtures("install")
def test_another_release_takes_over_what_was_left_when_it_is_told_to(server: ApiServer) -> None:
    helm(server, "uninstall", RELEASE)
    plain = helm(server, "install", "successor", str(CHART))
    assert "invalid ownership metadata" in plain.stderr
    taken = helm(server, "install", "successor", str(CHART), "--take-ownership")
    assert taken.returncode == 0, taken.stderr
    helm(server, "uninstall", "successor")
    again = helm(server, "install", RELEASE, str(CHART), "--take-ownership")
    assert again.returncode == 0, again.stderr
