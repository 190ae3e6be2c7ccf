"""A version's own packages: resolved beside the server, installed once, offline from a folder of wheels."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from modelserver import environment
from modelserver.failures import NeverServableError, NotServableNowError
from modelserver.installing import resolve
from modelserver.requirements import Unmet

from tests.unit.serve.process import SERVICE
from tests.unit.serve.wheels import wheel


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache with a wheelhouse: pip asks no index."""
    (tmp_path / "cache" / "wheelhouse").mkdir(parents=True)
    return tmp_path / "cache"


def model(folder: Path, *lines: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "requirements.txt").write_text("\n".join(lines))
    return folder


def naming(folder: Path, module: str) -> Path:
    (folder / "code.py").write_text(f"import {module}\n")
    return folder


def put(cache: Path, name: str, version: str, requires: tuple[str, ...] = (), code: str = "") -> None:
    wheel(cache / "wheelhouse", name, version, requires, code)


def imported(packages: Path, *modules: str) -> dict[str, str]:
    """The version of each module as a process sees it that prefers `packages`."""
    code = (
        "import importlib, json, sys; from modelserver.prepared import activate; activate(sys.argv[1]);"
        "print(json.dumps({name: importlib.import_module(name).__version__ for name in sys.argv[2:]}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(packages), *modules],
        env={"PYTHONPATH": str(SERVICE)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_what_the_image_lacks_is_installed_once_beside_the_images_own(tmp_path: Path, cache: Path) -> None:
    """pycparser stands for a package that the image holds in another version."""
    put(cache, "made-up", "1.5", requires=("made-up-core>=2", "pycparser<2"))
    put(cache, "made-up-core", "2.1")
    put(cache, "pycparser", "1.9")
    packages = environment.ensure(model(tmp_path / "1", "made-up==1.5", "mlflow==2.12.2"), cache)
    assert packages is not None
    assert imported(packages, "made_up", "made_up_core", "pycparser", "numpy") == {
        "made_up": "1.5",
        "made_up_core": "2.1",
        "pycparser": "1.9",
        "numpy": metadata.version("numpy"),
    }
    assert not (packages / "numpy").exists()
    # Another version with the same requirements shares it, and asks no index.
    (cache / "wheelhouse" / "made_up-1.5-py3-none-any.whl").unlink()
    assert environment.ensure(model(tmp_path / "2", "made-up==1.5", "numpy"), cache) == packages


def test_a_version_that_the_image_meets_needs_no_cache(tmp_path: Path) -> None:
    assert environment.ensure(model(tmp_path / "m", "numpy", "mlflow==2.12.2"), tmp_path / "no-cache") is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("needs-old-server==1.0", "needs-old-server 1.0 depends on starlette<0.1"),
        ("starlette==0.0.1", "the model requires starlette==0.0.1"),
    ],
    ids=["by what it needs", "itself"],
)
def test_what_cannot_stand_beside_the_server_is_refused_with_both_packages_named(
    tmp_path: Path, cache: Path, line: str, says: str
) -> None:
    put(cache, "needs-old-server", "1.0", requires=("starlette<0.1",))
    put(cache, "starlette", "0.0.1")
    with pytest.raises(NeverServableError, match="cannot stand beside the server") as refused:
        environment.ensure(naming(model(tmp_path / "m", line), "starlette"), cache)
    assert says in str(refused.value)
    assert f"the server needs starlette=={metadata.version('starlette')}" in str(refused.value)
    assert "Set the field `image`" in str(refused.value)
    assert list((cache / "environments").iterdir()) == []


def test_what_resolves_but_breaks_the_server_is_refused_before_anybody_uses_it(
    tmp_path: Path, cache: Path
) -> None:
    put(cache, "sqlparse", "0.4.1", code="raise ImportError('made for another Python')")
    with pytest.raises(
        NeverServableError, match=r"with sqlparse==0\.4\.1 installed.*made for another Python"
    ):
        environment.ensure(naming(model(tmp_path / "m", "sqlparse==0.4.1"), "sqlparse"), cache)
    assert list((cache / "environments").iterdir()) == []


def test_what_the_wheelhouse_does_not_hold_is_refused_with_pips_last_words(
    tmp_path: Path, cache: Path
) -> None:
    with pytest.raises(
        NeverServableError, match=r"cache/wheelhouse .*No matching distribution found for made-up==9"
    ):
        environment.ensure(model(tmp_path / "m", "made-up==9"), cache)


def test_an_index_that_does_not_answer_is_no_verdict_on_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(NotServableNowError, match="put the wheels into the folder cache/wheelhouse"):
        environment.ensure(model(tmp_path / "m", "made-up==1"), tmp_path / "cache")


@pytest.mark.parametrize("offered", ["xgboost-cpu", "xgboost"])
def test_of_two_packages_with_the_same_modules_the_lighter_is_taken_where_it_has_the_version(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, offered: str
) -> None:
    held = {"xgboost-cpu": "3.2.0"}  # as in the image
    monkeypatch.setattr("modelserver.installing.version_of", lambda name: held.get(name, ""))
    put(cache, offered, "1.0")
    wanted = Unmet(("xgboost==1.0",), ())
    assert resolve(wanted, tmp_path, cache / "wheelhouse") == [f"{offered}==1.0"]


def test_constraints_beside_the_model_are_heeded(tmp_path: Path, cache: Path) -> None:
    for version in ("1.0", "2.0"):
        put(cache, "made-up", version)
    (tmp_path / "constraints.txt").write_text("made-up<2\n")
    wanted = Unmet(("made-up",), ("-c constraints.txt",))
    assert resolve(wanted, tmp_path, cache / "wheelhouse") == ["made-up==1.0"]
