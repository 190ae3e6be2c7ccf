"""Stories with a fault at the worst moment; most of them have gone wrong once."""

from collections.abc import Callable

import pytest
from modelcycle.api.modeldeployment import APPROVE, RETRY
from modelcycle.plan import VERSION_LABEL, Body
from modelcycle.serving.preparing import EVERY_SECONDS

from tests.builders import MODEL, merged
from tests.convergence.cluster import REFUSED, Fault
from tests.convergence.controllers import COMMIT
from tests.convergence.laws import selected
from tests.convergence.registry import (
    CRASHES,
    ELSEWHERE,
    ERRS,
    GOOD,
    HANGS,
    INSTALL_SECONDS,
    INSTALLS,
    UNSERVABLE,
)
from tests.convergence.world import ALIAS, CANARY, NODES_FROM, PROGRESS_DEADLINE_SECONDS, World

NAME, RUN = "a", "run-0"


def a_world() -> World:
    """A ModelDeployment follows an alias, and version 1 serves."""
    world = World()
    publish(world)
    world.somebody_deploys(0)
    world.settles()
    assert serving(world) == "1"
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


def test_a_rollback_is_taken_over_at_once_while_the_previous_version_is_warm() -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: serving(world) == "2")
    move(world, 1)
    step_by_step(world, lambda: serving(world) == "1")
    assert world.cluster.writes.count("create Deployment a-v1-87e5333f") == 1
    ends_well(world)
    assert history(world) == ["1", "2", "1"]


def test_a_version_that_is_superseded_in_flight_never_serves() -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: "2" in made(world))
    publish(world)
    ends_well(world)
    assert history(world) == ["3", "1"]


def test_an_install_is_told_of_while_it_goes_on_and_seldom() -> None:
    world = a_world()
    publish(world)
    world.settles()
    assert world.cluster.logs_read == 0
    publish(world, INSTALLS)
    world.the_registry_is_polled()
    world.goes_on_until(lambda: "installing since" in status(world).get("candidate", {}).get("message", ""))
    world.cluster.writes.clear()
    world.goes_on_until(lambda: serving(world) == "3")
    assert 1 < world.cluster.logs_read <= INSTALL_SECONDS // EVERY_SECONDS
    told = [write for write in world.cluster.writes if write == f"status ModelDeployment {NAME}"]
    assert len(told) < world.cluster.logs_read + 4  # proving, switching, settling
    ends_well(world)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [(UNSERVABLE, "ModelNotServable"), (CRASHES, "CrashLoop"), (HANGS, "ProgressDeadlineExceeded")],
)
def test_a_bad_version_is_rejected_while_the_old_one_serves_and_the_next_good_one_follows(
    behaviour: str, reason: str
) -> None:
    world = a_world()
    publish(world, behaviour)
    ends_well(world)
    assert (serving(world), made(world)) == ("1", ["1"])
    assert [entry["reason"] for entry in status(world)["rejected"]] == [reason]
    publish(world)
    ends_well(world)
    assert (serving(world), rejected(world)) == ("3", [])


def test_a_version_that_breaks_right_after_the_switch_gives_way_to_the_one_before() -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: serving(world) == "2")
    world.a_version_breaks(1)
    ends_well(world)
    assert (serving(world), rejected(world), made(world)) == ("1", ["2"], ["1"])
    assert status(world)["reason"] == "FailedAfterSwitch"


@pytest.mark.parametrize("dies", [False, True], ids=["and lives", "and dies in between"])
def test_an_operator_that_has_decided_to_go_back_goes_back(dies: bool) -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: serving(world) == "2")
    world.a_version_breaks(1)
    world.seconds_pass(1)
    step_by_step(world, lambda: status(world)["candidate"].get("unreadySince") is not None)
    world.seconds_pass(15)
    step_by_step(world, lambda: rejected(world) == ["2"])
    assert serving(world) == "2", "status comes first"
    if dies:
        world.the_operator_crashes()
    ends_well(world)
    assert (serving(world), rejected(world)) == ("1", ["2"])


def test_a_version_that_fails_long_after_the_switch_is_reported_and_stays() -> None:
    world = a_world()
    publish(world)
    world.settles()
    world.a_version_breaks(1)
    ends_well(world)
    assert (serving(world), rejected(world)) == ("2", [])


def test_a_manual_promotion_waits_warm_until_somebody_approves_it() -> None:
    world = a_world()
    change(world, promotion="Manual")
    publish(world)
    ends_well(world)
    assert (serving(world), made(world), status(world)["reason"]) == ("1", ["1", "2"], "AwaitingApproval")
    annotate(world, APPROVE, "2")
    ends_well(world)
    assert (serving(world), made(world)) == ("2", ["2"])


