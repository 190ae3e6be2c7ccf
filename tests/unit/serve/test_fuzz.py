"""Whatever is sent, a sound model's server never answers 500, never ends, and never grows.

FUZZ_EXAMPLES and BAD_REQUESTS make it longer: `make test-faults` sends 100,000 bad requests.
"""

import http.client
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from modelserver import protocols
from modelserver.gate import Gate
from modelserver.model import Model, load
from modelserver.protocols import answered
from modelserver.scoring import invocations, score_table
from modelserver.v2 import infer

from tests.unit.serve.models import COLUMNS, FLOWERS
from tests.unit.serve.process import ServingProcess

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
BAD_REQUESTS = int(os.environ.get("BAD_REQUESTS", "600"))
GROWTH_MIB = 20
# Seconds: a prediction that takes the server 60 is answered 504, which no case here may be.
BEYOND_THE_SERVERS_OWN_LIMIT = 70
FUZZING = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([2**63, 2**64, -(2**70), 1e300, "1.5", "1e999", "nan", "2024-01-01", COLUMNS[0]])
)
KEYS = st.sampled_from(
    [*COLUMNS, "columns", "data", "index", "inputs", "name", "shape", "datatype"]
) | st.text(max_size=4)
JSON = st.recursive(
    SCALARS, lambda part: st.lists(part, max_size=5) | st.dictionaries(KEYS, part, max_size=5), max_leaves=25
)
FORMATS = ["dataframe_split", "dataframe_records", "instances", "inputs", "params", "messages"]
ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, SCALARS)), max_size=4)
TABLES = st.fixed_dictionaries(
    {"columns": st.permutations(COLUMNS), "data": st.lists(st.lists(SCALARS, max_size=5))}
)
SCORING = (
    st.dictionaries(st.sampled_from(FORMATS), JSON | ROWS | TABLES, max_size=2)
    | st.fixed_dictionaries({"dataframe_split": TABLES})
    | st.fixed_dictionaries(
        {"inputs": st.fixed_dictionaries(dict.fromkeys(COLUMNS, st.lists(SCALARS, max_size=3)))}
    )
    | JSON
)
TENSOR = st.fixed_dictionaries(
    {
        "name": st.sampled_from(COLUMNS) | st.text(max_size=3),
        "shape": st.lists(st.integers(-1, 5), max_size=3) | JSON,
        "datatype": st.sampled_from(["FP64", "FP32", "INT64", "INT8", "UINT8", "BOOL", "BYTES", "FP8"]),
        "data": st.lists(SCALARS, max_size=8) | JSON,
    }
)
V2 = (
    st.fixed_dictionaries({"inputs": st.lists(TENSOR, max_size=4)}, optional={"id": JSON, "parameters": JSON})
    | JSON
)


@pytest.fixture(scope="module")
def sound(iris: Path) -> Iterator[Model]:
    gate = Gate(timeout=60, max_concurrency=10, threads=1)
    patch = pytest.MonkeyPatch()
    patch.setattr(protocols, "gate", lambda: gate)
    yield load(iris)
    patch.undo()


@pytest.mark.filterwarnings("ignore")
@FUZZING
@given(body=SCORING.map(json.dumps).map(str.encode) | st.binary(max_size=40))
async def test_no_scoring_body_is_the_servers_fault(sound: Model, body: bytes) -> None:
    status, _, _ = await answered(lambda: invocations(sound, body), len(body))
    assert status in (200, 400, 422), body


@pytest.mark.filterwarnings("ignore")
@FUZZING
@given(body=V2.map(json.dumps).map(str.encode) | st.binary(max_size=40))
async def test_no_inference_request_is_the_servers_fault(sound: Model, body: bytes) -> None:
    status, _, _ = await answered(lambda: infer(sound, "m", "1", body), len(body))
    assert status in (200, 400, 422), body


@pytest.mark.filterwarnings("ignore")
@FUZZING
@given(table=st.text(alphabet="0123456789.,\n-e\"'ab" + COLUMNS[0], max_size=80), headed=st.booleans())
async def test_no_table_is_the_servers_fault(sound: Model, table: str, headed: bool) -> None:
    body = ((",".join(COLUMNS) + "\n" if headed else "") + table).encode()
    status, _, _ = await answered(lambda: score_table(sound, body, "text/csv"), len(body))
    assert status in (200, 400, 422), body


def test_requests_made_of_its_own_openapi_are_answered_as_that_says(server: ServingProcess) -> None:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) == 5
    for operation in operations:

        @settings(FUZZING, max_examples=max(5, EXAMPLES // 10))
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            response = case.call(timeout=BEYOND_THE_SERVERS_OWN_LIMIT)
            assert response.status_code < 500, case.as_curl_command()
            case.validate_response(response, checks=[schemathesis.checks.not_a_server_error])

        ask()
    assert server.ask("GET", "/readyz")[0] == 200


def resident_mib(server: ServingProcess) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def bad_requests(count: int, seed: int) -> Iterator[tuple[str, bytes, str]]:
    """Requests that no model takes: of each kind as many, each of another content."""
    chance = random.Random(seed)
    for number in range(count):
        odd = f"{chance.random():.17f}"
        kinds: list[tuple[str, Any, str]] = [
            ("/invocations", {"dataframe_records": [{odd: 1.0}]}, "application/json"),
            (
                "/invocations",
                {"dataframe_split": {"columns": COLUMNS, "data": [[odd + "x"] * 4]}},
                "application/json",
            ),
            ("/invocations", {odd: 1}, "application/json"),
            ("/invocations", f"{{{odd}", "application/json"),
            ("/invocations", f"a,b\n{odd}", "text/csv"),
            ("/invocations", odd, f"text/x-{odd}"),
            ("/v2/models/tested/infer", {"inputs": [{"name": odd, "shape": [1]}]}, "application/json"),
            (f"/v2/models/{odd}/infer", {}, "application/json"),
            (f"/{odd}", {}, "application/json"),
            ("/predict", {"rows": [[odd]]}, "application/json"),
        ]
        path, body, content_type = kinds[number % len(kinds)]
        yield path, (body if isinstance(body, str) else json.dumps(body)).encode(), content_type


def send(server: ServingProcess, count: int, seed: int) -> None:
    connection = server.connect()
    for path, body, content_type in bad_requests(count, seed):
        try:
            connection.request("POST", path, body, {"Content-Type": content_type})
            response: http.client.HTTPResponse = connection.getresponse()
            response.read()
        except OSError as error:
            raise AssertionError(f"{path} {body!r}: {error}; it said\n{''.join(server.last)}") from error
        assert 400 <= response.status < 500, (path, body, response.status)


@pytest.mark.timeout(7200)
def test_bad_requests_leave_nothing_behind(server: ServingProcess) -> None:
    server.ask("POST", "/invocations", {"dataframe_split": {"columns": COLUMNS, "data": FLOWERS}})
    send(server, max(200, BAD_REQUESTS // 10), seed=1)
    before = resident_mib(server)
    send(server, BAD_REQUESTS, seed=2)
    after = resident_mib(server)
    print(f"{BAD_REQUESTS} bad requests: {before:.0f} MiB became {after:.0f}")  # noqa: T201 (test-faults shows it)
    assert after - before < GROWTH_MIB, f"{before:.0f} MiB became {after:.0f}"
    assert server.ask("GET", "/readyz")[0] == 200
