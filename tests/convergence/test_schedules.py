"""Stories of trainings by the clock."""

from datetime import timedelta
from typing import Any

import pytest
from modelcycle.plan import Body
from modelcycle.training.schedule import run_name

from tests.builders.base import NOW
from tests.builders.resources import a_training_run, a_training_schedule
from tests.convergence.cluster import Fault
from tests.convergence.world import World


def a_scheduled_world(**spec: Any) -> World:
    """Trainings every minute, as of NOW."""
    world = World()
    schedule = a_training_schedule("s", "* * * * *").with_spec(**spec)
    world.server.create(schedule.but(metadata={"uid": None, "creationTimestamp": None}).content)
    goes_on(world)
    return world


def goes_on(world: World, seconds: int = 0) -> None:
    """Time passes, and everybody does what there is to do then."""
    world.seconds_pass(seconds)
    for _ in range(20):
        world.the_watch_catches_up()
        world.the_operator_works()
        world.everybody_acts()


def schedule(world: World) -> Body:
    body = world.server.find("TrainingSchedule", "s")
    assert body
    return body


def made(world: World) -> list[int]:
    """For which minutes runs were made, in the order in which that was."""
    first = int(NOW.timestamp()) // 60
    creates = [write for write in world.cluster.writes if write.startswith("create TrainingRun")]
    return [int(write.rsplit("-", 1)[1]) - first for write in creates]


def ends_well(world: World) -> None:
    world.all_trouble_ends()
    world.settles()
    world.check()


def test_each_minute_makes_one_run_and_the_oldest_go() -> None:
    world = a_scheduled_world(successfulRunsHistoryLimit=2)
    for _ in range(5):
        goes_on(world, 60)
    assert made(world) == [1, 2, 3, 4, 5]
    assert len(world.server.all("TrainingRun")) == 2
    assert schedule(world)["status"]["lastRun"] == world.server.all("TrainingRun")[-1]["metadata"]["name"]
    ends_well(world)


def test_a_tick_costs_the_run_and_two_writes_of_status_and_nothing_is_written_between_ticks() -> None:
    world = a_scheduled_world()
    world.cluster.writes.clear()
    goes_on(world, 60)
    own = [write for write in world.cluster.writes if "TrainingSchedule" in write]
    assert own == ["status TrainingSchedule s"] * 2
    world.cluster.writes.clear()
    goes_on(world, 50)
    assert world.cluster.writes == []


def test_after_a_day_down_one_run_is_made() -> None:
    world = a_scheduled_world()
    world.operator.crash()
    world.server.now += timedelta(days=1)
    world.the_operator_crashes()
    goes_on(world)
    assert made(world) == [24 * 60]
    ends_well(world)


def test_with_forbid_a_run_that_waits_starts_as_soon_as_the_one_before_has_ended() -> None:
    world = a_scheduled_world(concurrencyPolicy="Forbid")
    world.registry.up = False
    goes_on(world, 60)
    goes_on(world, 150)
    assert made(world) == [1]
    assert schedule(world)["status"]["reason"] == "RunStillActive"
    world.registry.up = True
    goes_on(world, 5)
    assert made(world) == [1, 3]
    ends_well(world)


def test_with_replace_the_run_before_is_deleted_with_its_job() -> None:
    world = a_scheduled_world(concurrencyPolicy="Replace")
    world.registry.up = False
    goes_on(world, 60)
    goes_on(world, 60)
    (run,) = world.server.all("TrainingRun")
    (job,) = world.server.all("Job")
    assert run["metadata"]["name"] == job["metadata"]["name"]
    assert made(world) == [1, 2]
    ends_well(world)


def test_a_run_of_that_name_that_is_somebody_elses_is_left_alone_and_said() -> None:
    world = a_scheduled_world()
    name = run_name(a_training_schedule("s").build(), NOW.replace(minute=1))
    stranger = a_training_run(name).with_spec(args=["logs"])
    world.server.create(stranger.but(metadata={"uid": None}).content)
    goes_on(world, 60)
    assert schedule(world)["status"]["reason"] == "NameTaken"
    goes_on(world, 60)
    assert schedule(world)["status"]["reason"] == "Waiting"
    assert made(world) == [2]


def test_deleting_a_schedule_takes_its_runs_and_their_jobs() -> None:
    world = a_scheduled_world()
    goes_on(world, 60)
    world.server.remove(schedule(world))
    goes_on(world, 60)
    assert not world.server.all("TrainingRun") + world.server.all("Job") + world.server.all("Pod")


def test_a_run_is_worked_on_although_the_answer_to_its_making_was_lost_and_the_watch_is_behind() -> None:
    world = a_scheduled_world()
    world.cluster.faults = ["the answer is lost"]
    world.seconds_pass(60)
    world.the_operator_works()
    world.seconds_pass(1)
    world.the_operator_works()
    assert world.server.all("Job")
    ends_well(world)


def test_no_run_is_made_for_a_schedule_that_is_gone_while_the_watch_has_only_shown_that_its_run_is() -> None:
    world = a_scheduled_world()
    goes_on(world, 60)
    world.server.remove(schedule(world))
    world.everybody_acts()
    while world.server.events["TrainingRun"]:
        world.operator.see("TrainingRun")
    world.seconds_pass(60)
    world.the_operator_works()
    assert made(world) == [1]


def two_minutes(world: World) -> None:
    for _ in range(2):
        goes_on(world, 30)
        goes_on(world, 30)


@pytest.mark.parametrize("fault", ["the request is lost", "the answer is lost", "the operator dies"])
@pytest.mark.parametrize("policy", ["Allow", "Forbid", "Replace"])
def test_any_single_fault_leaves_one_run_a_minute(policy: str, fault: Fault) -> None:
    calm = a_scheduled_world(concurrencyPolicy=policy)
    start = calm.cluster.sent
    two_minutes(calm)
    assert made(calm) == [1, 2]
    for before in range(calm.cluster.sent - start):
        world = a_scheduled_world(concurrencyPolicy=policy)
        none: list[Fault] = [""] * before
        world.cluster.faults = [*none, fault]
        two_minutes(world)
        goes_on(world, 5)
        assert made(world) == [1, 2]
        ends_well(world)
