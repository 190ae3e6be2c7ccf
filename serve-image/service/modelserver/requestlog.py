"""A sample of requests and their answers as JSON lines: for the eyes, for drift, for replay."""

import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from modelserver.protocols import Message, Receive, Send

# Of a request's and of an answer's body, each.
BYTES_MAX = 64 * 1024


class RequestLog:
    """Writes `sample` (0 to 1) of the requests to the file at `path`, or to stdout."""

    def __init__(self, sample: float, path: str, chance: Callable[[], float] = random.random) -> None:
        self._sample, self._chance = sample, chance
        self._file = open(path, "a", buffering=1) if path else sys.stdout  # noqa: SIM115, PTH123

    def entry(self, **known: Any) -> "Entry | None":
        """What listens to a request that was chosen; None for the others."""
        return Entry(known, self._write) if self._chance() < self._sample else None

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")


class Entry:
    """One request's line in the making."""

    def __init__(self, known: dict[str, Any], write: Callable[[dict[str, Any]], None]) -> None:
        self._known, self._write = known, write
        self._request, self._answer = b"", b""

    def hearing(self, receive: Receive) -> Receive:
        """`receive`, listened to."""

        async def heard() -> Message:
            message = await receive()
            self._request = (self._request + message.get("body", b""))[:BYTES_MAX]
            return message

        return heard

    def seeing(self, send: Send) -> Send:
        """`send`, listened to."""

        async def seen(message: Message) -> None:
            self._answer = (self._answer + message.get("body", b""))[:BYTES_MAX]
            await send(message)

        return seen

    def ended(self, status: int, seconds: float) -> None:
        """Writes the line."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        bodies = {"request": _readable(self._request), "answer": _readable(self._answer)}
        self._write({"time": at, **self._known, "status": status, "seconds": round(seconds, 6), **bodies})


def _readable(body: bytes) -> Any:
    """JSON as it is, anything else, and what was cut, as text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
