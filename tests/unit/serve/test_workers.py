"""Several processes behind one port: ready together, counted together, ended together."""

import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.unit.serve.models import scripted
from tests.unit.serve.process import ServingProcess

# Loading waits for the pipe `load`; an answer is the process that gives it, for x above 100 after reading `predict`.
TELLS_ITS_PROCESS = """
def load_context(self, context):
    import os
    os.read(os.open(os.environ["PIPES"] + "/load", os.O_RDONLY), 1)

def predict(self, context, model_input, params=None):
    import os
    if model_input["x"].max() > 100:
        open(os.environ["PIPES"] + "/predict").read()
    return [float(os.getpid())] * len(model_input)
"""
ASKED = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    example = pd.DataFrame({"x": [1.0]})
    return scripted(tmp_path_factory.mktemp("workers") / "model", TELLS_ITS_PROCESS, example=example)


@pytest.fixture(params=["600"])
def server(folder: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ServingProcess]:
    """Two processes that drain for as many seconds as the parameter says."""
    for pipe in ("load", "predict"):
        os.mkfifo(tmp_path / pipe)
    env = {"PIPES": str(tmp_path), "MODELCYCLE_WORKERS": "2", "MODELCYCLE_DRAIN_SECONDS": request.param}
    process = ServingProcess(folder, tmp_path, TMPDIR=str(tmp_path), **env).listening()
    yield process
    process.kill()


def answering(server: ServingProcess, x: float = 1.0) -> int:
    """The process that answers one prediction on a connection of its own."""
    status, body, _ = server.ask("POST", "/invocations", {"inputs": {"x": [x]}})
    assert status == 200, body
    return int(float(re.findall(r"[\d.]+", body)[0]))


def ready(server: ServingProcess, pipes: Path) -> None:
    with (pipes / "load").open("wb", buffering=0) as load:
        load.write(b"go")
        for _ in range(2):
            server.line("ready after")


def test_no_process_is_ready_before_all_are(server: ServingProcess, tmp_path: Path) -> None:
    with (tmp_path / "load").open("wb", buffering=0) as load:
        load.write(b"1")
        server.line("waits for the others")
        assert {server.ask("GET", "/readyz")[0] for _ in range(ASKED)} == {503}
        load.write(b"2")
        for _ in range(2):
            server.line("ready after")
    assert {server.ask("GET", "/readyz")[0] for _ in range(ASKED)} == {200}


def test_metrics_are_those_of_all_processes_whichever_is_asked(
    server: ServingProcess, tmp_path: Path
) -> None:
    ready(server, tmp_path)
    processes = {answering(server) for _ in range(ASKED)}
    assert len(processes) == 2
    counted = (
        'modelcycle_requests_total{code="200",model="tested",path="/invocations",version="3"} '
        f"{float(ASKED)}"
    )
    for _ in range(ASKED):
        metrics = server.ask("GET", "/metrics")[1]
        assert counted in metrics
        assert f'modelcycle_batch_rows_count{{model="tested",version="3"}} {float(ASKED)}' in metrics
        assert re.search(r"^modelcycle_requests_in_progress.*invocations.* 0\.0$", metrics, re.MULTILINE)


def test_sigterm_drains_every_process_and_work_in_flight_is_done(
    server: ServingProcess, tmp_path: Path
) -> None:
    ready(server, tmp_path)
    slow: list[int] = []
    asking = threading.Thread(target=lambda: slow.append(answering(server, 101.0)))
    asking.start()
    with (tmp_path / "predict").open("w"):
        server.terminate()
        while {server.ask("GET", "/readyz")[0] for _ in range(ASKED)} != {503}:
            pass
        assert answering(server)
        server.terminate()  # the second one ends the draining
        for _ in range(2):
            server.line("Shutting down")
        assert not slow
    asking.join()
    assert len(slow) == 1
    assert server.ended()[0] == 0
    assert not list(tmp_path.glob("metrics-*"))


@pytest.mark.parametrize("server", ["0"], indirect=True)
def test_where_one_process_is_killed_the_others_end_and_the_reason_is_said(
    server: ServingProcess, tmp_path: Path
) -> None:
    ready(server, tmp_path)
    os.kill(answering(server), signal.SIGKILL)
    code, said = server.ended()
    assert code == 128 + signal.SIGKILL
    assert "One of the server's processes was ended by SIGKILL." in said.splitlines()


def test_a_version_that_cannot_be_served_is_said_by_one_exit_code(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: [python_function")
    code, said = ServingProcess(tmp_path, tmp_path, MODELCYCLE_WORKERS="2").ended()
    assert code == 3
    assert any(line.startswith("ModelNotServable: Loading the model in") for line in said.splitlines())
