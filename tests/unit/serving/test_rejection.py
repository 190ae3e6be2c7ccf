"""Which versions are rejected, and for how long."""

import pytest
from modelcycle.plan import Refusal

from tests.builders.base import ago
from tests.unit.serving.rollouts import decided, two_is_followed


def test_a_candidate_past_its_deadline_is_rejected_and_what_serves_stays() -> None:
    seen = two_is_followed().trying(2, since=ago(600))
    rollout = decided(seen.with_deployment_of(2, seen.pod_of(2).running()))
    assert [(entry.revision, entry.reason) for entry in rollout.rejected] == [
        (seen.name_of(2), "ProgressDeadlineExceeded")
    ]
    assert rollout.reason == "ProgressDeadlineExceeded"
    assert rollout.candidate is None
    assert rollout.keep == {seen.name_of(1)}


def test_a_late_candidate_is_rejected_with_what_it_waited_for() -> None:
    seen = two_is_followed().trying(2, since=ago(600))
    rollout = decided(seen.with_deployment_of(2, seen.pod_of(2).unschedulable("0/1 nodes: no memory.")))
    assert "within 600 s" in rollout.message
    assert "0/1 nodes: no memory." in rollout.message


def test_a_version_that_can_never_be_served_is_rejected_before_its_deadline() -> None:
    seen = two_is_followed().trying(2)
    rollout = decided(seen.with_deployment_of(2, seen.pod_of(2).crashed(3, message="MLmodel is missing.")))
    assert rollout.reason == "VersionRejected"
    assert rollout.rejected[0].reason == "ModelNotServable"
    assert rollout.message == "Version 2 was rejected: MLmodel is missing."


def test_a_deployment_that_the_api_server_refuses_for_good_rejects_its_version() -> None:
    refusal = Refusal(
        "DeploymentRefused", "The API server refuses the Deployment: no such class.", final=True
    )
    rollout = decided(two_is_followed().trying(2).but(refusal=refusal))
    assert rollout.rejected[0].reason == "DeploymentRefused"
    assert rollout.create is None


def test_a_rejected_version_is_not_tried_again() -> None:
    seen = two_is_followed().having_rejected(2)
    rollout = decided(seen)
    assert rollout.create is None
    assert rollout.candidate is None
    assert rollout.switch == ""
    assert rollout.keep == {seen.name_of(1)}
    assert [entry.revision for entry in rollout.rejected] == [seen.name_of(2)]


def test_a_rejected_version_is_not_served_although_its_pods_are_ready() -> None:
    seen = two_is_followed().having_rejected(2).with_ready_pods_of(2)
    assert decided(seen).switch == ""


@pytest.mark.parametrize(
    "change",
    [{"replicas": 3}, {"progressDeadlineSeconds": 30}, {"keepPreviousSeconds": 30}],
    ids=lambda change: next(iter(change)),
)
def test_a_rejection_outlasts_a_change_of(change: dict[str, int]) -> None:
    seen = two_is_followed().having_rejected(2)
    rollout = decided(seen.but(deployment=seen.deployment.with_spec(**change)))
    assert [entry.version for entry in rollout.rejected] == ["2"]
    assert rollout.create is None


def test_a_rejection_lapses_when_the_pods_shape_changes() -> None:
    before = two_is_followed().having_rejected(2)
    seen = before.but(deployment=before.deployment.with_spec(image="own/serve:2"))
    rollout = decided(seen)
    assert rollout.rejected == ()
    assert rollout.create
    assert rollout.create.name == seen.name_of(2)


def test_a_rejection_lapses_when_the_alias_was_seen_elsewhere() -> None:
    seen = two_is_followed().having_rejected(2).following(1)
    assert decided(seen).rejected == ()


def test_a_rejection_is_kept_while_the_registry_cannot_tell() -> None:
    seen = two_is_followed().having_rejected(2)
    unread = seen.but(resolution=None, files=None)
    assert [entry.version for entry in decided(unread).rejected] == ["2"]


def test_a_rejection_is_kept_while_the_alias_points_to_nothing() -> None:
    seen = two_is_followed().having_rejected(2).resolving_to_nothing()
    assert [entry.version for entry in decided(seen).rejected] == ["2"]


@pytest.mark.parametrize(
    ("retry", "handled", "tried"),
    [
        pytest.param("2", None, True, id="its version is named"),
        pytest.param("2/after-the-fix", None, True, id="its version is named with a token"),
        pytest.param(two_is_followed().name_of(2), None, True, id="its revision is named"),
        pytest.param("1", None, False, id="another version is named"),
        pytest.param("2", "2", False, id="that was heeded before"),
        pytest.param("2/again", "2", True, id="it is said anew"),
        pytest.param(None, "2", False, id="what was heeded before is gone"),
    ],
)
def test_a_retry_annotation_counts_once(retry: str | None, handled: str | None, tried: bool) -> None:
    seen = two_is_followed().having_rejected(2)
    seen = seen.but(deployment=seen.deployment.with_status(**({"retryHandled": handled} if handled else {})))
    rollout = decided(seen.annotated(retry=retry) if retry else seen)
    assert (rollout.create is not None) is tried
    assert [entry.version for entry in rollout.rejected] == ([] if tried else ["2"])
    assert rollout.retry_handled == (retry or "")
