"""Who is measured: how each is started, and what it is asked."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serve import models

REPOSITORY = Path(__file__).parents[2]
SERVERS = Path(__file__).parent / "servers"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "modelcycle" / "bench-serve"
PYTHON = sys.executable
# Their own environments, with the versions of the libraries that wrote the pickles.
PINS = ["scikit-learn==1.7.2", "xgboost-cpu==3.2.0"]
VENVS = {"mlserver": ["mlserver==1.7.1", "mlserver-mlflow==1.7.1"], "kserve": ["kserve==0.21.0"]}

OURS, FLOOR, KSERVE, MLFLOW = "modelcycle", "floor", "KServe Model", "mlflow models serve"


@dataclass(frozen=True)
class Peer:
    """
    Attributes:
        command: from the model's folder and a port to what starts the server.
        path: where it is asked, and `body` what, for some rows.
        prepare: what has to be written into the folder first.
    """

    name: str
    command: Callable[[Path, int], list[str]]
    path: str
    body: Callable[[list[list[float]]], str]
    env: Callable[[Path], dict[str, str]] = lambda folder: {}
    prepare: Callable[[Path, int], None] = field(default=lambda folder, port: None)


def venv_python(name: str) -> str:
    """The interpreter of a peer's own environment, made at the first call."""
    folder = CACHE / name
    marker = folder / "-".join(VENVS[name]).replace("=", "")
    if not marker.exists():
        print(f"making the environment of {name} in {folder} (a minute or two, once)", flush=True)
        subprocess.run([PYTHON, "-m", "uv", "venv", "-q", "--clear", "--python", PYTHON, folder], check=True)
        install = [PYTHON, "-m", "uv", "pip", "install", "-q", "--python", str(folder / "bin/python")]
        subprocess.run([*install, *VENVS[name], *PINS], check=True)
        marker.touch()
    return str(folder / "bin/python")


def _ours(folder: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": str(REPOSITORY / "serve-image/service"),
        "MODELCYCLE_HOST": "127.0.0.1",
        "MODELCYCLE_MODEL_PATH": str(folder / "mlflow"),
        "MODELCYCLE_MODEL_NAME": "m",
        "MODELCYCLE_MODEL_VERSION": "1",
        "MODELCYCLE_DRAIN_SECONDS": "0",
    }


def _mlserver_settings(folder: Path, port: int) -> None:
    place = folder / "mlserver"
    place.mkdir(exist_ok=True)
    server = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2, "host": "127.0.0.1"}
    quiet = {"parallel_workers": 0, "debug": False, "access_log": False}
    (place / "settings.json").write_text(json.dumps({**server, **quiet}))
    model = {"name": "m", "implementation": "mlserver_mlflow.MLflowRuntime"}
    (place / "model-settings.json").write_text(
        json.dumps({**model, "parameters": {"uri": str(folder / "mlflow")}})
    )


def _into_bentoml_store(folder: Path, port: int) -> None:
    code = f"import bentoml; bentoml.mlflow.import_model('m', {str(folder / 'mlflow')!r})"
    subprocess.run([PYTHON, "-c", code], env=os.environ | _bentoml(folder), check=True, capture_output=True)


def _bentoml(folder: Path) -> dict[str, str]:
    return {"BENTOML_HOME": str(folder / "bentoml"), "BENTOML_DO_NOT_TRACK": "true"}


PEERS = [
    Peer(
        FLOOR,
        lambda f, port: [PYTHON, f"{SERVERS}/floor.py", f"{f}/model.pkl", str(port)],
        "/invocations",
        models.as_split,
    ),
    Peer(
        OURS,
        lambda folder, port: ["env", f"PORT={port}", PYTHON, "-m", "modelserver"],
        "/invocations",
        models.as_split,
        env=lambda folder: _ours(folder) | _bentoml(folder),
    ),
    Peer(
        KSERVE,
        lambda folder, port: [
            venv_python("kserve"),
            f"{SERVERS}/kserve_model.py",
            "--pickle",
            f"{folder}/model.pkl",
            "--http_port",
            str(port),
            "--enable_grpc",
            "False",
        ],
        "/v1/models/m:predict",
        models.as_instances,
    ),
    Peer(
        "MLServer",
        lambda folder, port: [
            str(Path(venv_python("mlserver")).with_name("mlserver")),
            "start",
            f"{folder}/mlserver",
        ],
        "/invocations",
        models.as_split,
        prepare=_mlserver_settings,
    ),
    Peer(
        "bentoml.mlflow",
        lambda folder, port: [
            PYTHON,
            "-m",
            "bentoml",
            "serve",
            "bento_service:Documented",
            "--working-dir",
            str(SERVERS),
            "--port",
            str(port),
            "--host",
            "127.0.0.1",
        ],
        "/predict",
        models.as_frame,
        env=_bentoml,
        prepare=_into_bentoml_store,
    ),
    Peer(
        MLFLOW,
        lambda folder, port: [
            PYTHON,
            "-m",
            "mlflow",
            "models",
            "serve",
            "-m",
            f"{folder}/mlflow",
            "-p",
            str(port),
            "-h",
            "127.0.0.1",
            "--env-manager",
            "local",
        ],
        "/invocations",
        models.as_split,
        env=lambda folder: {
            "PATH": f"{Path(PYTHON).parent}:{os.environ['PATH']}"
        },  # it starts uvicorn by name
    ),
]
