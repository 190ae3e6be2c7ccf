"""The outermost layer of the server: probes, metrics, the model's name on every answer, and draining."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

import prometheus_client

from modelserver import metrics
from modelserver.protocols import Header, Receive, Scope, Send, predictions, refusal, reply

App = Callable[[Scope, Receive, Send], Awaitable[None]]

PREDICTING = ("/invocations", "/predict")

# BentoML's page of documentation loads a tracker of its makers; with this a browser takes only our own files.
OWN_FILES_ONLY = (b"content-security-policy", b"default-src 'self' 'unsafe-inline' data:")


class Edge:
    """Answers probes from the first moment on, predictions once it is `ready`, and the rest by BentoML."""

    def __init__(self, model_name: str, model_version: str) -> None:
        self.ready = False
        self.draining = False
        self.bentoml: asyncio.Future[App] | None = None
        self.model = (model_name, model_version)
        # Names may hold any character, header values may not.
        self.headers = [
            (b"x-model-name", quote(model_name, safe=" !#$&'()*+,;=@[]~").encode()),
            (b"x-model-version", quote(model_version).encode()),
        ]
        self._meters = {path: _Meter(*self.model, path) for path in PREDICTING}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        status = 0

        async def send_marked(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._marks(path)]
            await send(message)

        meter = self._meters.get(path)
        if meter is None:
            await self._answer(path)(scope, receive, send_marked)
            return
        began = time.perf_counter()
        meter.in_progress.inc()
        try:
            await self._answer(path)(scope, receive, send_marked)
        finally:
            meter.in_progress.dec()
            meter.seconds.observe(time.perf_counter() - began)
            meter.count(status)

    def _answer(self, path: str) -> App:
        if path in ("/livez", "/healthz"):
            return text(200, "alive\n")
        if path == "/metrics":
            return _metrics
        if path == "/readyz":
            return self._readyz()
        if not self.ready:
            return _still_loading
        return predictions if path == "/invocations" else self._by_bentoml

    def _readyz(self) -> App:
        if self.draining:
            return text(503, "The server is shutting down.\n")
        if not self.ready:
            return text(503, "The model is still being loaded and proven.\n")
        return text(200, "ready\n")

    async def _by_bentoml(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.bentoml is not None
        # Shielded: a client that goes away must not stop it from coming up.
        await (await asyncio.shield(self.bentoml))(scope, receive, send)

    def _marks(self, path: str) -> list[Header]:
        marks = [*self.headers, OWN_FILES_ONLY] if path == "/" else self.headers
        # A client on keep-alive would come back to this pod after its endpoint has gone.
        return [*marks, (b"connection", b"close")] if self.draining else marks


class _Meter:
    """The metrics of one route, looked up once."""

    def __init__(self, model: str, version: str, path: str) -> None:
        labels = {"model": model, "version": version, "path": path}
        self.in_progress = metrics.in_progress.labels(**labels)
        self.seconds = metrics.seconds.labels(**labels)
        self._labels = labels
        self._counters: dict[int, prometheus_client.Counter] = {}

    def count(self, status: int) -> None:
        # 499 is the field's word for a client that went away before its answer.
        status = status or 499
        if status not in self._counters:
            self._counters[status] = metrics.requests_total.labels(**self._labels, code=str(status))
        self._counters[status].inc()


def text(status: int, said: str) -> App:
    """An application that says `said`."""
    return plain(status, said.encode(), b"text/plain; charset=utf-8")


def plain(status: int, body: bytes, content_type: bytes) -> App:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    return answer


async def _metrics(scope: Scope, receive: Receive, send: Send) -> None:
    # BentoML's own metrics are in the same registry; its route would want a folder of shared files.
    body = prometheus_client.generate_latest()
    await plain(200, body, prometheus_client.CONTENT_TYPE_LATEST.encode())(scope, receive, send)


async def _still_loading(scope: Scope, receive: Receive, send: Send) -> None:
    said = "The model is still being loaded and proven: try again when /readyz answers 200."
    await reply(send, refusal(503, said, ((b"retry-after", b"1"),)))
