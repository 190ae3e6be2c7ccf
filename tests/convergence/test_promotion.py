"""Runs of one model that end together, in any order and with a fault anywhere: the best one has the alias."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelcycle.plan import Body

from tests.builders.resources import a_training_run
from tests.convergence.cluster import Fault
from tests.convergence.world import ALIAS, BETTER, World

GOOD_ENOUGH = {"metric": "accuracy", "atLeast": 0.8}


def train(world: World, name: str, accuracy: float, *rules: Body) -> None:
    spec = {"name": "iris", "promote": {"alias": ALIAS, "when": list(rules)}}
    run = a_training_run(name).with_spec(args=[f"logs registers {accuracy}"], model=spec)
    world.server.create(run.but(metadata={"uid": None}).content)


def three_at_once(world: World, *rules: Body) -> None:
    """Their Jobs have all ended when the operator hears of the first one."""
    for name, accuracy in (("a", 0.9), ("b", 0.95), ("c", 0.7)):
        train(world, name, accuracy, *rules)
    world.the_watch_catches_up()
    world.the_operator_works()
    world.everybody_acts()
    world.the_watch_catches_up()


def promoted(world: World) -> dict[str, str]:
    """By name of the run, the status of its condition."""
    return {
        run["metadata"]["name"]: c["status"]
        for run in world.server.all("TrainingRun")
        for c in run["status"]["conditions"]
        if c["type"] == "Promoted"
    }


def champion(world: World) -> float:
    return world.registry.accuracy_of(world.registry.aliases[ALIAS])


def ends_well(world: World) -> None:
    world.all_trouble_ends()
    world.settles()
    world.check()
    assert promoted(world).keys() == {"a", "b", "c"}
    assert (champion(world), promoted(world)["b"], promoted(world)["c"]) == (0.95, "True", "False")


@pytest.mark.parametrize("rules", [(BETTER, GOOD_ENOUGH), (GOOD_ENOUGH,)], ids=["compared", "absolute"])
def test_of_runs_that_end_together_the_worse_one_never_has_the_alias_in_the_end(rules: tuple[Body, ...]):
    world = World()
    three_at_once(world, *rules)
    ends_well(world)


@pytest.mark.parametrize("first", ["a", "b"])
def test_however_far_one_is_when_another_goes_all_its_way_the_best_one_has_the_alias(first: str):
    far = True
    step = 0
    while far:
        world = World()
        three_at_once(world, BETTER, GOOD_ENOUGH)
        key, *others = sorted(world.operator.work(), key=lambda key: key.name != first)
        far = all(world.operator.advance(key) for _ in range(step))
        for other in others:
            world.operator.finish(other)
        ends_well(world)
        step += 1
    assert step > 8


def test_a_crash_between_any_two_steps_ends_the_same():
    steps = steps_of(World(), lambda world: None)
    assert steps > 30
    for step in range(steps):
        world = World()
        steps_of(world, World.the_operator_crashes, after=step)
        ends_well(world)


def steps_of(world: World, strike: Callable[[World], None], after: int = -1) -> int:
    """Judges three runs, one request at a time; how many steps it took. Something strikes after one of them."""
    three_at_once(world, BETTER, GOOD_ENOUGH)
    steps = 0
    while work := world.operator.work():
        world.operator.advance(work[steps % len(work)])
        if steps == after:
            strike(world)
            world.the_watch_catches_up()
        steps += 1
    return steps


@pytest.mark.parametrize("fault", ["the request is lost", "the answer is lost"])
def test_a_lost_request_or_answer_ends_the_same(fault: Fault):
    calm = World()
    three_at_once(calm, BETTER, GOOD_ENOUGH)
    calm.settles()
    for before in range(calm.cluster.sent):
        world = World()
        none: list[Fault] = [""] * before
        world.cluster.faults = [*none, fault]
        three_at_once(world, BETTER, GOOD_ENOUGH)
        ends_well(world)


def test_a_registry_that_goes_away_between_any_two_steps_is_waited_for():
    def goes_down(world: World) -> None:
        world.registry.up = False

    for step in range(steps_of(World(), lambda world: None)):
        world = World()
        steps_of(world, goes_down, after=step)
        ends_well(world)


def test_a_registry_that_does_not_take_the_alias_is_said_and_asked_again():
    world = World()
    three_at_once(world, BETTER, GOOD_ENOUGH)
    while not world.registry.pointed:
        world.operator.advance(world.operator.work()[0])
    # The write has been carried out; from here on nothing answers, and the alias cannot be read back.
    world.registry.up = False
    world.the_operator_works()
    reasons = [run["status"]["reason"] for run in world.server.all("TrainingRun")]
    assert "CollectingResults" in reasons
    assert promoted(world) == {}
    ends_well(world)


def test_what_the_operator_promoted_before_it_died_is_promoted_and_no_alias_moves_twice():
    world = World()
    three_at_once(world, BETTER, GOOD_ENOUGH)
    while not world.registry.pointed:
        world.operator.advance(world.operator.work()[0])
    world.the_operator_crashes()
    first = world.registry.pointed[0]
    ends_well(world)
    assert world.registry.pointed.count(first) == 1


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=60, max_size=60), st.booleans())
def test_in_whatever_order_requests_are_answered_the_best_one_has_the_alias(picks: list[int], absolute: bool):
    world = World()
    three_at_once(world, GOOD_ENOUGH, *(() if absolute else (BETTER,)))
    for pick in picks:
        match pick % 10:
            case 0:
                world.the_operator_crashes()
            case 1:
                world.a_request_gets_lost(pick)
            case 2:
                world.the_registry_stumbles()
            case 3:
                world.time_passes(pick // 10)
            case 4:
                world.the_watch_delivers(pick // 10)
            case _ if work := world.operator.work():
                world.operator.advance(work[pick // 10 % len(work)])
    ends_well(world)
