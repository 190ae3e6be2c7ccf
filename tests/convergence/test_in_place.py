"""Where there is no room for two versions: the old one goes first, and comes back when the new one is no good."""

import pytest
from modelcycle.api.modeldeployment import APPROVE

from tests.convergence.crowding import NO_NODE, NO_VOLUME
from tests.convergence.registry import CRASHES, HANGS, UNSERVABLE
from tests.convergence.story import (
    a_world,
    annotate,
    change,
    ends_well,
    made,
    move,
    publish,
    rejected,
    serving,
    status,
    step_by_step,
)
from tests.convergence.world import GIVES_WAY, World


def a_world_with_room_for_one() -> World:
    world = a_world()
    change(world, strategy={"type": "Recreate"})
    return world


def test_in_place_the_old_pods_go_before_the_new_ones_come() -> None:
    world = a_world_with_room_for_one()
    publish(world)
    step_by_step(world, lambda: status(world).get("candidate") is not None)
    assert status(world)["candidate"]["step"] == "Draining"
    assert made(world) == ["1"]
    step_by_step(world, lambda: made(world) == ["1", "2"])
    assert world.server.all("Pod") == []
    ends_well(world)
    assert (serving(world), made(world)) == ("2", ["2"])


@pytest.mark.parametrize("behaviour", [UNSERVABLE, CRASHES, HANGS])
def test_in_place_the_old_version_comes_back_when_the_new_one_is_rejected(behaviour: str) -> None:
    world = a_world_with_room_for_one()
    publish(world, behaviour)
    ends_well(world)
    assert (serving(world), made(world), rejected(world)) == ("1", ["1"], ["2"])
    assert status(world)["readyReplicas"] == 1


@pytest.mark.parametrize("forgiven", [False, True], ids=["", "and the alias moves meanwhile"])
def test_in_place_the_old_version_comes_back_when_the_new_one_fails_after_the_switch(forgiven: bool) -> None:
    world = a_world_with_room_for_one()
    publish(world)
    step_by_step(world, lambda: serving(world) == "2")
    world.a_version_breaks(1)
    world.goes_on_until(lambda: rejected(world) == ["2"])
    assert status(world)["rejected"][0]["reason"] == "FailedAfterSwitch"
    if forgiven:
        move(world, 1)
    ends_well(world)
    assert (serving(world), made(world)) == ("1", ["1"])
    assert status(world)["readyReplicas"] == 1


def test_in_place_a_version_that_was_kept_warm_makes_room_as_well() -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: serving(world) == "2")
    world.a_version_breaks(1)
    change(world, strategy={"type": "Recreate"})
    publish(world)
    ends_well(world)
    assert (serving(world), made(world)) == ("3", ["3"])


def test_in_place_the_old_version_serves_until_the_new_one_is_approved() -> None:
    world = a_world_with_room_for_one()
    change(world, promotion="Manual")
    publish(world)
    ends_well(world)
    assert (status(world)["readyReplicas"], made(world)) == (1, ["1"])
    assert status(world)["reason"] == "AwaitingApproval"
    annotate(world, APPROVE, "2")
    ends_well(world)
    assert (serving(world), made(world)) == ("2", ["2"])


def test_in_place_the_old_version_comes_back_when_it_is_followed_again() -> None:
    world = a_world_with_room_for_one()
    publish(world, HANGS)
    step_by_step(world, lambda: made(world) == ["1", "2"])
    move(world, 1)
    ends_well(world)
    assert (serving(world), made(world), rejected(world)) == ("1", ["1"], [])
    assert status(world)["readyReplicas"] == 1


@pytest.mark.parametrize("crowded", [NO_NODE, NO_VOLUME])
def test_in_place_a_version_without_room_takes_the_place_of_the_old_one_where_it_may(crowded: str) -> None:
    world = a_world()
    change(world, strategy=GIVES_WAY)
    world.server.crowded = crowded
    publish(world)
    ends_well(world)
    assert (serving(world), made(world), rejected(world)) == ("2", ["2"], [])


@pytest.mark.parametrize("crowded", [NO_NODE, NO_VOLUME])
def test_in_place_the_old_version_comes_back_to_the_room_that_the_new_one_leaves(crowded: str) -> None:
    world = a_world()
    change(world, strategy=GIVES_WAY)
    world.server.crowded = crowded
    publish(world, UNSERVABLE)
    ends_well(world)
    assert (serving(world), made(world), rejected(world)) == ("1", ["1"], ["2"])
    assert status(world)["readyReplicas"] == 1


@pytest.mark.parametrize("crowded", [NO_NODE, NO_VOLUME])
def test_without_room_the_old_version_goes_on_serving_where_it_may_not_be_replaced(crowded: str) -> None:
    world = a_world()
    world.server.crowded = crowded
    publish(world)
    ends_well(world)
    assert (serving(world), made(world), rejected(world)) == ("1", ["1"], ["2"])
    assert "spec.strategy.recreateWhenUnschedulable" in status(world)["rejected"][0]["message"]
