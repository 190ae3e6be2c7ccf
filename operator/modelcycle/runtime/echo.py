"""Liveness by echo: a write that succeeded has to come back through the watch.

A watch can end without a word, and an operator that sees nothing looks as healthy as one that has nothing to
do. An API server that cannot be reached is no reason to restart: then no write succeeds either.
"""

import time
from collections.abc import Callable

from modelcycle.runtime.store import Key

PATIENCE_SECONDS = 60


class Echo:
    """Writes that have not come back yet: key → (resourceVersion, monotonic seconds)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._expected: dict[Key, tuple[int, float]] = {}

    def expect(self, key: Key, version: int) -> None:
        """A write succeeded and made this resourceVersion. The first one that is missing counts."""
        since = self._expected.get(key, (0, self._clock()))[1]
        self._expected[key] = (version, since)

    def seen(self, key: Key, version: int) -> None:
        """The watch showed this resourceVersion."""
        if key in self._expected and version >= self._expected[key][0]:
            del self._expected[key]

    def gone(self, key: Key) -> None:
        self._expected.pop(key, None)

    def deaf_to(self) -> Key | None:
        """A resource whose write has not come back in time, or None: all is well."""
        limit = self._clock() - PATIENCE_SECONDS
        return next((key for key, (_, since) in self._expected.items() if since < limit), None)