def test_an_approval_from_before_a_candidate_waited_approves_nothing() -> None:
    world = a_world()
    annotate(world, APPROVE, "2")
    change(world, promotion="Manual")
    publish(world)
    ends_well(world)
    assert serving(world) == "1"
    assert f"{APPROVE}=2/again" in status(world)["candidate"]["message"]
    annotate(world, APPROVE, "2/again")
    ends_well(world)
    assert serving(world) == "2"


def test_while_hold_is_set_no_candidate_lives_and_what_serves_can_be_scaled() -> None:
    world = a_world()
    publish(world)
    step_by_step(world, lambda: made(world) == ["1", "2"])
    change(world, hold=True, replicas=2)
    ends_well(world)
    assert (serving(world), made(world), status(world)["reason"]) == ("1", ["1"], "Held")
    assert status(world)["readyReplicas"] == 2
    change(world, hold=False)
    ends_well(world)
    assert serving(world) == "2"


def test_a_version_that_lacks_what_is_required_is_rejected_before_a_pod_starts_and_tried_by_other_gates() -> (
    None
):
    world = a_world()
    change(world, require=[{"metric": "accuracy", "atLeast": 0.8}])
    publish(world)
    ends_well(world)
    assert (serving(world), rejected(world)) == ("1", ["2"])
    assert status(world)["rejected"][0]["message"] == "accuracy 0.5 is below 0.8."
    assert not any("v2" in name for name in world.laws.made)
    change(world, require=[{"metric": "accuracy", "atLeast": 0.5}])
    ends_well(world)
    assert serving(world) == "2"


def test_a_rejected_version_is_tried_once_more_for_each_new_retry_annotation() -> None:
    world = a_world()
    publish(world, UNSERVABLE)
    world.settles()
    world.registry.behaviour[2] = GOOD
    annotate(world, RETRY, "3")
    ends_well(world)
    assert (serving(world), rejected(world)) == ("1", ["2"])
    annotate(world, RETRY, "2")
    ends_well(world)
    assert (serving(world), rejected(world)) == ("2", [])


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


def a_world_with_canaries(replicas: int = 4) -> World:
    world = a_world()
    change(world, strategy=CANARY, replicas=replicas)
    world.settles()
    return world


def canary_pods(world: World) -> int:
    """Pods of version 2."""
    return sum(pod["metadata"]["labels"][VERSION_LABEL] == "2" for pod in world.server.all("Pod"))


def test_a_canary_gets_more_pods_from_step_to_step_and_then_takes_over() -> None:
    world = a_world_with_canaries()
    publish(world)
    step_by_step(world, lambda: (status(world).get("candidate") or {}).get("weight") == 20)
    assert (serving(world), canary_pods(world)) == ("", 1), "clients reach both"
    world.seconds_pass(31)
    step_by_step(world, lambda: canary_pods(world) == 3)
    assert serving(world) == ""
    ends_well(world)
    assert (serving(world), made(world), history(world)) == ("2", ["2"], ["2", "1"])


def test_a_canary_that_answers_with_errors_is_rejected_and_clients_reach_the_old_pods_alone() -> None:
    world = a_world_with_canaries()
    publish(world, ERRS)
    ends_well(world)
    assert (serving(world), rejected(world), made(world)) == ("1", ["2"], ["1"])
    assert status(world)["rejected"][0]["reason"] == "CanaryFailed"
    assert "50.0%" in status(world)["rejected"][0]["message"]


def test_a_canary_whose_pods_tell_no_figures_is_no_pass_until_somebody_says_so() -> None:
    world = a_world_with_canaries()
    world.registry.quiet = True
    publish(world)
    ends_well(world)
    assert (serving(world), status(world)["reason"]) == ("", "Inconclusive")
    annotate(world, APPROVE, "2")
    ends_well(world)
    assert serving(world) == "2"


def test_a_canary_that_is_superseded_gives_its_clients_back_first() -> None:
    world = a_world_with_canaries()
    publish(world)
    step_by_step(world, lambda: serving(world) == "")
    publish(world)
    step_by_step(world, lambda: serving(world) == "1")
    ends_well(world)
    assert history(world) == ["3", "1"]


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


def test_scaling_to_zero_and_back_serves_the_same_version_and_starts_none_in_between() -> None:
    world = a_world()
    change(world, replicas=0)
    ends_well(world)
    assert world.server.all("Pod") == []
    publish(world)
    ends_well(world)
    assert made(world) == ["1"]
    move(world, 1)
    change(world, replicas=2)
    ends_well(world)
    assert (history(world), status(world)["readyReplicas"]) == (["1"], 2)


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
