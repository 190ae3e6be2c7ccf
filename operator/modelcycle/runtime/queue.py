"""The work queue: each key at most once in it, at most one worker a key, backoff where work fails."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from modelcycle.runtime.metrics import QUEUE_DEPTH, RECONCILE_SECONDS, RECONCILES
from modelcycle.runtime.store import Key

BACKOFF_FIRST_SECONDS, BACKOFF_MAX_SECONDS = 0.5, 60.0

logger = logging.getLogger(__name__)


def backoff(failures: int, random_share: float) -> float:
    """Seconds to wait after so many failures in a row: doubling, capped, and with half of it left to chance."""
    delay = min(BACKOFF_MAX_SECONDS, BACKOFF_FIRST_SECONDS * 2.0 ** min(failures - 1, 20))
    return delay * (0.5 + random_share / 2)


class Queue:
    """Work is a coroutine function of a key; it answers the seconds until it wants to look again, or None.

    A key that is woken while a worker has it is worked on once more afterwards, so that no change is missed.
    """

    def __init__(self, work: Callable[[Key], Awaitable[float | None]], workers: int) -> None:
        self._work = work
        self._workers = workers
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._active: set[Key] = set()
        self._woken: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    def wake(self, key: Key) -> None:
        """Asks for a pass over the key, soon."""
        if key in self._active:
            self._woken.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)
            QUEUE_DEPTH.set(len(self._waiting))

    def wake_after(self, key: Key, seconds: float) -> None:
        """Asks for a pass later; replaces an earlier such wish."""
        self._cancel_timer(key)
        self._timers[key] = asyncio.get_running_loop().call_later(seconds, self.wake, key)

    def idle(self) -> bool:
        """Whether nothing is being worked on or waiting for a worker."""
        return not self._active and not self._waiting

    async def run(self) -> None:
        """Works until it is cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._worker())
        finally:
            for key in list(self._timers):
                self._cancel_timer(key)

    async def _worker(self) -> None:
        while True:
            key = await self._ready.get()
            self._waiting.discard(key)
            QUEUE_DEPTH.set(len(self._waiting))
            self._active.add(key)
            self._cancel_timer(key)
            try:
                await self._once(key)
            finally:
                self._active.discard(key)
            if key in self._woken:
                self._woken.discard(key)
                self.wake(key)

    async def _once(self, key: Key) -> None:
        try:
            with RECONCILE_SECONDS.labels(key.kind).time():
                again = await self._work(key)
        except Exception as error:  # one key's trouble is not the others'
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            RECONCILES.labels(key.kind, "error").inc()
            delay = backoff(failures, random.random())  # noqa: S311 - jitter
            logger.warning(
                "a pass failed and is tried again",
                extra={"key": str(key), "error": repr(error), "failures": failures, "delay": round(delay, 1)},
                exc_info=failures == 1,
            )
            self.wake_after(key, delay)
            return
        self._failures.pop(key, None)
        RECONCILES.labels(key.kind, "ok").inc()
        if again is not None:
            self.wake_after(key, again)

    def _cancel_timer(self, key: Key) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
