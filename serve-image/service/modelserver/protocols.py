"""The routes that predict, as one ASGI application: the short way from a request's bytes to an answer's.

The edge calls it in front of BentoML's layers, and BentoML's service mounts it, for `bentoml serve`.
"""

import functools
import logging
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from modelserver import scoring, v2
from modelserver.failures import (
    MalformedBodyError,
    OverloadedError,
    TookTooLongError,
    UnfitInputError,
    one_line,
)
from modelserver.gate import gate
from modelserver.model import served
from modelserver.settings import of_process

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
    """POST /invocations and POST /v2/models/NAME[/versions/VERSION]/infer."""
    if scope["method"] != "POST":
        return await reply(send, refusal(405, "Send a POST request.", ((b"allow", b"POST"),)))
    body = await read_body(receive, of_process().max_body_bytes)
    if body is None:
        return await reply(send, too_large(of_process().max_body_bytes))
    if not scope["path"].endswith("/infer"):
        return await reply(send, await _invocations(header(scope, b"content-type"), body))
    return await reply(send, await _infer(body))


async def _invocations(content_type: bytes, body: bytes) -> Answer:
    model = served()
    kind, _, parameters = content_type.decode("latin-1").lower().partition(";")
    kind = kind.strip()
    if "charset" in parameters and "utf-8" not in parameters:
        return refusal(415, f"Send text in UTF-8 (the header is `Content-Type: {kind};{parameters}`).")
    if kind in (scoring.CSV, scoring.PARQUET):
        return await answered(functools.partial(scoring.score_table, model, body, kind), len(body))
    if kind != "application/json":
        return refusal(
            415,
            f"Send `Content-Type: application/json`, `{scoring.CSV}` or `{scoring.PARQUET}` (it is {kind!r}).",
        )
    short = functools.partial(scoring.plain_invocations, model, body) if model.native else None
    return await answered(functools.partial(scoring.invocations, model, body), len(body), short)


async def _infer(body: bytes) -> Answer:
    settings = of_process()
    asked = (served(), settings.model_name, settings.model_version, body)
    short = functools.partial(v2.plain_infer, *asked) if served().native else None
    return await answered(functools.partial(v2.infer, *asked), len(body), short)


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


def too_large(limit: int) -> Answer:
    """The answer to a body above the limit; the rest of it is not read, so the connection ends."""
    said = f"The body is larger than {limit} bytes: send fewer rows at a time."
    return refusal(413, said, ((b"connection", b"close"),))


async def reply(send: Send, answer: Answer) -> None:
    """Sends `answer` as JSON."""
    status, body, more = answer
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None where it is longer than `limit` bytes. Raises ClientGoneError."""
    parts, length, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        parts.append(part)
        length += len(part)
        if length > limit:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives `body` first, for an application inside."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def header(scope: Scope, name: bytes) -> bytes:
    """The value of a header, empty where it is not sent."""
    return next((value for key, value in scope["headers"] if key == name), b"")


class ClientGoneError(Exception):
    """The client closed its connection before its request was whole."""
