"""What stories of a world are told with: one ModelDeployment and one TrainingRun, and what is seen of them."""

from collections.abc import Callable

from modelcycle.plan import VERSION_LABEL, Body

from tests.builders.base import merged
from tests.convergence.laws import selected
from tests.convergence.registry import GOOD
from tests.convergence.world import ALIAS, CANARY, World

NAME, RUN = "a", "run-0"


def a_world() -> World:
    """A ModelDeployment follows an alias, and version 1 serves."""
    world = World()
    publish(world)
    world.somebody_deploys(0)
    world.settles()
    assert serving(world) == "1"
    return world


def a_world_with_canaries(replicas: int = 4) -> World:
    world = a_world()
    change(world, strategy=CANARY, replicas=replicas)
    world.settles()
    return world


def publish(world: World, behaviour: str = GOOD) -> None:
    """A new version, and the alias on it."""
    move(world, world.registry.register(behaviour).number)


def move(world: World, number: int) -> None:
    world.registry.aliases = {ALIAS: number}


def change(world: World, **spec: object) -> None:
    world.server.update(merged(deployment(world), {"spec": spec}))


def annotate(world: World, name: str, value: str) -> None:
    world.server.update(merged(deployment(world), {"metadata": {"annotations": {name: value}}}))


def deployment(world: World) -> Body:
    body = world.server.find("ModelDeployment", NAME)
    assert body
    return body


def serving(world: World) -> str:
    """The version that clients are sent to, or ""."""
    return selected(world.server.find("Service", NAME)).removeprefix("v").split("-")[0]


def made(world: World) -> list[str]:
    """The versions that have a Deployment."""
    return [body["metadata"]["labels"][VERSION_LABEL] for body in world.server.all("Deployment")]


def status(world: World) -> Body:
    found: Body = deployment(world).get("status", {})
    return found


def rejected(world: World) -> list[str]:
    return [entry["version"] for entry in status(world)["rejected"]]


def history(world: World) -> list[str]:
    """The versions that have served, the last one first."""
    return [status(world)["serving"]["version"], *(past["version"] for past in status(world)["history"])]


def run_status(world: World) -> Body:
    run = world.server.find("TrainingRun", RUN)
    assert run
    found: Body = run.get("status", {})
    return found


def step_by_step(world: World, until: Callable[[], bool]) -> None:
    """The registry is polled, and everybody goes on, request by request, until something is so."""
    world.the_registry_is_polled()
    for _ in range(1000):
        if until():
            return
        world.the_watch_catches_up()
        if work := world.operator.work():
            world.operator.advance(work[0])
        else:
            world.everybody_acts()
    raise AssertionError("it never came to that")


def ends_well(world: World) -> None:
    world.settles()
    world.check()
