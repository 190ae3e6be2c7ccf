"""What serving pods are asked while no pass waits for it. It begins once, and wakes its resource when it has ended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from modelcycle.errand import Errand, Outcome
from modelcycle.runtime.store import Key

# Begins work for a key beside the passes over it, and answers what stops it.
Begin = Callable[[Key, Coroutine[Any, Any, None]], Callable[[], object]]

logger = logging.getLogger(__name__)


class Errands:
    """At most one a key. An outcome is kept while the errand is wanted."""

    def __init__(
        self, run: Callable[[Key, Errand], Awaitable[Outcome]], wake: Callable[[Key], None], begin: Begin
    ) -> None:
        self._run = run
        self._wake = wake
        self._begin = begin
        self._wanted: dict[Key, Errand] = {}
        self._outcomes: dict[Key, Outcome] = {}
        self._stops: dict[Key, Callable[[], object]] = {}

    def outcome(self, key: Key) -> Outcome | None:
        """What came of the errand that is wanted; None before that."""
        return self._outcomes.get(key)

    def want(self, key: Key, errand: Errand | None) -> None:
        """From now on this one is wanted, and no other."""
        if self._wanted.get(key) == errand:
            return
        self._outcomes.pop(key, None)
        if stop := self._stops.pop(key, None):
            stop()
        self._wanted.pop(key, None)
        if errand:
            self._wanted[key] = errand
            self._stops[key] = self._begin(key, self._carry_out(key, errand))

    def close(self) -> None:
        for key in list(self._wanted):
            self.want(key, None)

    async def _carry_out(self, key: Key, errand: Errand) -> None:
        try:
            outcome = await self._run(key, errand)
        except Exception as error:  # one errand's trouble is not the others', and it is tried again
            logger.exception("serving pods could not be asked", extra={"key": str(key)})
            outcome = Outcome(errand, problem=f"The pods could not be asked: {error!r}.")
        self._outcomes[key] = outcome
        self._wake(key)


def in_background(key: Key, work: Coroutine[Any, Any, None]) -> Callable[[], object]:
    """On the event loop, beside all else."""
    return asyncio.create_task(work, name=str(key)).cancel
