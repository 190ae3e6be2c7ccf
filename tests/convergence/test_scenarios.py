"""Stories with a fault at the worst moment; most of them have gone wrong once."""

from collections.abc import Callable

import pytest

from tests.convergence.cluster import REFUSED, Fault
from tests.convergence.controllers import COMMIT
from tests.convergence.registry import CRASHES, UNSERVABLE
from tests.convergence.story import (
    RUN,
    a_world,
    change,
    deployment,
    ends_well,
    history,
    made,
    move,
    publish,
    rejected,
    run_status,
    serving,
    status,
    step_by_step,
)
from tests.convergence.world import NODES_FROM, PROGRESS_DEADLINE_SECONDS, World


def test_a_run_whose_claim_is_missing_starts_when_it_is_made() -> None:
    world = World()
    world.the_claim_comes_or_goes()
    world.somebody_trains(0)
    world.all_goes_well_for_a_while()
    assert run_status(world)["reason"] == "ClaimNotFound"
    world.the_claim_comes_or_goes()
    ends_well(world)
    assert (run_status(world)["phase"], run_status(world)["version"]) == ("Succeeded", "1")


def test_a_run_whose_config_map_is_missing_starts_when_it_is_made() -> None:
    world = World()
    world.the_config_map_comes_or_goes()
    world.somebody_trains(10)
    world.all_goes_well_for_a_while()
    assert run_status(world)["reason"] == "ConfigMapNotFound"
    world.the_config_map_comes_or_goes()
    ends_well(world)
    assert run_status(world)["phase"] == "Succeeded"


@pytest.mark.parametrize("stumbles", [0, 1])
def test_the_runs_of_a_source_from_git_are_tagged_with_its_commit_though_the_registry_stumbles(
    stumbles: int,
) -> None:
    world = World()
    world.somebody_trains(6)
    step_by_step(world, lambda: bool(world.registry.logged))
    step_by_step(world, lambda: any(job["status"].get("conditions") for job in world.server.all("Job")))
    world.registry.stumbles = stumbles
    ends_well(world)
    assert run_status(world)["commit"] == COMMIT
    assert [run.commit for run, _ in world.registry.logged] == [COMMIT]


@pytest.mark.parametrize("obstacle", [World.the_claim_comes_or_goes, World.a_quota_comes_or_goes])
def test_a_version_is_not_rejected_for_what_held_it_up(obstacle: Callable[[World], None]) -> None:
    world = a_world()
    obstacle(world)
    publish(world)
    for _ in range(3):
        world.all_goes_well_for_a_while()
        world.seconds_pass(PROGRESS_DEADLINE_SECONDS)
    assert rejected(world) == []
    obstacle(world)
    ends_well(world)
    assert serving(world) == "2"


def test_what_the_api_server_refused_does_not_count_for_what_is_wanted_next() -> None:
    world = a_world()
    change(world, env=[{"name": REFUSED}])
    step_by_step(world, lambda: bool(world.operator.context.refusals))
    change(world, env=[{"name": "X", "value": "1"}])
    world.the_watch_catches_up()
    ends_well(world)
    assert len(history(world)) == 2


def test_what_serves_is_made_again_where_somebody_deleted_it_while_another_version_is_rejected() -> None:
    world = a_world()
    publish(world, CRASHES)
    world.settles()
    world.somebody_deletes(0)
    assert made(world) == []
    ends_well(world)
    assert (made(world), status(world)["readyReplicas"]) == (["1"], 1)


def test_a_crash_after_the_switch_and_before_its_status_loses_nothing() -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: serving(world) == "2")
    world.the_operator_crashes()
    ends_well(world)
    assert history(world) == ["2", "1"]


def test_a_switch_whose_answer_was_lost_is_known_before_anything_is_deleted() -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: status(world).get("candidate", {}).get("step") == "Switching")
    world.cluster.faults = ["the answer is lost"]
    world.the_operator_works()
    assert serving(world) == "2"
    publish(world)
    world.the_registry_is_polled()
    world.seconds_pass(1)
    world.the_operator_works()
    assert "2" in made(world)
    ends_well(world)


