"""The work queue, on a real event loop."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from modelcycle.runtime import queue as queues
from modelcycle.runtime.queue import BACKOFF_FIRST_SECONDS, BACKOFF_MAX_SECONDS, Queue, backoff
from modelcycle.runtime.store import Key

A, B = Key("TrainingRun", "team", "a"), Key("TrainingRun", "team", "b")
SOON = 5.0
TROUBLE = RuntimeError("the API server does not answer")


class Work:
    """Counts passes over each key. A pass goes on while its gate is closed.

    Attributes:
        outcomes: what the next passes answer or raise; None once there is no more.
        at_once: the most keys, and the most passes over one key, that were ever worked on at the same time.
    """

    def __init__(self) -> None:
        self.passes: Counter[Key] = Counter()
        self.at_once = {"keys": 0, "one key": 0}
        self.gate = asyncio.Event()
        self.gate.set()
        self.outcomes: list[float | Exception | None] = []
        self._active: Counter[Key] = Counter()
        self._moved = asyncio.Condition()

    async def __call__(self, key: Key) -> float | None:
        self._active[key] += 1
        self.at_once["keys"] = max(self.at_once["keys"], len(+self._active))
        self.at_once["one key"] = max(self.at_once["one key"], self._active[key])
        async with self._moved:
            self.passes[key] += 1
            self._moved.notify_all()
        outcome = self.outcomes.pop(0) if self.outcomes else None
        await self.gate.wait()
        self._active[key] -= 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def seen(self, key: Key, passes: int = 1) -> None:
        """Returns when so many passes over the key have begun."""
        async with asyncio.timeout(SOON), self._moved:
            await self._moved.wait_for(lambda: self.passes[key] >= passes)


@contextlib.asynccontextmanager
async def running(work: Work, workers: int = 4) -> AsyncIterator[Queue]:
    queue = Queue(work, workers)
    task = asyncio.create_task(queue.run())
    yield queue
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_key_that_is_woken_is_worked_on() -> None:
    work = Work()
    async with running(work) as queue:
        queue.wake(A)
        await work.seen(A)
    assert work.passes == {A: 1}


async def test_a_key_that_is_woken_many_times_before_its_turn_is_worked_on_once() -> None:
    work = Work()
    async with running(work) as queue:
        for _ in range(10):
            queue.wake(A)
        queue.wake(B)
        await work.seen(B)
    assert work.passes[A] == 1


async def test_a_key_that_is_woken_during_its_pass_is_worked_on_once_more_afterwards() -> None:
    work = Work()
    work.gate.clear()
    async with running(work) as queue:
        queue.wake(A)
        await work.seen(A)
        queue.wake(A)
        queue.wake(A)
        work.gate.set()
        await work.seen(A, 2)
        queue.wake(B)
        await work.seen(B)
    assert work.passes[A] == 2
    assert work.at_once["one key"] == 1


async def test_as_many_keys_at_a_time_as_there_are_workers() -> None:
    work = Work()
    keys = [Key("TrainingRun", "team", str(n)) for n in range(6)]
    work.gate.clear()
    async with running(work, workers=2) as queue:
        for key in keys:
            queue.wake(key)
        await work.seen(keys[1])
        work.gate.set()
        await work.seen(keys[-1])
    assert work.at_once == {"keys": 2, "one key": 1}


async def test_a_pass_that_fails_is_tried_again_and_does_not_stop_the_others() -> None:
    work = Work()
    work.outcomes = [TROUBLE]
    async with running(work, workers=1) as queue:
        queue.wake(A)
        queue.wake(B)
        await work.seen(B)
        assert work.passes[A] == 1
        await work.seen(A, 2)


async def test_failures_are_counted_in_a_row(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queues, "BACKOFF_FIRST_SECONDS", 0.001)
    work = Work()
    work.outcomes = [TROUBLE, TROUBLE, TROUBLE, 0.0, TROUBLE]
    async with running(work) as queue:
        queue.wake(A)
        await work.seen(A, 6)
    assert [record.__dict__["failures"] for record in caplog.records] == [1, 2, 3, 1]
    assert [bool(record.exc_info) for record in caplog.records] == [True, False, False, True]


async def test_a_pass_that_wants_to_look_again_gets_its_look() -> None:
    work = Work()
    work.outcomes = [0.0]
    async with running(work) as queue:
        queue.wake(A)
        await work.seen(A, 2)


async def test_a_later_wish_replaces_an_earlier_one() -> None:
    work = Work()
    async with running(work) as queue:
        queue.wake_after(A, 3600)
        queue.wake_after(A, 0)
        await work.seen(A)


async def test_a_pass_makes_a_wish_for_a_later_one_void() -> None:
    """B's timer fires after A's would have."""
    work = Work()
    async with running(work) as queue:
        queue.wake_after(A, 0.2)
        queue.wake_after(B, 0.3)
        queue.wake(A)
        await work.seen(B)
    assert work.passes[A] == 1


async def test_a_queue_is_idle_when_nothing_waits_and_nothing_is_worked_on() -> None:
    work = Work()
    work.gate.clear()
    async with running(work) as queue:
        assert queue.idle()
        queue.wake(A)
        assert not queue.idle()
        await work.seen(A)
        assert not queue.idle()


async def test_no_timer_outlives_the_queue() -> None:
    work = Work()
    async with running(work) as queue:
        queue.wake(B)
        await work.seen(B)
        queue.wake_after(A, 0.01)
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, later.set)
    await later.wait()
    assert queue.idle()


@pytest.mark.parametrize(
    ("failures", "longest"),
    [
        (1, BACKOFF_FIRST_SECONDS),
        (2, 1.0),
        (3, 2.0),
        (7, 32.0),
        (8, BACKOFF_MAX_SECONDS),
        (10_000, BACKOFF_MAX_SECONDS),
    ],
)
def test_the_wait_after_failures_doubles_up_to_a_cap_and_half_of_it_is_chance(
    failures: int, longest: float
) -> None:
    assert backoff(failures, 1.0) == longest
    assert backoff(failures, 0.0) == longest / 2
