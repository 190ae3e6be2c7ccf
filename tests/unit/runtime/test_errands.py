"""What pods are asked beside the passes: once, until it is not wanted any more."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from modelcycle.errand import Compare, Errand, Examples, Outcome
from modelcycle.runtime.errands import Errands, in_background
from modelcycle.runtime.store import Key

KEY = Key("ModelDeployment", "team", "iris")
ROWS = Examples("iris", "2", "run-2")
ONE, OTHER = Compare(ROWS, ("v1",)), Compare(ROWS, ("v2",))


class Pods:
    """They answer when they are let go."""

    def __init__(self) -> None:
        self.asked: list[Errand] = []
        self.let_go, self.woken = asyncio.Event(), asyncio.Event()
        self.cancelled: list[Errand] = []
        self.broken = False
        self.errands = Errands(self.run, lambda key: self.woken.set(), in_background)

    async def run(self, key: Key, errand: Errand) -> Outcome:
        self.asked.append(errand)
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled.append(errand)
            raise
        if self.broken:
            raise ValueError("nobody thought of this")
        return Outcome(errand)

    async def answer(self) -> None:
        self.let_go.set()
        await asyncio.wait_for(self.woken.wait(), 5)


@pytest.fixture
async def pods() -> AsyncIterator[Pods]:
    made = Pods()
    yield made
    made.errands.close()


async def test_an_errand_that_is_wanted_again_and_again_is_begun_once_and_wakes_its_resource(
    pods: Pods,
) -> None:
    for _ in range(3):
        pods.errands.want(KEY, Compare(ROWS, ("v1",)))
        assert pods.errands.outcome(KEY) is None
    await pods.answer()
    pods.errands.want(KEY, ONE)
    assert pods.errands.outcome(KEY) == Outcome(ONE)
    assert pods.asked == [ONE]


async def test_an_outcome_that_is_not_wanted_any_more_is_forgotten_and_asked_for_anew(pods: Pods) -> None:
    pods.errands.want(KEY, ONE)
    await pods.answer()
    pods.errands.want(KEY, None)
    assert pods.errands.outcome(KEY) is None
    pods.errands.want(KEY, ONE)
    assert pods.errands.outcome(KEY) is None
    await asyncio.sleep(0)
    assert pods.asked == [ONE, ONE]


async def test_another_errand_ends_the_one_that_is_under_way(pods: Pods) -> None:
    pods.errands.want(KEY, ONE)
    await asyncio.sleep(0)
    pods.errands.want(KEY, OTHER)
    await pods.answer()
    assert pods.cancelled == [ONE]
    assert pods.errands.outcome(KEY) == Outcome(OTHER)


async def test_an_error_that_nobody_thought_of_is_an_outcome_too(pods: Pods) -> None:
    pods.broken = True
    pods.errands.want(KEY, ONE)
    await pods.answer()
    outcome = pods.errands.outcome(KEY)
    assert outcome
    assert "nobody thought of this" in outcome.problem
