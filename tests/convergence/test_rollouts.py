"""Which version serves when what is followed, allowed or required changes, and when a version is bad."""

import pytest
from modelcycle.api.modeldeployment import APPROVE, RETRY
from modelcycle.serving.preparing import EVERY_SECONDS

from tests.convergence.registry import CRASHES, GOOD, HANGS, INSTALL_SECONDS, INSTALLS, UNSERVABLE
from tests.convergence.story import (
    NAME,
    a_world,
    a_world_with_canaries,
    annotate,
    change,
    ends_well,
    history,
    made,
    move,
    publish,
    rejected,
    serving,
    status,
    step_by_step,
)


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


def test_an_approval_goes_with_the_candidate_that_hold_takes_away() -> None:
    world = a_world_with_canaries()
    publish(world)
    step_by_step(world, lambda: status(world).get("approved", "").startswith("v2-"))
    change(world, hold=True, promotion="Manual")
    ends_well(world)
    change(world, hold=False)
    ends_well(world)
    assert (serving(world), status(world)["reason"]) == ("1", "AwaitingApproval")


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
