"""The routes that predict, as one ASGI application: the short way from a request's bytes to an answer's.

The edge calls it in front of BentoML's layers, and BentoML's service mounts it, for `bentoml serve`.
"""

import functools
import logging
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from modelserver import scoring
from modelserver.failures import (
    MalformedBodyError,
    OverloadedError,
    TookTooLongError,
    UnfitInputError,
    one_line,
)
from modelserver.gate import gate
from modelserver.model import served

log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]
# Status, body and further headers.
Answer = tuple[int, bytes, tuple[Header, ...]]

_STATUSES: dict[type[Exception], int] = {
    MalformedBodyError: 400,
    UnfitInputError: 422,
    OverloadedError: 503,
    TookTooLongError: 504,
}
_RETRY_SOON = ((b"retry-after", b"1"),)


async def predictions(scope: Scope, receive: Receive, send: Send) -> None:
    """POST /invocations."""
    if scope["method"] != "POST":
        return await reply(send, refusal(405, "Send a POST request.", ((b"allow", b"POST"),)))
    content_type = header(scope, b"content-type").partition(b";")[0].strip().lower()
    body = await read_body(receive)
    return await reply(send, await _invocations(content_type, body))


async def _invocations(content_type: bytes, body: bytes) -> Answer:
    if content_type != b"application/json":
        sent = content_type.decode("latin-1")
        return refusal(415, f"Send the header `Content-Type: application/json` (it is {sent!r}).")
    model = served()
    whole = functools.partial(scoring.invocations, model, body)
    # A native model needs MLflow, whose import takes seconds, for unusual bodies only: never on the event loop.
    short = functools.partial(scoring.plain_invocations, model, body) if model.native else whole
    return await answered(whole, len(body), short)


async def answered(
    work: Callable[[], bytes], size: int, short: Callable[[], bytes | None] | None = None
) -> Answer:
    """Runs `work`, which gives a JSON body, through the gate; what it raises becomes the status of the answer."""
    try:
        return 200, await gate().run(work, size, short), ()
    except tuple(_STATUSES) as error:
        status = _STATUSES[type(error)]
        return refusal(status, error, _RETRY_SOON if status == 503 else ())
    except Exception:
        error_id = uuid.uuid4().hex
        log.exception("a prediction failed", extra={"error_id": error_id})
        said = "The model failed on input that fits its signature; the pod's log has the reason by this error id."
        return 500, orjson.dumps({"error": said, "error_id": error_id}), ()


def refusal(status: int, reason: object, headers: tuple[Header, ...] = ()) -> Answer:
    """An answer whose body is {"error": sentence}."""
    return status, orjson.dumps({"error": one_line(reason)}), headers


async def reply(send: Send, answer: Answer) -> None:
    """Sends `answer` as JSON."""
    status, body, more = answer
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive) -> bytes:
    """The whole body."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body


def header(scope: Scope, name: bytes) -> bytes:
    """The value of a header, empty where it is not sent."""
    return next((value for key, value in scope["headers"] if key == name), b"")
