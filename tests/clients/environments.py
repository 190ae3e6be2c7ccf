"""One virtual environment for each MLflow client, made once and kept in the cache, by the name of its pins."""

import subprocess
import sys
from pathlib import Path

from cluster import paths
from cluster.shell import locked

HERE = Path(__file__).parent
PINS = {
    "2.12": HERE / "mlflow-2.12.txt",
    "2.22": HERE / "mlflow-2.22.txt",
    # What the train image holds.
    "3.13": paths.REPOSITORY / "train-image" / "requirements.txt",
    "newest": HERE / "mlflow-newest.txt",
}


def python(client: str) -> Path:
    """The interpreter that has the client's packages."""
    folder = paths.cache() / "clients" / f"{client}-{paths.digest(PINS[client])}"
    complete = folder / "complete"
    with locked("clients"):
        if not complete.exists():
            uv = [sys.executable, "-m", "uv", "--quiet"]
            _run([*uv, "venv", "--clear", "--python", sys.executable, str(folder)])
            pins = ["--no-deps", "--requirement", str(PINS[client])]
            _run([*uv, "pip", "install", "--python", str(folder / "bin" / "python"), *pins])
            complete.touch()
    return folder / "bin" / "python"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
