"""MLflow's REST API, through its NodePort."""

import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
from functools import cache
from typing import Any

from tests.e2e.kube import MLFLOW, STATE, kubectl

MLFLOW_NODE_PORT = "30500"
PREFIX = "e2e-"
# MLflow never gives the name of a deleted experiment again.
SESSION = secrets.token_hex(3)
EXPERIMENT = f"{PREFIX}{SESSION}"


def model_name(model: str) -> str:
    """A registered model of this session's own."""
    return f"{PREFIX}{model}-{SESSION}"


@cache
def ports() -> dict[str, int]:
    """NodePort → port of 127.0.0.1."""
    found: dict[str, int] = json.loads((STATE / "ports.json").read_text())
    return found


def ask(method: str, path: str, /, **body: Any) -> Any:
    """One call; AssertionError, with MLflow's words, where it says no."""
    url = f"http://127.0.0.1:{ports()[MLFLOW_NODE_PORT]}/api/2.0/mlflow/{path}"
    if method == "GET":
        url, data = f"{url}?{urllib.parse.urlencode(body)}", None
    else:
        data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error


def artifact(run_id: str, path: str) -> str:
    """A text among a run's artifacts, through the server."""
    query = urllib.parse.urlencode({"run_uuid": run_id, "path": path})
    address = f"http://127.0.0.1:{ports()[MLFLOW_NODE_PORT]}/get-artifact?{query}"
    with urllib.request.urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())


def set_alias(model: str, alias: str, version: str) -> None:
    ask("POST", "registered-models/alias", name=model, alias=alias, version=version)


def version_of(model: str, alias: str) -> Any:
    """The model version, as MLflow tells it, that an alias names."""
    return ask("GET", "registered-models/alias", name=model, alias=alias)["model_version"]


def version_of_number(model: str, version: str) -> Any:
    return ask("GET", "model-versions/get", name=model, version=version)["model_version"]


def folder_of(model: str, alias: str) -> str:
    """Where the files of a version lie, as every pod sees it."""
    version = version_of(model, alias)["version"]
    answer = ask("GET", "model-versions/get-download-uri", name=model, version=version)
    return str(answer["artifact_uri"]).removeprefix("file://")


def register_copy(of: str, alias: str, name: str) -> str:
    """A model gets a version with the files of another model's; that version."""
    original = version_of(of, alias)
    source = original["source"]
    same = {"source": source, "model_id": source.removeprefix("models:/"), "run_id": original["run_id"]}
    made = ask("POST", "model-versions/create", name=name, **same)
    return str(made["model_version"]["version"])


def forget() -> None:
    """Deletes the models and experiments of tests, of this session and of ones that were cut short."""
    models = ask("GET", "registered-models/search", filter=f"name LIKE '{PREFIX}%'", max_results=1000)
    for model in models.get("registered_models", ()):
        ask("DELETE", "registered-models/delete", name=model["name"])
    ours = ask("POST", "experiments/search", filter=f"name LIKE '{PREFIX}%'", max_results=1000)
    ids = [experiment["experiment_id"] for experiment in ours.get("experiments", ())]
    for experiment in ids:
        ask("POST", "experiments/delete", experiment_id=experiment)
    if ids:
        folders = [f"/mlruns/{int(experiment)}" for experiment in ids]
        kubectl("exec", MLFLOW, "--container=mlflow", "--", "rm", "-rf", *folders)
