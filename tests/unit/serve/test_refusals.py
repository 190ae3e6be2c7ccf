"""Versions that cannot be served: the verdict, the exit code, and the last line of stderr."""

import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from modelserver.failures import NeverServableError, NotServableNowError
from modelserver.model import load, prove

from tests.unit.serve.models import scripted
from tests.unit.serve.process import ServingProcess

ONE_ROW = pd.DataFrame({"x": [1.0]})
RAISES = "def predict(self, context, model_input, params=None): raise KeyError('petal')"
HANGS = "def predict(self, context, model_input, params=None): __import__('threading').Event().wait()"


@pytest.mark.parametrize(
    ("body", "verdict", "says"),
    [
        (RAISES, NeverServableError, "(KeyError: 'petal'). Train and register another version."),
        (
            """
            def load_context(self, context): import no_such_package.part
            def predict(self, context, model_input, params=None): return [1.0]
            """,
            NeverServableError,
            "needs the package 'no_such_package', which this image lacks",
        ),
        (
            "def predict(self, context, model_input, params=None): import no_such_package",
            NeverServableError,
            "Set the field `image`",
        ),
        (
            "def predict(self, context, model_input, params=None): return object()",
            NeverServableError,
            "not JSON serializable",
        ),
        (
            "def predict(self, context, model_input, params=None): raise MemoryError",
            NotServableNowError,
            "resources.limits.memory",
        ),
    ],
)
def test_a_model_that_fails_on_its_own_example_gets_a_verdict_with_the_cure(
    tmp_path: Path, body: str, verdict: type[Exception], says: str
) -> None:
    folder = scripted(tmp_path / "model", body, example=ONE_ROW)
    with pytest.raises(verdict) as refused:
        prove(load(folder))
    assert str(folder) in str(refused.value)
    assert says in str(refused.value)


def test_an_example_that_does_not_fit_the_signature_is_named(iris: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(iris, tmp_path / "model"))
    (folder / "input_example.json").write_text('{"columns": ["petals"], "data": [[5.0]]}')
    with pytest.raises(NeverServableError, match=r"example does not fit .*missing inputs \['sepal length"):
        prove(load(folder))


@pytest.mark.parametrize("damage", ["broken MLmodel", "truncated model file", "no model file"])
def test_a_damaged_folder_is_never_servable(iris: Path, tmp_path: Path, damage: str) -> None:
    folder = Path(shutil.copytree(iris, tmp_path / "model"))
    (model_file,) = folder.glob("model.*")
    match damage:
        case "broken MLmodel":
            (folder / "MLmodel").write_text("flavors: [python_function")
        case "truncated model file":
            model_file.write_bytes(model_file.read_bytes()[:50])
        case "no model file":
            model_file.unlink()
    with pytest.raises(NeverServableError, match=r"^Loading the model in .* failed \(.*another version\.$"):
        load(folder)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ServingProcess]]:
    """One process for each way to end: they start together, as most of their time is imports."""
    scratch = tmp_path_factory.mktemp("refused")
    raising = scripted(scratch / "raising", RAISES, example=ONE_ROW)
    hanging = scripted(scratch / "hanging", HANGS, example=ONE_ROW)
    running = {
        "no folder": ServingProcess(scratch / "gone", scratch),
        "raising": ServingProcess(raising, scratch),
        "hanging": ServingProcess(hanging, scratch, MODELCYCLE_SELF_TEST_TIMEOUT_SECONDS="1"),
    }
    yield running
    for process in running.values():
        process.kill()


@pytest.mark.parametrize(
    ("why", "code", "says"),
    [
        ("no folder", 3, "ModelNotServable: The model folder .*gone does not exist on the volume"),
        ("raising", 3, "SelfTestFailed: Answering .*KeyError: 'petal'"),
        ("hanging", 1, "SelfTestFailed: The model did not .* within 1 s. Give the pod more CPU"),
    ],
)
def test_the_process_ends_with_the_verdict_and_its_reason_in_the_last_line(
    processes: dict[str, ServingProcess], why: str, code: int, says: str
) -> None:
    ended, said = processes[why].ended()
    assert ended == code, said
    assert re.match(says, said.splitlines()[-1])


def test_a_port_that_is_taken_is_no_verdict_on_the_version(iris: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = ServingProcess(iris, tmp_path, PORT=str(taken.getsockname()[1])).ended()
    assert code == 1
    assert "Address already in use" in said.splitlines()[-1]
