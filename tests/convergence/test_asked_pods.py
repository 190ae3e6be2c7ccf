"""Stories in which the operator asks the pods itself: parity, and a canary that nobody else asks."""

from typing import Any

import pytest
from modelcycle.api.modeldeployment import APPROVE
from modelcycle.plan import VERSION_LABEL, Body

from tests.convergence.registry import ERRS, ODD
from tests.convergence.test_scenarios import (
    a_world,
    a_world_with_canaries,
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


def test_a_canary_that_clients_do_not_ask_is_sent_its_own_example_and_goes_on() -> None:
    world = a_world_with_canaries()
    world.registry.idle = True
    publish(world)
    ends_well(world)
    assert (serving(world), rejected(world)) == ("2", [])


def test_a_canary_that_raises_on_its_own_example_is_seen_though_clients_do_not_ask_it() -> None:
    world = a_world_with_canaries()
    world.registry.idle = True
    publish(world, ERRS)
    ends_well(world)
    assert status(world)["rejected"][0]["reason"] == "CanaryFailed"


def test_a_canary_whose_predict_has_side_effects_is_not_sent_its_example() -> None:
    world = a_world_with_canaries()
    world.registry.idle = True
    change(world, selfTest={"mode": "Load"})
    world.settles()
    publish(world)
    ends_well(world)
    assert status(world)["reason"] == "Inconclusive"
    assert "Of 0 requests 0 failed." in status(world)["message"]


def test_an_approved_canary_whose_figures_are_missing_waits_where_it_is_and_is_approved_once_more() -> None:
    world = a_world_with_canaries()
    world.registry.idle = True
    change(world, selfTest={"mode": "Load"}, promotion="Manual")
    world.settles()
    publish(world)
    ends_well(world)
    assert status(world)["reason"] == "AwaitingApproval"
    annotate(world, APPROVE, "2")
    ends_well(world)
    assert (status(world)["reason"], status(world)["candidate"]["weight"] > 0) == ("Inconclusive", True)
    annotate(world, APPROVE, "2/again")
    ends_well(world)
    assert serving(world) == "2"


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
