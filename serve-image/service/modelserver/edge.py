"""The outermost layer of the server: probes, metrics, the model's name on every answer, and draining."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

import orjson
from prometheus_client import CONTENT_TYPE_LATEST

from modelserver import documents, v2
from modelserver.known import knows
from modelserver.metrics import Meter, exposition
from modelserver.model import Model
from modelserver.protocols import (
    Answer,
    ClientGoneError,
    Header,
    Receive,
    Scope,
    Send,
    predictions,
    read_body,
    refusal,
    replayed,
    reply,
    too_large,
)
from modelserver.requestlog import RequestLog
from modelserver.routes import PREDICTING, Route, route
from modelserver.tokens import OPEN, Guard
from modelserver.tracing import traced

App = Callable[[Scope, Receive, Send], Awaitable[None]]

# BentoML's page of documentation loads a tracker of its makers; with this a browser takes only our own files.
OWN_FILES_ONLY = (b"content-security-policy", b"default-src 'self' 'unsafe-inline' data:")


class Edge:
    """Answers probes from the first moment on, predictions once it has a model, and the rest by BentoML."""

    def __init__(
        self,
        model_name: str,
        model_version: str,
        max_body_bytes: int = 64 * 2**20,
        log: RequestLog | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.model: Model | None = None
        self.draining = False
        self.bentoml: asyncio.Future[App] | None = None
        self.name, self.version = model_name, model_version
        self.max_body_bytes = max_body_bytes
        self.log = log
        self._guard = guard
        self._predictions: App = traced(predictions)
        # Names may hold any character, header values may not.
        self.headers = [
            (b"x-model-name", quote(model_name, safe=" !#$&'()*+,;=@[]~").encode()),
            (b"x-model-version", quote(model_version).encode()),
        ]
        self._meters = {name: Meter(model_name, model_version, name) for name in PREDICTING}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        asked = route(path, self.name, self.version)
        status = 0

        async def marked(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *self._marks(path)]
            await send(message)

        send_marked: Send = marked
        meter = self._meters.get(asked)
        if meter is None:
            await self._app(asked, scope)(scope, receive, send_marked)
            return
        began = time.perf_counter()
        meter.in_progress.inc()
        entry = self.log.entry(model=self.name, version=self.version, path=path) if self.log else None
        if entry:
            receive, send_marked = entry.hearing(receive), entry.seeing(send_marked)
        try:
            await self._app(asked, scope)(scope, receive, send_marked)
        except ClientGoneError:
            pass
        finally:
            seconds = time.perf_counter() - began
            meter.ended(status, seconds)
            if entry:
                entry.ended(status, seconds)

    def _app(self, asked: Route, scope: Scope) -> App:
        if self._guard and asked not in OPEN and (refused := self._guard.refuses(scope)):
            return _answering(refused)
        if asked == Route.LIVE:
            return document(b"alive\n", TEXT)
        if asked == Route.READY:
            return self._readyz()
        if asked == Route.METRICS:
            # BentoML's own metrics are in the same registry; its route would want a folder of shared files.
            return document(exposition(), CONTENT_TYPE_LATEST)
        if self.model is None:
            return _still_loading
        if asked in (Route.INVOCATIONS, Route.INFER):
            return self._predictions
        if asked in (Route.BENTOML, Route.PREDICT):
            return self._by_bentoml
        return self._description(asked, self.model)

    def _readyz(self) -> App:
        if self.draining:
            return document(b"The server is shutting down.\n", TEXT, 503)
        if self.model is None:
            return document(b"The model is still being loaded and proven.\n", TEXT, 503)
        return document(b"ready\n", TEXT)

    def _description(self, asked: Route, model: Model) -> App:
        if asked == Route.V2:
            said: Any = {"name": "modelcycle", "version": self.version, "extensions": []}
        elif asked == Route.V2_MODEL:
            said = v2.metadata(self.name, self.version, model.description)
        elif asked == Route.OPENAPI:
            said = documents.openapi(self.name, self.version, model.description, model.request_example())
        else:
            reason = {"error": f"This server serves the model {self.name!r}, version {self.version!r}."}
            return document(orjson.dumps(reason), JSON, 404)
        return document(json.dumps(said).encode(), JSON)

    async def _by_bentoml(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.bentoml is not None
        body = await read_body(receive, self.max_body_bytes) if scope["method"] == "POST" else b""
        if body is None:
            return await reply(send, too_large(self.max_body_bytes))
        # Shielded: a client that goes away must not stop it from coming up.
        app = await asyncio.shield(self.bentoml)
        if not knows(app, scope):
            return await reply(
                send, refusal(404, "There is no such page: /openapi.json and /docs.json tell which.")
            )
        return await app(scope, replayed(body, receive) if body else receive, send)

    def _marks(self, path: str) -> list[Header]:
        marks = [*self.headers, OWN_FILES_ONLY] if path == "/" else self.headers
        # A client on keep-alive would come back to this pod after its endpoint has gone.
        return [*marks, (b"connection", b"close")] if self.draining else marks


TEXT, JSON = "text/plain; charset=utf-8", "application/json"


def document(body: bytes, content_type: str, status: int = 200) -> App:
    """An application that answers GET and HEAD with `body`."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if status == 200 and scope["method"] not in ("GET", "HEAD"):
            return await reply(send, refusal(405, "Send a GET request.", ((b"allow", b"GET, HEAD"),)))
        headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        return None

    return answer


def _answering(answer: Answer) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await reply(send, answer)

    return app


async def _still_loading(scope: Scope, receive: Receive, send: Send) -> None:
    said = "The model is still being loaded and proven: try again when /readyz answers 200."
    await reply(send, refusal(503, said, ((b"retry-after", b"1"),)))
