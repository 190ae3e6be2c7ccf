"""The pods of what has just taken over fail: the version before takes the clients back."""

from datetime import datetime
from typing import Any

import pytest
from modelcycle.serving.settling import UNREADY_SECONDS

from tests.builders.base import NOW, ago, wire_time
from tests.builders.children import a_revision_deployment
from tests.builders.seen import DeploymentSeen, a_deployment_seen
from tests.unit.serving.rollouts import decided


def switched(
    unready: float | None = None,
    since: float | None = 5,
    ready: bool = False,
    counted: int = 0,
    ready_before: bool = True,
    counted_before: int = 1,
) -> DeploymentSeen:
    """Version 2 took over from version 1. unready, since: seconds ago; counted: ready pods, by the Deployment."""
    seen = a_deployment_seen().following(2).remembering(1)
    said: dict[str, Any] = {} if unready is None else {"unreadySince": wire_time(ago(unready))}
    seen = seen.trying(2, "Settling", **said)
    pods = (seen.pod_of(1), ready_before), (seen.pod_of(2), ready)
    seen = seen.but(
        revisions=(
            a_revision_deployment(seen.deployment, 1).counting(counted_before),
            a_revision_deployment(seen.deployment, 2).counting(counted),
        ),
        pods=tuple(pod.ready() if is_ready else pod.running() for pod, is_ready in pods),
    )
    return seen.selecting(2).recorded_as_serving(2, since=None if since is None else ago(since))


@pytest.mark.parametrize(
    ("seen", "unready_since", "look_again"),
    [
        pytest.param(switched(), NOW, UNREADY_SECONDS, id="it is seen for the first time"),
        pytest.param(switched(unready=9), ago(9), 1, id="it has not lasted"),
        pytest.param(switched(since=None), NOW, UNREADY_SECONDS, id="its endpoints never listed a ready pod"),
        pytest.param(switched(unready=9, since=61), ago(9), 1, id="its time ran out meanwhile"),
        pytest.param(
            switched(unready=10, ready_before=False), ago(10), None, id="no pod of the one before is ready"
        ),
        pytest.param(
            switched(unready=10, counted_before=0), ago(10), None, id="the Deployment before counts none"
        ),
    ],
)
def test_clients_stay_although_no_pod_is_ready_as_long_as(
    seen: DeploymentSeen, unready_since: datetime, look_again: float | None
) -> None:
    rollout = decided(seen)
    assert rollout.candidate
    assert (rollout.candidate.unready_since, rollout.look_again) == (unready_since, look_again)
    assert (rollout.switch, rollout.rejected, rollout.reason) == ("", (), "RolloutInProgress")
    assert "none of its pods is ready" in rollout.message
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}


@pytest.mark.parametrize("since", [15.0, 61.0, None])
def test_clients_go_back_when_no_pod_was_ready_for_ten_seconds(since: float | None) -> None:
    seen = switched(unready=UNREADY_SECONDS, since=since)
    rollout = decided(seen)
    assert rollout.switch == seen.name_of(1)
    assert [(entry.version, entry.reason) for entry in rollout.rejected] == [("2", "FailedAfterSwitch")]
    assert "for 10 s after the switch; version 1 is back." in rollout.message
    assert rollout.reason == "FailedAfterSwitch"
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}
    assert rollout.candidate is None


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(switched(unready=9, ready=True), id="its pod says so"),
        pytest.param(switched(unready=9, counted=1), id="its Deployment counts one"),
    ],
)
def test_a_pod_that_is_ready_again_begins_anew(seen: DeploymentSeen) -> None:
    rollout = decided(seen)
    assert rollout.candidate
    assert (rollout.candidate.step, rollout.candidate.unready_since) == ("Settling", None)
    assert rollout.look_again == 55


def test_a_version_that_fails_when_it_has_settled_goes_on_serving() -> None:
    rollout = decided(switched(since=60))
    assert (rollout.switch, rollout.rejected, rollout.candidate) == ("", (), None)
    assert rollout.reason == "RolloutComplete"


def test_a_version_that_fails_goes_on_serving_when_its_time_is_over_and_nothing_can_take_over_again() -> None:
    rollout = decided(switched(since=61, unready=10, ready_before=False, counted_before=0))
    assert (rollout.switch, rollout.rejected, rollout.candidate) == ("", (), None)
    assert rollout.reason == "RolloutComplete"


def test_a_version_that_has_made_room_comes_back_though_it_has_no_pods() -> None:
    seen = switched(unready=10, ready_before=False)
    one = a_revision_deployment(seen.deployment, 1).with_replicas(0)
    seen = seen.but(revisions=(one, *seen.revisions[1:]))
    rollout = decided(seen)
    assert rollout.switch == seen.name_of(1)
    assert [(entry.version, entry.reason) for entry in rollout.rejected] == [("2", "FailedAfterSwitch")]


def test_a_first_version_that_fails_has_nothing_to_go_back_to() -> None:
    seen = switched(unready=10)
    rollout = decided(seen.but(deployment=seen.deployment.with_status(history=[])))
    assert (rollout.switch, rollout.rejected) == ("", ())


def failed(**before: Any) -> DeploymentSeen:
    """It was rejected after the switch; the Service still leads to it."""
    return switched(**before).having_rejected(2, "FailedAfterSwitch", "No pod of it was ready.")


def test_clients_that_have_not_gone_back_yet_are_led_back_once_more() -> None:
    seen = failed()
    rollout = decided(seen)
    assert rollout.switch == seen.name_of(1)
    assert [entry.version for entry in rollout.rejected] == ["2"]
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}


@pytest.mark.parametrize("before", [{"ready_before": False}, {"counted_before": 0}], ids=str)
def test_where_nothing_can_take_over_again_what_serves_is_not_rejected(before: dict[str, Any]) -> None:
    rollout = decided(failed(**before))
    assert (rollout.switch, rollout.rejected) == ("", ())


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(switched(unready=10).following(3).wanting(hold=True), id="hold"),
        pytest.param(switched(unready=10).following(3).having_rejected(3), id="it was rejected"),
    ],
)
def test_clients_go_back_also_where_another_version_is_followed_that_may_not_come(
    seen: DeploymentSeen,
) -> None:
    rollout = decided(seen)
    assert rollout.switch == seen.name_of(1)
    assert {(entry.version, entry.reason) for entry in rollout.rejected} >= {("2", "FailedAfterSwitch")}


def test_a_version_that_may_come_takes_the_place_of_one_that_fails_after_its_switch() -> None:
    seen = switched(unready=10).following(3)
    rollout = decided(seen)
    assert rollout.create
    assert (rollout.create.name, rollout.switch) == (seen.name_of(3), "")


def test_while_what_has_just_taken_over_settles_it_is_said_why_another_version_does_not_come() -> None:
    rollout = decided(switched(since=None, ready=True, counted=1).following(3).wanting(hold=True))
    assert rollout.candidate
    assert (rollout.candidate.step, rollout.reason) == ("Settling", "Held")
