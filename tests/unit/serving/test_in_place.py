"""What happens where two versions have no room beside each other."""

from typing import Any

import pytest
from modelcycle.pods import Told
from modelcycle.serving.decision import Rollout
from modelcycle.serving.in_place import NO_ROOM_SECONDS
from modelcycle.serving.rollout import decide

from tests.builders.base import NOW, ago
from tests.builders.seen import DeploymentSeen, a_deployment_seen

CANARY = {"type": "Canary", "canary": {"steps": [{"weight": 50}]}}


def trying_for(seconds: float, **strategy: Any) -> DeploymentSeen:
    """Version 1 serves; version 2 has been tried for so long."""
    seen = a_deployment_seen().following(1).served_by(1, since=ago(3600)).following(2)
    seen = seen.trying(2, since=ago(seconds))
    return seen.wanting(strategy={"type": "BlueGreen", **strategy}) if strategy else seen


def without_room(seconds: float, **strategy: Any) -> DeploymentSeen:
    """The pod of version 2 has found no node."""
    seen = trying_for(seconds, **strategy)
    return seen.with_deployment_of(2, seen.pod_of(2).created(ago(seconds)).unschedulable())


HELD = Told(
    "FailedAttachVolume", 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) iris-1', NOW
)


def without_its_volume(seconds: float, told: Told = HELD, **strategy: Any) -> DeploymentSeen:
    """The pod of version 2 has found a node, which cannot have the volume."""
    seen = trying_for(seconds, **strategy)
    return seen.with_deployment_of(2, seen.pod_of(2).on_node("node-2").created(ago(seconds))).but(told=told)


def decided(seen: DeploymentSeen) -> Rollout:
    return decide(seen.observed(), NOW)


def test_a_candidate_that_finds_no_node_is_looked_at_again_when_that_has_lasted() -> None:
    rollout = decided(without_room(20, recreateWhenUnschedulable=True))
    assert rollout.look_again == NO_ROOM_SECONDS - 20
    assert rollout.candidate
    assert not rollout.candidate.in_place


def test_a_candidate_that_finds_no_node_says_how_it_could_take_the_place_of_what_serves() -> None:
    rollout = decided(without_room(61))
    assert rollout.candidate
    assert not rollout.candidate.in_place
    assert "spec.strategy.recreateWhenUnschedulable" in (rollout.candidate.message or "")


@pytest.mark.parametrize(
    ("strategy", "cure"),
    [
        ({}, "set spec.strategy.recreateWhenUnschedulable: true"),
        (CANARY, "set spec.strategy.type: Recreate"),
    ],
    ids=["blue-green", "canary"],
)
def test_a_version_that_is_rejected_for_want_of_room_is_told_with_the_cure(
    strategy: dict[str, Any], cure: str
) -> None:
    rollout = decided(without_room(601, **strategy).wanting(progressDeadlineSeconds=30))
    (entry,) = rollout.rejected
    assert entry.reason == "ProgressDeadlineExceeded"
    assert "Insufficient cpu" in entry.message
    assert cure in entry.message


def test_a_version_without_room_takes_the_place_of_what_serves_when_its_deadline_is_sooner() -> None:
    seen = without_room(31, recreateWhenUnschedulable=True)
    rollout = decided(seen.wanting(progressDeadlineSeconds=30))
    assert rollout.rejected == ()
    assert rollout.candidate
    assert (rollout.candidate.in_place, rollout.candidate.step) == (True, "Draining")


@pytest.mark.parametrize("seconds", [NO_ROOM_SECONDS, NO_ROOM_SECONDS + 1])
def test_a_candidate_that_finds_no_node_takes_the_place_of_what_serves_where_that_is_allowed(
    seconds: float,
) -> None:
    seen = without_room(seconds, recreateWhenUnschedulable=True)
    rollout = decided(seen)
    assert rollout.candidate
    assert (rollout.candidate.in_place, rollout.candidate.step) == (True, "Draining")
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}
    assert rollout.switch == ""


@pytest.mark.parametrize("seconds", [NO_ROOM_SECONDS - 20, NO_ROOM_SECONDS])
def test_a_candidate_whose_volume_another_node_has_is_without_room_as_well(seconds: float) -> None:
    said = decided(without_its_volume(seconds)).candidate
    assert said
    assert f"A pod of another node has the volume: {HELD.message}" in (said.message or "")
    lasts = seconds >= NO_ROOM_SECONDS
    assert ("spec.strategy.recreateWhenUnschedulable" in (said.message or "")) is lasts
    takes = decided(without_its_volume(seconds, recreateWhenUnschedulable=True)).candidate
    assert takes
    assert bool(takes.in_place) is lasts


def test_a_volume_that_cannot_be_had_at_all_is_no_reason_to_take_the_place_of_what_serves() -> None:
    told = Told("FailedAttachVolume", 'AttachVolume.Attach failed for volume "pvc-1": no such disk', NOW)
    stays = decided(without_its_volume(61, told, recreateWhenUnschedulable=True)).candidate
    assert stays
    assert not stays.in_place
    assert told.message in (stays.message or "")


def test_a_candidate_that_has_taken_a_place_and_finds_no_node_goes_on_waiting_for_one() -> None:
    seen = without_room(61, recreateWhenUnschedulable=True)
    rollout = decided(seen.trying(2, "Proving", since=ago(61), inPlace=True))
    assert rollout.candidate
    assert (rollout.candidate.step, rollout.candidate.in_place) == ("Starting", True)
    assert rollout.look_again == 600 - 61


def test_what_has_made_room_is_not_made_again_while_its_place_is_taken() -> None:
    seen = without_room(61, recreateWhenUnschedulable=True)
    seen = seen.trying(2, "Proving", since=ago(61), inPlace=True)
    assert decided(seen.but(lost=seen.deployment.revision(1))).create is None


def test_a_first_version_that_finds_no_node_has_no_place_to_take() -> None:
    seen = a_deployment_seen().following(1).trying(1, since=ago(61))
    seen = seen.with_deployment_of(1, seen.pod_of(1).created(ago(61)).unschedulable())
    rollout = decided(seen.wanting(strategy={"type": "BlueGreen", "recreateWhenUnschedulable": True}))
    assert rollout.candidate
    assert not rollout.candidate.in_place


@pytest.mark.parametrize("promotion", ["Automatic", "Manual"])
def test_the_deadline_of_a_candidate_in_place_starts_when_it_has_room(promotion: str) -> None:
    seen = a_deployment_seen().following(1).served_by(1, since=ago(3600)).following(2)
    seen = seen.trying(2, "Draining", since=ago(9000), inPlace=True).but(revisions=(), pods=())
    status = {"approved": seen.name_of(2)} if promotion == "Manual" else {}
    seen = seen.but(deployment=seen.deployment.with_status(**status)).wanting(promotion=promotion)
    rollout = decided(seen)
    assert rollout.candidate
    assert (rollout.candidate.step, rollout.candidate.started_at) == ("Starting", NOW)
    assert rollout.create
