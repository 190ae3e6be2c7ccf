"""A whole serving process: what clients, probes and SIGTERM meet."""

import json
import os
import threading
import time
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
    assert server.ask("GET", "/")[0] == 200


def test_paths_that_are_not_there_leave_no_metrics(server: ServingProcess) -> None:
    for path in ("/wp-login.php", "/static_content/wp-login.php", "/invocations/wp-login.php"):
        assert server.ask("GET", path)[0] == 404
    assert "wp-login" not in server.ask("GET", "/metrics")[1]


INFER = {"inputs": [{"name": "all", "shape": [2, 4], "datatype": "FP64", "data": FLOWERS}]}


def test_the_v2_protocol_answers_for_this_version_alone(server: ServingProcess) -> None:
    for path in ("/v2/models/tested/infer", "/v2/models/tested/versions/3/infer"):
        status, body, _ = server.ask("POST", path, INFER)
        assert (status, json.loads(body)["outputs"][0]["data"]) == (200, [0, 2])
    assert server.ask("POST", "/v2/models/other/infer", INFER)[0] == 404
    assert json.loads(server.ask("GET", "/v2/models/tested")[1])["versions"] == ["3"]
    assert server.ask("GET", "/v2/health/ready")[0] == 200


def test_a_table_is_answered_as_csv(server: ServingProcess) -> None:
    table = pd.DataFrame(FLOWERS, columns=COLUMNS).to_csv(index=False).encode()
    status, body, _ = server.ask("POST", "/invocations", table, "text/csv; charset=utf-8")
    assert (status, json.loads(body)) == (200, {"predictions": [0, 2]})
    assert server.ask("POST", "/invocations", b"\xff\xfe", "text/csv")[0] == 400
    assert server.ask("POST", "/invocations", table, "text/csv; charset=latin-1")[0] == 415
    assert server.ask("POST", "/invocations", table, "text/html")[0] == 415


@pytest.mark.parametrize("path", ["/invocations", "/predict", "/v2/models/tested/infer"])
def test_a_body_above_the_limit_is_refused_whether_its_length_is_told_or_not(
    server: ServingProcess, path: str
) -> None:
    for body in (b" " * 100_001, iter([b" " * 60_000, b" " * 60_000])):
        connection = server.connect()
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert response.status == 413
        assert "100000 bytes" in response.read().decode()


def test_the_servers_own_openapi_tells_the_models_columns_and_example(server: ServingProcess) -> None:
    document = json.loads(server.ask("GET", "/openapi.json")[1])
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]
    formats = [next(iter(one["properties"])) for one in content["schema"]["oneOf"]]
    assert formats == ["dataframe_split", "dataframe_records", "inputs", "instances"]
    status, body, _ = server.ask("POST", "/invocations", content["example"])
    assert (status, json.loads(body)) == (200, {"predictions": [0, 0]})


def test_a_model_of_seconds_leaves_probes_quick_and_too_many_requests_are_told_to_come_again(
    tmp_path: Path,
) -> None:
    for pipe in ("load", "predict"):
        os.mkfifo(tmp_path / pipe)
    model = scripted(tmp_path / "model", WAITING, example=pd.DataFrame({"x": [1.0]}))
    limits = {"MODELCYCLE_MAX_CONCURRENCY": "1", "MODELCYCLE_PREDICT_TIMEOUT_SECONDS": "2"}
    server = ServingProcess(model, tmp_path, PIPES=str(tmp_path), **limits).listening()
    try:
        (tmp_path / "load").write_text("go")
        server.line("ready after")
        slow: list[tuple[int, str]] = []
        asking = threading.Thread(
            target=lambda: slow.append(server.ask("POST", "/predict", {"rows": [[101.0]]})[:2])
        )
        asking.start()
        with (tmp_path / "predict").open("w"):
            began = time.perf_counter()
            assert server.ask("GET", "/livez")[0] == 200
            assert time.perf_counter() - began < 1
            for path, body in (
                ("/invocations", {"inputs": {"x": [101.0]}}),
                ("/predict", {"rows": [[101.0]]}),
            ):
                status, _, headers = server.ask("POST", path, body)
                assert (status, headers["Retry-After"]) == (503, "1")
            asking.join()
            assert slow[0][0] == 504
    finally:
        server.kill()


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
