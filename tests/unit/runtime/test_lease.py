"""Which replica acts, with a clock that the test turns."""

import asyncio
from copy import deepcopy
from datetime import datetime
from typing import Any

import pytest
from modelcycle.runtime.cluster import Cluster, ConflictError, NotFoundError, UnavailableError
from modelcycle.runtime.lease import DURATION_SECONDS, MARGIN_SECONDS, Lease, may_take, record
from modelcycle.runtime.resources import Resource

from tests.builders.base import NOW


class OneLease(Cluster):
    """The API server, as far as a Lease needs it."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.answers = True

    async def get(self, resource: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        if not self.answers:
            raise UnavailableError(0, "NoAnswer", "The API server does not answer.")
        if self.lease is None:
            raise NotFoundError(404, "NotFound", "There is no such Lease.")
        return deepcopy(self.lease)

    async def create(self, resource: Resource, namespace: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.lease is not None:
            raise ConflictError(409, "AlreadyExists", "There is one.")
        return self._put(body, 1)

    async def replace(
        self, resource: Resource, namespace: str, name: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        version = int(self.lease["metadata"]["resourceVersion"]) if self.lease else 0
        if int(body["metadata"]["resourceVersion"]) != version:
            raise ConflictError(409, "Conflict", "The object has been modified.")
        return self._put(body, version + 1)

    def _put(self, body: dict[str, Any], version: int) -> dict[str, Any]:
        self.lease = deepcopy(body)
        self.lease["metadata"]["resourceVersion"] = str(version)
        return self.lease


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def replica(cluster: Cluster, clock: Clock, identity: str) -> Lease:
    return Lease(cluster, "system", "modelcycle", identity, clock)


def test_a_single_replica_without_a_lease_always_acts() -> None:
    assert Lease(OneLease(), "system", "", "a").held()


def test_no_replica_acts_before_it_has_the_lease() -> None:
    assert not replica(OneLease(), Clock(), "a").held()


async def test_the_first_replica_acts_and_the_second_one_waits() -> None:
    cluster, clock = OneLease(), Clock()
    first, second = replica(cluster, clock, "a"), replica(cluster, clock, "b")
    await first.turn()
    await second.turn()
    assert (first.held(), second.held()) == (True, False)


async def test_a_replica_that_renews_goes_on_acting() -> None:
    cluster, clock = OneLease(), Clock()
    first, second = replica(cluster, clock, "a"), replica(cluster, clock, "b")
    for _ in range(20):
        await first.turn()
        await second.turn()
        clock.now += 2
    assert (first.held(), second.held()) == (True, False)


async def test_a_replica_that_cannot_renew_stops_before_another_may_start() -> None:
    cluster, clock = OneLease(), Clock()
    lease = replica(cluster, clock, "a")
    await lease.turn()
    cluster.answers = False
    clock.now += DURATION_SECONDS - MARGIN_SECONDS - 0.1
    await lease.turn()
    assert lease.held()
    clock.now += 0.1
    assert not lease.held()


async def test_a_lease_that_is_not_renewed_is_taken_over_after_its_time_by_the_takers_own_clock() -> None:
    cluster, clock = OneLease(), Clock()
    first, second = replica(cluster, clock, "a"), replica(cluster, clock, "b")
    await first.turn()
    clock.now += 100
    await second.turn()
    assert not second.held()
    clock.now += DURATION_SECONDS + 0.1
    await second.turn()
    assert (first.held(), second.held()) == (False, True)


async def until_it_acts(lease: Lease) -> asyncio.Task[None]:
    """Runs a replica, and returns once it was told to act."""
    acquired = asyncio.Event()
    task = asyncio.create_task(lease.run(acquired.set))
    async with asyncio.timeout(5):
        await acquired.wait()
    return task


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_replica_that_ends_gives_its_lease_back() -> None:
    cluster, clock = OneLease(), Clock()
    first, second = replica(cluster, clock, "a"), replica(cluster, clock, "b")
    await ended(await until_it_acts(first))
    await second.turn()
    assert (first.held(), second.held()) == (False, True)


async def test_a_replica_gives_back_no_lease_that_is_another_ones() -> None:
    cluster, clock = OneLease(), Clock()
    running = await until_it_acts(replica(cluster, clock, "a"))
    assert cluster.lease
    cluster.lease["spec"]["holderIdentity"] = "b"
    await ended(running)
    assert cluster.lease["spec"]["holderIdentity"] == "b"


async def test_a_single_replica_without_a_lease_is_told_to_act_at_once() -> None:
    await ended(await until_it_acts(Lease(OneLease(), "system", "", "a")))


@pytest.mark.parametrize(
    ("holder", "unchanged", "expected"),
    [
        pytest.param(None, 0, True, id="nobody has it"),
        pytest.param("", 0, True, id="it was given back"),
        pytest.param("a", 0, True, id="it is ours"),
        pytest.param("b", 0, False, id="it is somebody else's"),
        pytest.param("b", 15, False, id="it is somebody else's for the last moment"),
        pytest.param("b", 15.1, True, id="somebody else let it run out"),
    ],
)
def test_a_lease_may_be_taken_when(holder: str | None, unchanged: float, expected: bool) -> None:
    spec = {"leaseDurationSeconds": 15} | ({} if holder is None else {"holderIdentity": holder})
    assert may_take(spec, "a", unchanged) is expected


@pytest.mark.parametrize(
    ("holder", "transitions", "acquired"),
    [
        pytest.param("a", 3, "before", id="renewed"),
        pytest.param("b", 4, "2026-11-23T09:00:00.000000Z", id="taken over"),
        pytest.param("", 3, "2026-11-23T09:00:00.000000Z", id="taken where it was given back"),
    ],
)
def test_the_record_tells_when_the_lease_was(holder: str, transitions: int, acquired: str) -> None:
    before = {"holderIdentity": holder, "leaseTransitions": 3, "acquireTime": "before", "renewTime": "before"}
    now: datetime = NOW
    assert record(before, "a", now) == {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "leaseTransitions": transitions,
        "acquireTime": acquired,
        "renewTime": "2026-11-23T09:00:00.000000Z",
    }
