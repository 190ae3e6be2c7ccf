"""Where predictions run, and what happens to those that are too many or too slow."""

import asyncio
import threading
from pathlib import Path

import pytest
from modelserver import gate as gates
from modelserver.cpus import cpus, limit_pools
from modelserver.failures import OverloadedError, TookTooLongError
from modelserver.gate import INLINE_BYTES, Gate


def where() -> str:
    return threading.current_thread().name


@pytest.mark.parametrize(
    ("self_test_seconds", "size", "inline"),
    [
        (0.0001, 100, True),
        (0.0001, INLINE_BYTES + 1, False),
        (0.0021, 100, False),
        (float("inf"), 100, False),  # no example, so nothing is known
    ],
)
async def test_small_requests_of_a_fast_model_are_answered_without_a_thread(
    self_test_seconds: float, size: int, inline: bool
) -> None:
    gate = Gate(timeout=60, max_concurrency=10, threads=1)
    gate.proven_in(self_test_seconds)
    assert (await gate.run(where, size, short=where) == where()) == inline


async def test_what_the_short_way_leaves_to_judgement_runs_in_a_thread() -> None:
    gate = Gate(timeout=60, max_concurrency=10, threads=1)
    gate.proven_in(0.0001)
    assert (await gate.run(where, 100, short=lambda: None)).startswith("predict")


async def test_a_model_that_has_become_slow_goes_to_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(timeout=60, max_concurrency=10, threads=1)
    gate.proven_in(0.0001)
    monkeypatch.setattr(gates, "SLOW_SECONDS", -1.0)
    ran = [await gate.run(where, 100, short=where) for _ in range(12)]
    assert ran[:10] == [where()] * 10
    assert all(name.startswith("predict") for name in ran[10:])


async def test_one_prediction_more_than_may_wait_is_overload_and_room_is_made_again() -> None:
    gate = Gate(timeout=60, max_concurrency=2, threads=1)
    go = threading.Event()
    first, second = (asyncio.create_task(gate.run(go.wait, 0)) for _ in range(2))
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError, match="2 predictions are under way"):
        await gate.run(where, 0)
    go.set()
    assert await first
    assert await second
    assert await gate.run(where, 0)


async def test_a_prediction_that_takes_too_long_keeps_its_thread_and_what_waits_is_overload() -> None:
    gate = Gate(timeout=0.05, max_concurrency=10, threads=1)
    go = threading.Event()
    stuck, waiting = await asyncio.gather(gate.run(go.wait, 0), gate.run(where, 0), return_exceptions=True)
    assert isinstance(stuck, TookTooLongError)
    assert isinstance(waiting, OverloadedError)
    go.set()
    for _ in range(100):
        try:
            assert await gate.run(where, 0)
            return
        except OverloadedError:  # its thread is just being freed
            continue
    raise AssertionError("the thread was never free again")


async def test_the_models_own_timeout_is_its_own_error() -> None:
    def raises() -> None:
        raise TimeoutError("the model's database")

    with pytest.raises(TimeoutError, match="database"):
        await Gate(timeout=60, max_concurrency=1, threads=1).run(raises, 0)


@pytest.mark.parametrize(
    ("limit", "expected"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", 4), (None, 4)]
)
def test_pools_follow_the_cpu_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})
    if limit:
        (tmp_path / "cpu.max").write_text(limit)
    assert cpus(tmp_path) == expected


def test_a_pool_that_the_deployment_sets_stays() -> None:
    env = {"OMP_NUM_THREADS": "3"}
    limit_pools(env)
    assert env["OMP_NUM_THREADS"] == "3"
    assert int(env["OPENBLAS_NUM_THREADS"]) >= 1
