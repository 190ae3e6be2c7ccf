"""TrainingRuns as the tests make them."""

from pathlib import Path
from typing import Any

from tests.e2e.kube import API_VERSION, MINE, Manifest, get
from tests.e2e.registry import EXPERIMENT


def training_run(name: str, command: list[str], memory: str = "512Mi", **spec: Any) -> Manifest:
    """A TrainingRun that asks for next to nothing, so that all of them run at once on two cores."""
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": memory}}
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainingRun",
        "metadata": {"name": name, "labels": MINE},
        "spec": {"command": command, "experiment": EXPERIMENT, "resources": resources, **spec},
    }


def run_of_script(name: str, script: Path, model: str, **spec: Any) -> tuple[Manifest, Manifest]:
    """A ConfigMap with a script of ours, and the TrainingRun of it; the script knows the model as PARAM_model."""
    source: Manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": MINE},
        "data": {script.name: script.read_text()},
    }
    of_it = {"source": {"configMap": {"name": name}}, "params": {"model": model}, "model": {"name": model}}
    return source, training_run(name, ["python", script.name], memory="1Gi", **of_it, **spec)


def status_of(name: str) -> Manifest:
    found: Manifest = get("trainingrun", name)["status"]
    return found
