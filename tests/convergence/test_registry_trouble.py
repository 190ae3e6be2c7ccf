"""A registry that is away, went back in time, or leads to nothing: what serves goes on."""

import pytest

from tests.builders.base import MODEL
from tests.convergence.registry import ELSEWHERE
from tests.convergence.story import (
    a_world,
    change,
    ends_well,
    history,
    made,
    move,
    publish,
    serving,
    status,
    step_by_step,
)
from tests.convergence.world import ALIAS, World


def test_a_candidate_goes_on_while_a_new_operator_finds_no_registry() -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: made(world) == ["1", "2"])
    world.registry.up = False
    world.the_operator_crashes()
    world.settles()
    assert serving(world) == "2"
    world.registry.up = True
    ends_well(world)


def test_a_registry_that_went_back_in_time_moves_nothing_until_the_older_version_is_named() -> None:
    world = a_world()
    publish(world)
    world.settles()
    world.the_registry_is_restored_from_a_backup(0)
    ends_well(world)
    assert (serving(world), status(world)["reason"]) == ("2", "RegistryWentBack")
    change(world, model={"name": MODEL, "version": 1, "alias": None})
    ends_well(world)
    assert serving(world) == "1"


def test_a_version_that_fails_after_its_switch_gives_way_also_where_the_registry_has_forgotten_it() -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: serving(world) == "2")
    world.a_version_breaks(1)
    world.the_registry_is_restored_from_a_backup(0)
    ends_well(world)
    assert serving(world) == "1"


@pytest.mark.parametrize("nowhere", [{}, {ALIAS: 9}, {ALIAS: 2}], ids=["none", "no version", "on S3"])
def test_what_serves_goes_on_while_the_alias_leads_to_nothing(nowhere: dict[str, int]) -> None:
    world = a_world()
    world.registry.register(ELSEWHERE)
    world.registry.aliases = nowhere
    ends_well(world)
    assert (serving(world), made(world)) == ("1", ["1"])
    move(world, 1)
    ends_well(world)
    assert history(world) == ["1"]


def test_a_registry_that_is_down_at_start_is_said_and_the_version_serves_when_it_is_back() -> None:
    world = World()
    world.registry.up = False
    publish(world)
    world.somebody_deploys(0)
    world.settles()
    assert status(world)["reason"] == "RegistryUnreachable"
    world.registry.up = True
    ends_well(world)
    assert serving(world) == "1"


def test_files_that_the_registry_was_asked_for_in_vain_are_asked_for_again() -> None:
    world = a_world()
    publish(world)
    world.the_registry_is_polled()
    world.registry.stumbles = 1
    ends_well(world)
    assert serving(world) == "2"
