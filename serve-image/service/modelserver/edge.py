"""The outermost layer of the server: probes, metrics, the model's name on every answer, and draining."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

import prometheus_client
from starlette.responses import JSONResponse, PlainTextResponse, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PREDICTING = ("/invocations", "/predict")

# BentoML's page of documentation loads a tracker of its makers; with this a browser takes only our own files.
OWN_FILES_ONLY = (b"content-security-policy", b"default-src 'self' 'unsafe-inline' data:")

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
requests_total = prometheus_client.Counter(
    "modelcycle_requests", "Requests answered, by status code.", ["model", "version", "path", "code"]
)


class Edge:
    """Answers probes from the first moment on, and everything else by `app` once there is one."""

    def __init__(self, model_name: str, model_version: str) -> None:
        self.app: App | None = None
        self.draining = False
        self.model = (model_name, model_version)
        # Names may hold any character, header values may not.
        self.headers = [
            (b"x-model-name", quote(model_name, safe=" !#$&'()*+,;=@[]~").encode()),
            (b"x-model-version", quote(model_version).encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        app = self._own_answer(path) or self.app or _still_loading()

        async def send_marked(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *self.headers, *self._closing()]
                if path == "/":
                    message["headers"].append(OWN_FILES_ONLY)
                if path in PREDICTING:
                    requests_total.labels(*self.model, path, message["status"]).inc()
            await send(message)

        await app(scope, receive, send_marked)

    def _own_answer(self, path: str) -> Response | None:
        if path in ("/livez", "/healthz"):
            return PlainTextResponse("alive\n")
        if path == "/metrics":
            # BentoML's own metrics are in the same registry; its route would want a folder of shared files.
            return Response(
                prometheus_client.generate_latest(), media_type=prometheus_client.CONTENT_TYPE_LATEST
            )
        if path != "/readyz":
            return None
        if self.draining:
            return PlainTextResponse("The server is shutting down.\n", status_code=503)
        if self.app is None:
            return PlainTextResponse("The model is still being loaded and proven.\n", status_code=503)
        return PlainTextResponse("ready\n")

    def _closing(self) -> list[tuple[bytes, bytes]]:
        # A client on keep-alive would come back to this pod after its endpoint has gone.
        return [(b"connection", b"close")] if self.draining else []


def _still_loading() -> Response:
    said = {"error": "The model is still being loaded and proven: try again when /readyz answers 200."}
    return JSONResponse(said, status_code=503, headers={"retry-after": "1"})
