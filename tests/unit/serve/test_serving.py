"""A whole serving process: what clients, probes and SIGTERM meet."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.unit.serve.models import COLUMNS, FLOWERS, scripted
from tests.unit.serve.process import ServingProcess, ask

SPLIT = {"dataframe_split": {"columns": COLUMNS, "data": FLOWERS}}

# Loading waits until the pipe `load` is written to, and so does a prediction for x above 100 with `predict`.
WAITING = """
def load_context(self, context):
    import os
    open(os.environ["PIPES"] + "/load").read()

def predict(self, context, model_input, params=None):
    import os
    if model_input["x"].max() > 100:
        open(os.environ["PIPES"] + "/predict").read()
    return [2 * x for x in model_input["x"]]
"""


@pytest.fixture(scope="module")
def server(iris: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingProcess]:
    process = ServingProcess(iris, tmp_path_factory.mktemp("server"))
    yield process.ready()
    process.kill()


def test_invocations_and_predict_answer_the_same(server: ServingProcess) -> None:
    status, body, headers = server.ask("POST", "/invocations", SPLIT)
    assert (status, json.loads(body)) == (200, {"predictions": [0, 2]})
    assert (headers["X-Model-Name"], headers["X-Model-Version"]) == ("tested", "3")
    status, body, headers = server.ask("POST", "/predict", {"rows": FLOWERS})
    assert (status, json.loads(body)) == (200, [0, 2])
    assert (headers["X-Model-Name"], headers["X-Model-Version"]) == ("tested", "3")


@pytest.mark.parametrize(
    ("path", "payload", "status", "names"),
    [
        ("/invocations", {"inputs": {COLUMNS[0]: [1.0]}}, 422, "petal width (cm)"),
        ("/invocations", b'{"inputs"', 400, "not JSON"),
        ("/predict", {"rows": [{COLUMNS[0]: 1.0}]}, 422, "petal width (cm)"),
        ("/predict", {"rows": "all"}, 400, "rows"),
        ("/predict", b'{"rows"', 400, "Invalid JSON"),
    ],
)
def test_bad_input_is_refused_by_name(
    server: ServingProcess, path: str, payload: Any, status: int, names: str
) -> None:
    answered, body, headers = server.ask("POST", path, payload)
    assert answered == status
    assert names in body
    assert headers["X-Model-Version"] == "3"


def test_metrics_count_by_model_and_code_and_hold_bentomls_own(server: ServingProcess) -> None:
    server.ask("POST", "/predict", {"rows": FLOWERS})
    metrics = server.ask("GET", "/metrics")[1]
    assert 'modelcycle_requests_total{code="200",model="tested",path="/predict",version="3"}' in metrics
    assert "bentoml_service_request_duration_seconds_bucket" in metrics


def test_bentomls_description_of_the_api_is_served(server: ServingProcess) -> None:
    status, body, _ = server.ask("GET", "/docs.json")
    assert status == 200
    assert "/predict" in json.loads(body)["paths"]


def test_a_slow_model_is_alive_while_it_loads_and_predicts_and_ends_its_work_before_it_goes(
    tmp_path: Path,
) -> None:
    for pipe in ("load", "predict"):
        os.mkfifo(tmp_path / pipe)
    model = scripted(tmp_path / "model", WAITING, example=pd.DataFrame({"x": [1.0]}))
    server = ServingProcess(model, tmp_path, PIPES=str(tmp_path), MODELCYCLE_DRAIN_SECONDS="600").listening()
    try:
        assert server.ask("GET", "/livez")[0] == 200
        assert server.ask("GET", "/readyz")[:2] == (503, "The model is still being loaded and proven.\n")
        status, _, headers = server.ask("POST", "/predict", {"rows": [[1.0]]})
        assert (status, headers["Retry-After"]) == (503, "1")
        (tmp_path / "load").write_text("go")
        server.line("ready after")

        kept_alive = server.connect()
        status, _, headers = ask(kept_alive, "POST", "/predict", {"rows": [[1.0]]})
        assert (status, headers["Connection"]) == (200, None)
        in_flight: list[tuple[int, str]] = []
        slow = threading.Thread(
            target=lambda: in_flight.append(server.ask("POST", "/predict", {"rows": [[101.0]]})[:2])
        )
        slow.start()
        # Opening for writing waits until the model reads: from then on the request is in flight.
        with (tmp_path / "predict").open("w") as predict:
            assert server.ask("GET", "/livez")[0] == 200
            assert server.ask("GET", "/readyz")[0] == 200
            server.terminate()
            while server.ask("GET", "/readyz")[0] == 200:
                pass
            assert server.ask("GET", "/readyz")[:2] == (503, "The server is shutting down.\n")
            assert server.ask("GET", "/livez")[0] == 200
            status, body, headers = ask(kept_alive, "POST", "/predict", {"rows": [[2.0]]})
            assert (status, body, headers["Connection"]) == (200, "[4.0]", "close")
            server.terminate()  # the second one ends the draining
            server.line("Shutting down")
            assert not in_flight
            predict.write("go")
        slow.join()
        assert in_flight == [(200, "[202.0]")]
        assert server.ended()[0] == 0
    finally:
        server.kill()


def test_a_model_without_an_example_proves_itself_by_loading_and_draining_ends_by_itself(
    tmp_path: Path,
) -> None:
    model = scripted(tmp_path / "model", "def predict(self, context, model_input, params=None): return [1.0]")
    server = ServingProcess(model, tmp_path, MODELCYCLE_DRAIN_SECONDS="0").listening()
    try:
        server.line("ready after.*without an input example: loading is all that is proven")
        assert server.ask("GET", "/readyz")[0] == 200
        server.terminate()
        assert server.ended()[0] == 0
    finally:
        server.kill()


def test_sigterm_while_loading_ends_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "load")
    model = scripted(tmp_path / "model", WAITING)
    server = ServingProcess(model, tmp_path, PIPES=str(tmp_path), MODELCYCLE_DRAIN_SECONDS="600").listening()
    assert server.ask("GET", "/livez")[0] == 200
    server.terminate()
    assert server.ended()[0] == 0
