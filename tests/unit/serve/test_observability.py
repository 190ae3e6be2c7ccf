"""The sampled request log, and spans sent to a collector."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from modelserver.requestlog import BYTES_MAX, RequestLog
from modelserver.tracing import asked_for
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.unit.serve.models import COLUMNS, FLOWERS
from tests.unit.serve.process import ServingProcess

SPLIT = {"dataframe_split": {"columns": COLUMNS, "data": FLOWERS}}


async def one_request(log: RequestLog, body: bytes, answer: bytes) -> None:
    entry = log.entry(model="iris", version="3", path="/invocations")
    if entry is None:
        return

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        pass

    await entry.hearing(receive)()
    await entry.seeing(send)({"type": "http.response.body", "body": answer})
    entry.ended(200, 0.25)


@pytest.mark.parametrize(
    ("body", "logged"),
    [
        (b'{"inputs": [1.5]}', {"inputs": [1.5]}),
        (b"a,b\n1,2", "a,b\n1,2"),
        (b"\xff", "\ufffd"),
        (b"x" * (BYTES_MAX + 5), "x" * BYTES_MAX),
    ],
    ids=["JSON", "CSV", "no text", "too long"],
)
async def test_a_chosen_request_is_one_line_with_its_answer(tmp_path: Path, body: bytes, logged: Any) -> None:
    chances = iter([0.09, 0.11])
    log = RequestLog(0.1, str(tmp_path / "log"), chance=lambda: next(chances))
    for _ in range(2):
        await one_request(log, body, b'{"predictions": [0]}')
    (line,) = (tmp_path / "log").read_text().splitlines()
    said = json.loads(line)
    assert (said["request"], said["answer"]) == (logged, {"predictions": [0]})
    assert (said["model"], said["version"], said["status"], said["seconds"]) == ("iris", "3", 200, 0.25)


@pytest.mark.parametrize(
    ("env", "asked"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}, False),
    ],
)
def test_spans_are_made_where_opentelemetrys_environment_says_so(env: dict[str, str], asked: bool) -> None:
    assert asked_for(env) == asked


class Collector(HTTPServer):
    """Keeps the spans it is sent, by name."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CollectorHandler)
        self.spans: dict[str, Any] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class CollectorHandler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        import gzip

        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        sent = ExportTraceServiceRequest.FromString(body)
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                self.server.spans |= {span.name: span for span in scope.spans}
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


def test_both_ways_of_a_prediction_send_spans_that_continue_the_clients_trace(
    iris: Path, tmp_path: Path
) -> None:
    collector = Collector()
    server = ServingProcess(
        iris,
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
        MODELCYCLE_REQUEST_LOG_SAMPLE="1",
        MODELCYCLE_REQUEST_LOG_FILE=str(tmp_path / "requests"),
        MODELCYCLE_DRAIN_SECONDS="0",
    )
    try:
        server.ready()
        trace = "0af7651916cd43dd8448eb211c80319c"
        for path, body in (("/invocations", SPLIT), ("/predict", {"rows": FLOWERS})):
            connection = server.connect()
            headers = {"Content-Type": "application/json", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
            connection.request("POST", path, json.dumps(body), headers)
            assert connection.getresponse().status == 200
        server.terminate()
        assert server.ended()[0] == 0
    finally:
        server.kill()
        collector.shutdown()
    traced = {name for name, span in collector.spans.items() if span.trace_id.hex() == trace}
    assert any("/invocations" in name for name in traced)
    assert any("/predict" in name for name in traced)
    lines = [json.loads(line) for line in (tmp_path / "requests").read_text().splitlines()]
    assert [(line["path"], line["answer"]) for line in lines] == [
        ("/invocations", {"predictions": [0, 2]}),
        ("/predict", [0, 2]),
    ]
