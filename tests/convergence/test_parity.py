"""The candidate's answers are compared with those of what serves, before any client gets one."""

from typing import Any

import pytest
from modelcycle.api.modeldeployment import APPROVE
from modelcycle.plan import VERSION_LABEL, Body

from tests.convergence.registry import ODD
from tests.convergence.story import (
    a_world,
    annotate,
    change,
    ends_well,
    history,
    made,
    move,
    publish,
    rejected,
    serving,
    status,
    step_by_step,
)
from tests.convergence.world import CANARY, PARITY, World


def a_world_with_parity(**spec: Any) -> World:
    world = a_world()
    change(world, parity=PARITY, **spec)
    world.settles()
    return world


EACH_STRATEGY = pytest.mark.parametrize("strategy", [None, CANARY, {"type": "Recreate"}])


def parity(world: World) -> Any:
    """What status says of the candidate's answers."""
    return (status(world).get("candidate") or {}).get("parity") or {}


@EACH_STRATEGY
def test_a_version_that_answers_alike_takes_over(strategy: Body | None) -> None:
    world = a_world_with_parity(strategy=strategy)
    publish(world)
    ends_well(world)
    assert (serving(world), rejected(world)) == ("2", [])


@EACH_STRATEGY
def test_a_version_that_answers_otherwise_is_rejected_and_what_served_goes_on(strategy: Body | None) -> None:
    world = a_world_with_parity(strategy=strategy)
    publish(world, ODD)
    ends_well(world)
    assert (serving(world), made(world), rejected(world)) == ("1", ["1"], ["2"])
    assert status(world)["rejected"][0]["reason"] == "ParityFailed"
    assert "5 of 20 rows changed (25 %, at most 10 %)" in status(world)["rejected"][0]["message"]


@EACH_STRATEGY
def test_too_few_rows_wait_for_somebody_before_anything_goes(strategy: Body | None) -> None:
    world = a_world_with_parity(strategy=strategy)
    change(world, parity={"minRows": 99})
    publish(world, ODD)
    ends_well(world)
    assert (serving(world), status(world)["reason"], status(world)["readyReplicas"]) == (
        "1",
        "Inconclusive",
        1,
    )
    assert "20 rows are too few" in parity(world)["message"]
    annotate(world, APPROVE, "2")
    ends_well(world)
    assert (serving(world), history(world)) == ("2", ["2", "1"])


def test_an_example_that_is_not_there_is_inconclusive() -> None:
    world = a_world_with_parity()
    change(world, parity={"examples": "rows.json"})
    publish(world)
    ends_well(world)
    assert "There is no file 'rows.json'" in parity(world)["message"]
    change(world, parity={"examples": None})
    ends_well(world)
    assert serving(world) == "2"


def test_a_registry_that_is_away_while_rows_are_read_is_asked_again() -> None:
    world = a_world_with_parity()
    publish(world)
    step_by_step(world, lambda: (status(world).get("candidate") or {}).get("step") == "Comparing")
    world.registry.up = False
    world.settles()
    assert (serving(world), status(world)["reason"]) == ("1", "Inconclusive")
    world.registry.up = True
    ends_well(world)
    assert serving(world) == "2"


def test_a_version_that_served_before_is_gone_back_to_without_a_comparison() -> None:
    world = a_world_with_parity()
    publish(world, ODD)
    change(world, parity=None)
    world.settles()
    change(world, parity=PARITY)
    move(world, 1)
    ends_well(world)
    assert (serving(world), rejected(world)) == ("1", [])


@pytest.mark.parametrize("requests", range(12))
def test_the_operator_may_crash_between_any_two_requests_of_a_comparison(requests: int) -> None:
    world = a_world_with_parity()
    publish(world, ODD)
    step_by_step(world, lambda: (status(world).get("candidate") or {}).get("step") == "Comparing")
    for _ in range(requests):
        if work := world.operator.work():
            world.operator.advance(work[-1])
    world.the_operator_crashes()
    ends_well(world)
    assert (serving(world), rejected(world)) == ("1", ["2"])


def test_a_pod_that_goes_away_while_it_is_asked_is_no_verdict() -> None:
    world = a_world_with_parity()
    publish(world)
    step_by_step(world, lambda: (status(world).get("candidate") or {}).get("step") == "Comparing")
    old = next(p for p in world.server.all("Pod") if p["metadata"]["labels"][VERSION_LABEL] == "1")
    world.server.remove(old)
    ends_well(world)
    assert (serving(world), rejected(world)) == ("2", [])


@EACH_STRATEGY
def test_pods_that_do_not_answer_are_asked_again_and_nothing_new_is_written(strategy: Body | None) -> None:
    world = a_world_with_parity(strategy=strategy)
    publish(world)
    step_by_step(world, lambda: made(world) == ["1", "2"])
    world.registry.mute = True
    world.goes_on_until(lambda: "does not answer" in status(world).get("message", ""))
    before, since = world.server.version, world.server.now
    world.goes_on_until(lambda: (world.server.now - since).total_seconds() > 60)
    assert world.server.version == before
    world.registry.mute = False
    ends_well(world)
    assert (serving(world), rejected(world)) == ("2", [])
