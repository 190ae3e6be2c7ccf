"""Models that clients of the last three years logged, in every form, are prepared, loaded and answer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import paths
from tests.tools import python_with

# The first run on a machine makes a virtual environment of each client, and installs what its models need.
pytestmark = pytest.mark.timeout(1800)

ROOT = paths.REPOSITORY
LOG = Path(__file__).with_name("ages_log.py")
FORMS = ("pickle", "cloudpickle", "array", "own")
OLD = ("sqlalchemy==2.0.44",)  # MLflow 2 does not run with a later one
# What people had beside MLflow then; the newest is the image's own.
CLIENTS = {
    "2.12.2": (
        "mlflow==2.12.2",
        "scikit-learn==1.4.2",
        "numpy==1.26.4",
        "pandas==2.2.3",
        "setuptools==80.9.0",
        *OLD,
    ),
    "2.22.5": ("mlflow==2.22.5", "scikit-learn==1.6.1", "numpy==2.2.6", "pandas==2.3.3", *OLD),
    "3.13.0": ("mlflow==3.13.0", "scikit-learn==1.7.2", "numpy==2.4.6", "pandas==2.3.3"),
    "newest": (),
}
CASES = [*((client, form) for client in CLIENTS for form in FORMS), ("newest", "skops")]
# `make test-clients` asks for all of them, `make test` for one, of the client that the train image holds.
AGES = os.environ.get("AGES", "").split()
ASKED = [case for case in CASES if case[0] in AGES] or [("3.13.0", "array")]


def models(client: str) -> Path:
    """The folder that a client logged its models into: once, as a client that is out no longer changes."""
    made_by = CLIENTS[client] or ((ROOT / "requirements-dev.txt").read_text(),)
    folder = paths.cache() / "ages" / paths.digest(client, *made_by, LOG)
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        python = python_with(*CLIENTS[client]) if CLIENTS[client] else sys.executable
        done = subprocess.run([python, LOG, folder], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        (folder / "done").touch()
    return folder


def folder_of(client: str, form: str) -> Path:
    """Where the model of this form lies: by 2.x in the folder of its run, by 3.x in one of the model's own."""
    return Path((models(client) / form).read_text())


class Pod:
    """The init container and the server of one pod, by the tests' own packages; the cache outlives the test."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        cache = paths.cache() / "ages" / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        self.env = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "serve-image" / "service"),
            "MODELCYCLE_MODEL_PATH": str(folder),
            "MODELCYCLE_REQUIREMENTS": "Install",
            "MODELCYCLE_CACHE": str(cache),
            "MODELCYCLE_PREPARED": str(scratch / "prepared.json"),
        }

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


PROVE = """
from modelserver.prepared import take_over
held = take_over()
import sklearn
from modelserver.model import prove, served
print(prove(served()), "by scikit-learn", sklearn.__version__)
"""


@pytest.mark.parametrize(("client", "form"), ASKED)
def test_a_model_answers_its_own_example_by_the_packages_it_was_logged_with(
    tmp_path: Path, client: str, form: str
) -> None:
    pod = Pod(folder_of(client, form), tmp_path)
    pod.run("-m", "modelserver.prepare")
    said = pod.run("-c", PROVE)
    assert "It answered its own input example" in said
    sklearn = dict(requirement.split("==") for requirement in CLIENTS[client]).get("scikit-learn")
    if sklearn and form != "own":
        assert f"by scikit-learn {sklearn}" in said
