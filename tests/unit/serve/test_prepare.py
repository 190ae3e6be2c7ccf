"""The init container: what it leaves for the server, and what it says."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from modelserver import cache as caching
from modelserver.prepare import prepare
from modelserver.settings import Settings

from tests.unit.serve.models import scripted
from tests.unit.serve.process import SERVICE, ServingProcess
from tests.unit.serve.wheels import wheel

ANSWERS = """
def predict(self, context, model_input, params=None):
    import made_up
    return [float(made_up.__version__)] * len(model_input)
"""


def environment(folder: Path, scratch: Path, **more: str) -> dict[str, str]:
    return {
        "MODELCYCLE_MODEL_PATH": str(folder),
        "MODELCYCLE_PREPARED": str(scratch / "prepared.json"),
        "MODELCYCLE_REQUIREMENTS": "Install",
        "MODELCYCLE_CACHE": str(scratch / "cache"),
        **more,
    }


def run(env: dict[str, str]) -> tuple[int, str]:
    """The exit code and stderr of `python -m modelserver.prepare`."""
    command = [sys.executable, "-m", "modelserver.prepare"]
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SERVICE)}
    done = subprocess.run(command, env={**path, **env}, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_a_model_that_needs_nothing_is_left_where_it_is_without_a_word(iris: Path, tmp_path: Path) -> None:
    code, said = run(environment(iris, tmp_path))
    assert (code, said) == (0, "")
    assert json.loads((tmp_path / "prepared.json").read_text()) == {
        "model": str(iris),
        "fetched": False,
        "packages": "",
    }
    assert not (tmp_path / "cache").exists()


def test_what_is_worth_knowing_is_the_last_line_of_a_success(iris: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(iris, tmp_path / "model"))
    described = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(described.replace("python_version: 3.11", "python_version: 3.9"))
    code, said = run(environment(folder, tmp_path))
    assert code == 0
    assert said.splitlines()[-1].startswith("It was logged by Python 3.9.")


def test_a_pickle_that_is_not_trusted_is_refused_before_anything_is_installed(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {}")
    (tmp_path / "model.pkl").touch()
    (tmp_path / "requirements.txt").write_text("made-up==1")
    code, said = run(environment(tmp_path, tmp_path, MODELCYCLE_TRUST="NoPickle"))
    assert code == 3
    assert "model.pkl is a pickle" in said.splitlines()[-1]


def test_requirements_are_not_looked_at_where_the_image_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELCYCLE_PREPARED", str(tmp_path / "prepared.json"))
    (tmp_path / "MLmodel").write_text("flavors: {}")
    (tmp_path / "requirements.txt").write_text("made-up==1")
    trusting = environment(tmp_path, tmp_path, MODELCYCLE_REQUIREMENTS="Image")
    assert "without an input example" in prepare(Settings.from_env(trusting))


def test_a_model_with_packages_of_its_own_is_served_by_them_and_keeps_them(tmp_path: Path) -> None:
    wheel(tmp_path / "cache" / "wheelhouse", "made-up", "1.5")
    folder = scripted(tmp_path / "model", ANSWERS)
    (folder / "requirements.txt").write_text("made-up==1.5\n")
    env = environment(folder, tmp_path)
    code, said = run(env)
    assert code == 0, said
    server = ServingProcess(folder, tmp_path, **env).ready()
    try:
        status, body, _ = server.ask(
            "POST", "/invocations", {"dataframe_split": {"columns": ["x"], "data": [[1.0]]}}
        )
        assert (status, json.loads(body)) == (200, {"predictions": [1.5]})
        (entry,) = (tmp_path / "cache" / "environments").iterdir()
        later = (entry / "used").stat().st_mtime + caching.KEPT_UNUSED_SECONDS + 60
        assert caching.collect(tmp_path / "cache", later) == []
    finally:
        server.kill()
    assert caching.collect(tmp_path / "cache", later) == [entry]


def test_a_server_whose_packages_have_gone_says_so(iris: Path, tmp_path: Path) -> None:
    gone = {"model": str(iris), "packages": str(tmp_path / "gone" / "content")}
    (tmp_path / "prepared.json").write_text(json.dumps(gone))
    code, said = ServingProcess(iris, tmp_path, **environment(iris, tmp_path)).ended()
    assert code == 1
    assert "is gone" in said.splitlines()[-1]