def test_the_pods_of_a_deleted_deployment_do_not_prove_the_next_one_of_its_name() -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: made(world) == ["1", "2"])
    world.operator.finish(world.operator.work()[0])
    world.everybody_acts()
    world.server.events["Deployment"], rest = [], world.server.events["Deployment"]
    world.the_watch_catches_up()
    world.server.events["Deployment"] = rest
    world.the_watch_catches_up()
    for number in (1, 2):
        move(world, number)
        world.the_registry_is_polled()
        world.the_operator_works()
    ends_well(world)


def test_a_version_of_a_failed_attempt_does_not_count_although_the_watch_of_pods_is_behind() -> None:
    world = World()
    world.somebody_trains(4)
    world.the_watch_catches_up()
    world.the_operator_works()
    world.everybody_acts()
    while world.server.events["Job"]:
        world.operator.see("Job")
    world.the_operator_works()
    assert run_status(world)["phase"] == "Succeeded"
    assert "version" not in run_status(world)


def test_a_deleted_run_whose_event_was_lost_gets_no_second_job() -> None:
    world = World()
    world.somebody_trains(0)
    world.the_watch_catches_up()
    world.the_operator_works()
    world.somebody_deletes(3)
    world.server.events["TrainingRun"].clear()
    ends_well(world)
    assert world.cluster.writes == []


def test_several_nodes_train_once_whatever_request_or_answer_is_lost() -> None:
    calm = World()
    calm.somebody_trains(NODES_FROM)
    ends_well(calm)
    assert (run_status(calm)["phase"], run_status(calm)["attempts"]) == ("Succeeded", 1)
    faults: list[Fault] = ["the request is lost", "the answer is lost", "the operator dies"]
    for before in range(calm.cluster.sent):
        for fault in faults:
            world = World()
            none: list[Fault] = [""] * before
            world.cluster.faults = [*none, fault]
            world.somebody_trains(NODES_FROM)
            ends_well(world)
            assert run_status(world)["phase"] == "Succeeded"
            assert [body["metadata"]["name"] for body in world.server.all("Service")] == [f"{RUN}-nodes"]


def test_the_service_of_nodes_under_way_is_made_again_where_somebody_deleted_it() -> None:
    world = World()
    world.somebody_trains(NODES_FROM)
    step_by_step(world, lambda: bool(world.server.all("Job")))
    (service,) = world.server.all("Service")
    world.server.remove(service)
    world.the_watch_catches_up()
    world.the_operator_works()
    assert world.cluster.writes.count(f"create Service {RUN}-nodes") == 2
    ends_well(world)


def a_whole_story(world: World) -> None:
    """Two trainings, the second with a failed attempt, two rollouts, a bad version, and a rollback."""
    world.somebody_deploys(0)
    for script, versions in ((0, 1), (3, 3)):
        world.somebody_trains(script)
        world.settles()
        move(world, versions)
        world.settles()
    publish(world, UNSERVABLE)
    world.settles()
    move(world, 1)
    world.settles()


@pytest.mark.parametrize("fault", ["the request is lost", "the answer is lost", "the operator dies"])
def test_any_single_fault_changes_nothing_in_the_end(fault: Fault) -> None:
    calm = World()
    a_whole_story(calm)
    for before in range(calm.cluster.sent):
        world = World()
        none: list[Fault] = [""] * before
        world.cluster.faults = [*none, fault]
        a_whole_story(world)
        world.check()
        assert (serving(world), rejected(world)) == ("1", [])
        assert history(world) == history(calm)


def test_what_was_deleted_while_its_status_was_written_is_not_waited_for() -> None:
    world = a_world()
    publish(world)
    world.cluster.writes.clear()
    step_by_step(world, lambda: "status ModelDeployment a" in world.cluster.writes)
    world.server.remove(deployment(world))
    world.the_watch_catches_up()
    (key,) = world.operator.tasks
    world.operator.finish(key)
    assert world.operator.context.store.get(key.kind, key.namespace, key.name) is None
    ends_well(world)
