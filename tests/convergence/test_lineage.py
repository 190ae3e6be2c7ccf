"""The tags in the registry that tell where versions serve, when things go wrong."""

from dataclasses import replace

from tests.convergence.story import NAME, a_world, deployment, publish, status
from tests.convergence.world import World


def told(world: World) -> dict[int, str]:
    return {number: value for number, value in world.registry.places.items() if value}


def test_the_tag_moves_with_the_clients_and_goes_with_the_deployment() -> None:
    world = a_world()
    assert told(world) == {1: f"team/{NAME}"}
    publish(world)
    world.settles()
    assert told(world) == {2: f"team/{NAME}"}
    world.server.remove(deployment(world))
    world.settles()
    assert told(world) == {}


def test_a_registry_that_stumbles_over_a_tag_does_not_hold_up_the_next_version() -> None:
    world = a_world()
    publish(world)
    while status(world)["serving"]["version"] != "2":
        world.registry.stumbles = 1
        world.where_versions_serve_is_told()
        world.registry.stumbles = 0
        world.all_goes_well_for_a_while()
    assert told(world) == {1: f"team/{NAME}"}
    world.where_versions_serve_is_told()
    assert told(world) == {2: f"team/{NAME}"}


def test_another_version_of_the_same_number_in_a_reset_registry_is_not_told_to_serve() -> None:
    world = a_world()
    world.registry.made[1] = replace(world.registry.made[1], created=world.registry.made[1].created + 1)
    world.registry.places.clear()
    world.where_versions_serve_is_told()
    assert told(world) == {}
