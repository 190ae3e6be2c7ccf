"""The cluster that `make cluster images load install` left: calls of kubectl, and waits with a deadline."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

REPOSITORY = Path(__file__).resolve().parents[2]
STATE = REPOSITORY / os.environ.get("CLUSTER_STATE", ".cluster")
# The chart's release is in it, and the claim of the shared volume.
NAMESPACE = "default"
API_VERSION = "modelcycle.dev/v1alpha1"
OPERATOR, MLFLOW = "deployment/modelcycle-operator", "deployment/modelcycle-mlflow"
OPERATORS_POD = "--selector=app.kubernetes.io/instance=modelcycle,app.kubernetes.io/component=operator"
# What tests make carries it, so that a run that was cut short leaves nothing for the next one.
MINE = {"modelcycle.dev/test": "e2e"}

Manifest = dict[str, Any]
T = TypeVar("T")


def run(*words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """kubectl in our namespace, unless `words` name another; whatever comes of it."""
    where = (f"--kubeconfig={STATE / 'kubeconfig'}", f"--namespace={NAMESPACE}")
    command = [str(STATE / "bin" / "kubectl"), *where, *words]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def kubectl(*words: str, text: str | None = None) -> str:
    """What kubectl prints. AssertionError, with its own words, where it fails."""
    done = run(*words, text=text)
    assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr.strip()}"
    return done.stdout.strip()


def get(*words: str) -> Any:
    return json.loads(kubectl("get", *words, "--output=json"))


def items(*words: str) -> list[Manifest]:
    found: list[Manifest] = get(*words)["items"]
    return found


def create(*manifests: Manifest, namespace: str = NAMESPACE) -> list[str]:
    """Creates them all at once; their names as kubectl says them, kind/name."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    words = ("create", f"--namespace={namespace}", "--output=name", "--filename=-")
    return kubectl(*words, text=text).splitlines()


def wait(resource: str, until: str, *words: str, seconds: int = 180) -> None:
    """`kubectl wait --for`; where it takes too long the resource's status is in the AssertionError."""
    done = run("wait", resource, f"--for={until}", f"--timeout={seconds}s", *words)
    if done.returncode != 0:
        shown = run("get", resource, *words, "--output=jsonpath={.status}{.items[*].status}")
        raise AssertionError(f"{resource} --for={until}: {done.stderr.strip()}\n{shown.stdout}{shown.stderr}")


def kill_the_operator() -> None:
    """At once, as a node's end is: it cannot finish anything, nor give its lease back."""
    kubectl("delete", "pod", OPERATORS_POD, "--force", "--grace-period=0")


def poll(question: Callable[[], T | None], waiting_for: str, seconds: float = 60) -> T:
    """The first answer that is something. AssertionError, with what was waited for, at the deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"{waiting_for}: not within {seconds} s"
        time.sleep(0.2)
    return answer


def condition(resource: Manifest, kind: str) -> Manifest:
    """One of a resource's conditions; an empty one where it has none of that type."""
    conditions = resource.get("status", {}).get("conditions", ())
    return next((c for c in conditions if c["type"] == kind), {"status": "", "reason": "", "message": ""})
