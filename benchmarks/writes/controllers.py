"""The real Job controller beside the tests' API server, and a kubelet's part played by hand."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from cluster import commands
from tests.integration.apiserver import ApiServer
from tests.integration.kube import Body, eventually
from tests.integration.world import World, container

CONTROLLERS = (
    "job-controller",
    "garbage-collector-controller",
    "serviceaccount-controller",
    "resourcequota-controller",
)


@contextlib.contextmanager
def running(server: ApiServer, folder: Path) -> Iterator[None]:
    """kube-controller-manager, with no more of it than a Job needs."""
    command = [
        str(commands.built("kube-controller-manager")),
        f"--kubeconfig={server.admin}",
        f"--controllers={','.join(CONTROLLERS)}",
        "--leader-elect=false",
        "--secure-port=0",
    ]
    with (folder / "controllers.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def pods(world: World, run: str) -> list[Body]:
    """The pods of a run that have not ended and are not being deleted."""
    found = [pod for pod in world.kube.list("Pod", world.namespace) if _is_of(pod, run)]
    return [p for p in found if p["status"]["phase"] in ("Pending", "Running") and not _leaves(p)]


def _is_of(pod: Body, run: str) -> bool:
    return bool((pod["metadata"].get("labels") or {}).get("modelcycle.dev/trainingrun") == run)


def _leaves(pod: Body) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def pod(world: World, run: str, but: str = "") -> str:
    """The name of the run's pod, once there is one that is not the one given."""

    def look() -> str:
        names = [str(one["metadata"]["name"]) for one in pods(world, run)]
        return next((name for name in names if name != but), "")

    return eventually(look, f"a pod of {run}")


def start(world: World, pod: str) -> None:
    world.pod_status(
        pod, phase="Running", containerStatuses=[container("train", running={"startedAt": now()})]
    )


def end(world: World, pod: str, exit_code: int = 0, **more: object) -> None:
    ended = {"exitCode": exit_code, "reason": "Error" if exit_code else "Completed", "finishedAt": now()}
    phase = "Failed" if exit_code else "Succeeded"
    statuses = [container("train", terminated=ended)]
    world.pod_status(pod, phase=phase, containerStatuses=statuses, **more)


def log_model(world: World, run: str, pod: str, model: str, accuracy: float) -> None:
    """What a script in the pod does: an MLflow run with a metric and a registered version."""
    job = world.get("Job", run)
    env = job["spec"]["template"]["spec"]["containers"][0]["env"]
    context = next(v["value"] for v in env if v["name"] == "MLFLOW_RUN_CONTEXT")
    tags = [{"key": k, "value": v} for k, v in json.loads(context.replace("$(POD_NAME)", pod)).items()]
    call = world.mlflow.call
    made = call("POST", "runs/create", {"experiment_id": "0", "tags": tags})["run"]["info"]
    metric = {"key": "accuracy", "value": accuracy, "timestamp": int(time.time() * 1000), "step": 0}
    call("POST", "runs/log-metric", {"run_id": made["run_id"], **metric})
    call("POST", "runs/update", {"run_id": made["run_id"], "status": "FINISHED"})
    call("POST", "registered-models/create", {"name": model})
    source = f"{made['artifact_uri']}/model"
    call("POST", "model-versions/create", {"name": model, "source": source, "run_id": made["run_id"]})
