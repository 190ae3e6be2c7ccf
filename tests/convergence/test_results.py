"""What came out of a run is complete, whatever fails meanwhile; what a deleted one left running is ended."""

from collections.abc import Callable

import pytest
from modelcycle.plan import Body

from tests.convergence.cluster import Fault, log_of
from tests.convergence.world import SCRIPTS, World

LEAVES = SCRIPTS.index(["logs fails leaves", "logs leaves"])
RUN = f"run-{LEAVES % 2}"


def trained(world: World) -> Body:
    """The status of a run whose first attempt failed; both attempts left their MLflow run open."""
    world.somebody_trains(LEAVES)
    world.settles()
    world.check()
    return status(world)


def status(world: World) -> Body:
    run = world.server.find("TrainingRun", RUN)
    assert run
    found: Body = run["status"]
    return found


def conditions(world: World) -> dict[str, str]:
    return {c["type"]: c["status"] for c in status(world)["conditions"]}


def is_complete(world: World) -> None:
    """Both attempts' runs are ended as they were, and both logs are kept with the second one."""
    runs, pods = world.registry.runs_of(""), [pod["metadata"]["name"] for pod in world.server.all("Pod")]
    assert list(runs.values()) == ["FAILED", "FINISHED"]
    assert conditions(world)["LogStored"] == "True"
    second = list(runs)[1]
    assert status(world)["runId"] == second
    assert world.registry.artifacts == {second: {f"logs/{pod}.log": log_of(pod) for pod in pods}}


def test_runs_that_were_left_open_end_as_their_attempts_did_and_every_log_is_kept() -> None:
    world = World()
    trained(world)
    is_complete(world)


def test_a_registry_that_fails_at_any_one_request_changes_nothing_in_the_end() -> None:
    calm = World()
    trained(calm)
    for number in range(1, calm.registry.asked + 1):
        world = World()
        world.registry.stumbles_at = number
        trained(world)
        is_complete(world)


@pytest.mark.parametrize("fault", ["the request is lost", "the answer is lost", "the operator dies"])
def test_any_single_fault_leaves_no_log_and_no_run_behind(fault: Fault) -> None:
    calm = World()
    trained(calm)
    for before in range(calm.cluster.sent):
        world = World()
        none: list[Fault] = [""] * before
        world.cluster.faults = [*none, fault]
        trained(world)
        is_complete(world)


def test_a_registry_that_goes_down_after_the_job_is_waited_for_without_haste() -> None:
    world = World()
    world.somebody_trains(LEAVES)
    for _ in range(4):
        world.all_goes_well_for_a_while()
        if world.controllers.outcomes:
            break
    world.registry.up = False
    for _ in range(12):
        world.the_watch_catches_up()
        world.the_operator_works()
        world.seconds_pass(5)
    assert (status(world)["phase"], status(world)["reason"]) == ("Running", "CollectingResults")
    assert world.cluster.writes.count(f"status TrainingRun {RUN}") <= 3
    world.registry.up = True
    world.settles()
    world.check()
    is_complete(world)


def under_way(world: World) -> str:
    """A run whose script has begun an MLflow run and goes on; the MLflow run's id."""
    world.somebody_trains(LEAVES)
    for _ in range(100):
        world.the_watch_catches_up()
        world.the_operator_works()
        if runs := world.registry.runs_of(""):
            return next(iter(runs))
        world.somebody_acts(0)
    raise AssertionError("no script has begun a run")


def is_deleted(world: World) -> None:
    run = world.server.find("TrainingRun", RUN)
    assert run
    world.server.remove(run)


def nothing_more(world: World) -> None:
    """The operator sees it all."""


def goes_down_and_comes_back(world: World) -> None:
    world.server.events.clear()
    world.the_operator_crashes()


@pytest.mark.parametrize("operator", [nothing_more, goes_down_and_comes_back])
def test_the_mlflow_run_of_a_deleted_run_is_killed_at_the_second_look_after_its_pod_has_gone(
    operator: Callable[[World], None],
) -> None:
    world = World()
    left = under_way(world)
    is_deleted(world)
    operator(world)
    for _ in range(3):
        world.orphans_are_looked_for()
    assert world.registry.runs_of("")[left] == "RUNNING", "its pod still runs"
    for body in (*world.server.all("Job"), *world.server.all("Pod")):
        world.server.remove(body)
    world.the_watch_catches_up()
    world.orphans_are_looked_for()
    assert world.registry.runs_of("")[left] == "RUNNING", "one look is not enough"
    world.orphans_are_looked_for()
    assert world.registry.runs_of("")[left] == "KILLED"


def test_the_mlflow_run_of_a_deleted_job_is_killed_with_the_outcome() -> None:
    world = World()
    left = under_way(world)
    (job,) = world.server.all("Job")
    world.server.remove(job)
    world.robbed.add(job["metadata"]["ownerReferences"][0]["uid"])
    world.settles()
    world.check()
    assert [(run["runId"], run["status"]) for run in status(world)["runs"]] == [(left, "KILLED")]
