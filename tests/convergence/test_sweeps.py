"""Sweeps with a fault at the worst moment."""

import pytest
from modelcycle.plan import Body

from tests.builders.base import MODEL
from tests.builders.resources import a_training_sweep
from tests.convergence.cluster import Fault
from tests.convergence.world import ALIAS, PROMOTE, World

FIGURES = {"values": ["0.7", "0.95", "0.9"]}
NAME = "sweep"


def sweep(world: World, script: str = "logs registers $(PARAM_accuracy)", **spec: object) -> None:
    template = {"args": [script], "model": {"name": MODEL, "promote": PROMOTE}}
    params = {"C": None, "accuracy": FIGURES}
    built = a_training_sweep(NAME).with_spec(
        params=params, template={"spec": {**template, "params": None}}, **spec
    )
    world.server.create(built.but(metadata={"uid": None}).content)


def status(world: World) -> Body:
    body = world.server.find("TrainingSweep", NAME)
    assert body
    found: Body = body.get("status", {})
    return found


def ends_well(world: World) -> None:
    world.all_trouble_ends()
    world.settles()
    world.check()


def champion(world: World) -> float:
    return world.registry.accuracy_of(world.registry.aliases[ALIAS])


@pytest.mark.parametrize("parallelism", [1, 2, 3])
def test_a_sweep_runs_all_its_runs_and_only_the_best_is_promoted(parallelism: int):
    world = World()
    sweep(world, parallelism=parallelism)
    ends_well(world)
    assert (status(world)["succeeded"], status(world)["best"]["run"]) == (3, "sweep-1")
    assert (champion(world), len(world.registry.pointed)) == (0.95, 1)


def test_a_sweep_whose_best_run_is_worse_than_the_champion_leaves_it():
    world = World()
    first = world.registry.register()
    world.registry.figures[first.number] = 0.99
    world.registry.aliases = {ALIAS: first.number}
    sweep(world)
    ends_well(world)
    assert (champion(world), world.registry.pointed) == (0.99, [])


def test_a_goal_that_is_reached_stops_the_rest():
    world = World()
    sweep(world, objective={"goal": 0.9}, parallelism=1)
    ends_well(world)
    assert (status(world)["reason"], status(world)["succeeded"]) == ("GoalReached", 2)
    assert champion(world) == 0.95
    assert [run["metadata"]["name"] for run in world.server.all("TrainingRun")] == ["sweep-0", "sweep-1"]


def test_runs_that_all_fail_fail_the_sweep_at_its_limit():
    world = World()
    sweep(world, script="fails", maxFailed=1)
    ends_well(world)
    assert (status(world)["reason"], status(world)["failed"]) == ("MaxFailedExceeded", 2)


def test_a_run_that_somebody_deletes_is_made_again():
    world = World()
    sweep(world, parallelism=3)
    world.all_goes_well_for_a_while()
    for run in world.server.all("TrainingRun"):
        world.server.remove(run)
    ends_well(world)
    assert status(world)["succeeded"] == 3


def test_a_sweep_that_is_deleted_takes_its_runs_and_their_jobs_away():
    world = World()
    sweep(world, parallelism=3)
    world.all_goes_well_for_a_while()
    body = world.server.find("TrainingSweep", NAME)
    assert body
    world.server.remove(body)
    ends_well(world)
    assert (world.server.all("TrainingRun"), world.server.all("Job")) == ([], [])


def all_have_ended(world: World) -> bool:
    runs = world.server.all("TrainingRun")
    return len(runs) == 3 and all(run.get("status", {}).get("completionTime") for run in runs)


def test_a_registry_that_is_down_at_the_end_is_waited_for():
    world = World()
    sweep(world, parallelism=3)
    while not all_have_ended(world):
        world.the_watch_catches_up()
        if work := world.operator.work():
            world.operator.advance(work[0])
        else:
            world.everybody_acts()
    world.registry.up = False
    world.the_operator_works()
    assert status(world)["reason"] == "RegistryUnreachable"
    ends_well(world)
    assert champion(world) == 0.95


@pytest.mark.parametrize("fault", ["the request is lost", "the answer is lost", "the operator dies"])
def test_any_single_fault_changes_nothing_in_the_end(fault: Fault):
    calm = World()
    sweep(calm, parallelism=2, objective={"goal": 0.9})
    calm.settles()
    for before in range(calm.cluster.sent):
        world = World()
        none: list[Fault] = [""] * before
        world.cluster.faults = [*none, fault]
        sweep(world, parallelism=2, objective={"goal": 0.9})
        ends_well(world)
        assert (status(world)["phase"], champion(world)) == ("Succeeded", 0.95)
