"""Which revision serves, which is the candidate, and what is done next."""

from datetime import datetime
from typing import Any

import pytest
from modelcycle.plan import Refusal
from modelcycle.registry import Files, Origin
from modelcycle.serving.decision import Rollout
from modelcycle.serving.rollout import (
    CLAIM_RETRY_SECONDS,
    QUEUED_RETRY_SECONDS,
    REGISTRY_RETRY_SECONDS,
    decide,
)

from tests.builders.base import NOW, ago
from tests.builders.children import a_serving_pod
from tests.builders.registry import path_of
from tests.builders.resources import a_model_deployment
from tests.builders.seen import DeploymentSeen, a_deployment_seen


def decided(seen: DeploymentSeen) -> Rollout:
    return decide(seen.observed(), NOW)


def nothing_serves() -> DeploymentSeen:
    return a_deployment_seen().following(1)


def one_serves() -> DeploymentSeen:
    """Version 1 serves and is followed."""
    return a_deployment_seen().following(1).served_by(1, since=ago(3600))


def two_is_followed() -> DeploymentSeen:
    """Version 1 serves, version 2 is followed."""
    return one_serves().following(2)


def two_has_taken_over(since_seconds: float | None = 5) -> DeploymentSeen:
    """The selector names version 2; version 1 is still warm."""
    since = None if since_seconds is None else ago(since_seconds)
    seen = a_deployment_seen().following(2).with_ready_pods_of(1).remembering(1).trying(2, "Switching")
    return seen.served_by(2, since=since)


# A version is followed that does not serve yet.


def test_the_first_version_starts_as_a_candidate() -> None:
    seen = nothing_serves()
    rollout = decided(seen)
    assert rollout.create
    assert rollout.create.name == seen.name_of(1)
    assert rollout.create.path == path_of(1)
    assert rollout.candidate
    assert (rollout.candidate.step, rollout.candidate.started_at) == ("Starting", NOW)
    assert rollout.serving is None
    assert rollout.switch == ""


def test_a_candidate_names_the_runs_that_made_it() -> None:
    rollout = decided(nothing_serves().but(origin=Origin("team/iris-1", "c0ffee")))
    made = rollout.candidate
    assert made
    assert (made.model, made.run_id, made.training_run, made.commit) == (
        "iris",
        "run-1",
        "team/iris-1",
        "c0ffee",
    )


def test_a_commit_that_is_told_late_is_said_of_the_candidate_and_of_what_serves() -> None:
    late = Origin("team/iris-1", "c0ffee")
    rollout = decided(nothing_serves().trying(1).but(origin=late))
    assert rollout.candidate
    assert rollout.candidate.commit == "c0ffee"
    rollout = decided(one_serves().but(origin=late))
    assert rollout.serving
    assert rollout.serving.commit == "c0ffee"


def test_what_is_known_of_another_version_is_not_said_of_the_one_that_serves() -> None:
    rollout = decided(two_is_followed().but(origin=Origin("team/iris-2", "c0ffee")))
    assert rollout.serving
    assert rollout.serving.commit is None


def test_a_new_version_starts_beside_the_one_that_serves() -> None:
    seen = two_is_followed()
    rollout = decided(seen)
    assert rollout.create
    assert rollout.create.name == seen.name_of(2)
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}
    assert rollout.switch == ""
    assert rollout.reason == "RolloutInProgress"


def test_a_candidate_whose_pods_are_not_ready_gets_no_clients() -> None:
    seen = two_is_followed().trying(2)
    rollout = decided(seen.with_deployment_of(2, seen.pod_of(2).running()))
    assert rollout.switch == ""
    assert rollout.candidate
    assert rollout.candidate.step == "Proving"
    assert rollout.create is None


def test_a_candidate_with_some_of_its_pods_ready_gets_no_clients() -> None:
    seen = a_deployment_seen(a_model_deployment().with_replicas(2)).following(2).served_by(1, pods=2)
    rollout = decided(seen.trying(2).with_ready_pods_of(2, 1))
    assert rollout.switch == ""
    assert rollout.candidate
    assert rollout.candidate.message == "1 of 2 pods are ready."


def test_a_candidate_all_of_whose_pods_are_ready_gets_the_clients() -> None:
    seen = two_is_followed().trying(2, "Proving").with_ready_pods_of(2)
    rollout = decided(seen)
    assert rollout.switch == seen.name_of(2)
    assert rollout.candidate
    assert rollout.candidate.step == "Switching"
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}


def test_a_pod_that_is_going_away_proves_nothing() -> None:
    seen = two_is_followed().trying(2, "Proving")
    rollout = decided(seen.with_deployment_of(2, seen.pod_of(2).ready().deleting()))
    assert rollout.switch == ""


def test_a_candidate_that_was_made_for_other_replicas_is_not_proven_by_them() -> None:
    seen = two_is_followed().trying(2, "Proving")
    rollout = decided(seen.with_deployment_of(2, seen.pod_of(2).ready(), replicas=2))
    assert rollout.switch == ""


def test_a_candidate_that_was_proven_is_never_late() -> None:
    seen = two_is_followed().trying(2, "Proving", since=ago(100_000)).with_ready_pods_of(2)
    assert decided(seen).switch == seen.name_of(2)


def test_the_pass_after_the_deadline_is_asked_for() -> None:
    seen = two_is_followed().trying(2, since=ago(580))
    rollout = decided(seen.with_deployment_of(2, seen.pod_of(2).running()))
    assert rollout.look_again == 20


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [
        pytest.param(599, True, id="within the deadline it runs on"),
        pytest.param(600, False, id="past the deadline it starts anew"),
    ],
)
def test_time_without_a_deployment_is_not_the_versions_fault(seconds: int, kept: bool) -> None:
    rollout = decided(two_is_followed().trying(2, since=ago(seconds)))
    assert rollout.create is not None
    assert rollout.candidate
    assert rollout.candidate.started_at == (ago(seconds) if kept else NOW)


def test_a_candidate_has_its_whole_deadline() -> None:
    seen = two_is_followed().trying(2, since=ago(599))
    assert decided(seen.with_deployment_of(2, seen.pod_of(2).running())).rejected == ()


def test_a_rollback_to_a_version_that_is_still_warm_is_taken_over_at_once() -> None:
    seen = two_has_taken_over().following(1)
    rollout = decided(seen)
    assert rollout.switch == seen.name_of(1)
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}
    assert rollout.create is None


def test_a_change_of_the_pods_shape_is_a_rollout_of_the_same_version() -> None:
    before = one_serves()
    seen = before.but(deployment=before.deployment.with_spec(image="own/serve:2"))
    rollout = decided(seen)
    assert rollout.create
    assert rollout.create.name == seen.name_of(1) != before.name_of(1)
    assert rollout.keep == {before.name_of(1), seen.name_of(1)}


# A candidate that is not wanted any more.


def test_a_newer_version_supersedes_a_candidate_in_flight() -> None:
    seen = two_is_followed().trying(2).with_deployment_of(2).following(3)
    rollout = decided(seen)
    assert rollout.create
    assert rollout.create.name == seen.name_of(3)
    assert rollout.keep == {seen.name_of(1), seen.name_of(3)}
    assert rollout.candidate
    assert rollout.candidate.started_at == NOW


def test_a_superseded_candidate_does_not_serve_although_it_is_ready() -> None:
    seen = two_is_followed().trying(2, "Switching").with_ready_pods_of(2).following(3)
    assert decided(seen).switch == ""


def test_a_candidate_goes_when_what_serves_is_followed_again() -> None:
    seen = two_is_followed().trying(2).with_deployment_of(2).following(1)
    rollout = decided(seen)
    assert rollout.candidate is None
    assert rollout.keep == {seen.name_of(1)}
    assert rollout.reason == "RolloutComplete"


# Rejection.


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


# Nothing that could be rolled out.


@pytest.mark.parametrize(
    ("change", "reason", "says", "look_again"),
    [
        pytest.param(
            {"resolution": None, "files": None},
            "RegistryUnreachable",
            "The registry has not been read yet.",
            None,
            id="the registry is unread",
        ),
        pytest.param(
            {"files": None, "registry_problem": "MLflow does not answer."},
            "RegistryUnreachable",
            "MLflow does not answer.",
            REGISTRY_RETRY_SECONDS,
            id="the folder is not known yet",
        ),
        pytest.param(
            {"files": Files(problem="Not on the volume.")},
            "FilesNotMounted",
            "Not on the volume.",
            None,
            id="no pod can read it",
        ),
    ],
)
def test_what_serves_goes_on_serving_while(
    change: dict[str, object], reason: str, says: str, look_again: float | None
) -> None:
    seen = two_is_followed().but(**change)
    rollout = decided(seen)
    assert (rollout.reason, rollout.message, rollout.look_again) == (reason, says, look_again)
    assert rollout.serving
    assert rollout.serving.version == "1"
    assert rollout.keep == {seen.name_of(1)}
    assert (rollout.create, rollout.switch) == (None, "")


def test_what_serves_goes_on_serving_when_the_alias_vanishes() -> None:
    seen = one_serves().resolving_to_nothing("AliasNotFound", "It has no alias 'champion'.")
    rollout = decided(seen)
    assert rollout.keep == {seen.name_of(1)}
    assert (rollout.reason, rollout.message) == ("AliasNotFound", "It has no alias 'champion'.")


def test_a_candidate_is_kept_while_nobody_can_tell_whether_it_is_wanted() -> None:
    seen = two_is_followed().trying(2).with_deployment_of(2).but(resolution=None, files=None)
    rollout = decided(seen)
    assert rollout.candidate
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}


def test_a_candidate_goes_when_its_alias_vanishes() -> None:
    seen = two_is_followed().trying(2).with_deployment_of(2).resolving_to_nothing()
    rollout = decided(seen)
    assert rollout.candidate is None
    assert rollout.keep == {seen.name_of(1)}


# Waiting for a turn, for a claim, for replicas.


@pytest.mark.parametrize(("elsewhere", "starts"), [(0, True), (1, True), (2, False), (3, False)])
def test_two_rollouts_run_at_a_time(elsewhere: int, starts: bool) -> None:
    rollout = decided(two_is_followed().but(rollouts_elsewhere=elsewhere))
    assert (rollout.create is not None) is starts


def test_a_rollout_that_waits_for_its_turn_says_so_and_looks_again() -> None:
    rollout = decided(two_is_followed().but(rollouts_elsewhere=2))
    assert rollout.reason == "Queued"
    assert rollout.look_again == QUEUED_RETRY_SECONDS
    assert rollout.candidate is None


def test_a_rollout_under_way_does_not_wait_for_others() -> None:
    seen = two_is_followed().trying(2).but(rollouts_elsewhere=5)
    assert decided(seen).create is not None


def test_a_version_whose_claim_is_missing_says_how_to_make_it_and_looks_again() -> None:
    rollout = decided(two_is_followed().trying(2).but(claim_exists=False))
    assert (rollout.create, rollout.reason) == (None, "ClaimNotFound")
    assert "no PersistentVolumeClaim 'mlruns' in namespace 'team'" in rollout.message
    assert "create one" in rollout.message
    assert rollout.look_again == CLAIM_RETRY_SECONDS


def test_a_version_whose_deployment_is_refused_for_now_is_tried_again() -> None:
    refusal = Refusal("Forbidden", "The API server does not let the Deployment be made: quota.", final=False)
    rollout = decided(two_is_followed().trying(2).but(refusal=refusal))
    assert rollout.create is not None
    assert (rollout.reason, rollout.message) == (refusal.reason, refusal.message)


@pytest.mark.parametrize(
    "obstacle",
    [{"claim_exists": False}, {"refusal": Refusal("Forbidden", "quota", final=False)}],
    ids=["claim", "right"],
)
def test_a_rollout_that_cannot_begin_keeps_no_other_waiting_for_want_of_a(obstacle: dict[str, Any]) -> None:
    """Neither does its deadline run."""
    rollout = decided(two_is_followed().trying(2, since=ago(3600)).but(**obstacle))
    assert rollout.candidate is None
    assert rollout.rejected == ()


def test_no_candidate_starts_at_zero_replicas() -> None:
    seen = a_deployment_seen(a_model_deployment().with_replicas(0)).following(1)
    rollout = decided(seen)
    assert (rollout.create, rollout.candidate, rollout.reason) == (None, None, "ScaledToZero")


def test_a_candidate_in_flight_goes_when_replicas_become_zero() -> None:
    seen = two_is_followed().trying(2).with_deployment_of(2)
    rollout = decided(seen.but(deployment=seen.deployment.with_replicas(0)))
    assert rollout.candidate is None
    assert rollout.keep == {seen.name_of(1)}


# After the switch.


def test_what_serves_is_read_off_the_selector() -> None:
    seen = one_serves().with_ready_pods_of(2).trying(2, "Switching").following(2).selecting(2)
    rollout = decided(seen)
    assert rollout.serving
    assert (rollout.serving.version, rollout.serving.run_id) == ("2", "run-2")
    assert rollout.candidate
    assert rollout.candidate.step == "Settling"


def test_the_version_before_goes_into_history_with_the_first_sight_of_the_switch() -> None:
    seen = one_serves().with_ready_pods_of(2).trying(2, "Switching").following(2).selecting(2)
    assert [(past.version, past.until) for past in decided(seen).history] == [("1", NOW)]
    assert decided(two_has_taken_over()).history == tuple(
        two_has_taken_over().deployment.build().status.history
    )


def test_history_has_five_entries() -> None:
    seen = one_serves()
    for number in range(11, 16):
        seen = seen.remembering(number)
    rollout = decided(seen.with_ready_pods_of(2).trying(2).following(2).selecting(2))
    assert [past.version for past in rollout.history] == ["1", "15", "14", "13", "12"]


def test_serving_is_dated_when_the_endpoints_list_its_ready_pods_alone() -> None:
    rollout = decided(two_has_taken_over(since_seconds=None))
    assert rollout.serving
    assert rollout.serving.since == NOW


@pytest.mark.parametrize(
    "endpoints",
    [
        pytest.param({}, id="nothing yet"),
        pytest.param({"iris-{1}-0": True}, id="the previous revision's pod"),
        pytest.param({"iris-{1}-0": True, "iris-{2}-0": True}, id="the pods of both"),
        pytest.param({"iris-{2}-0": False}, id="a pod that is not ready"),
    ],
)
def test_serving_is_not_dated_while_the_endpoints_list(endpoints: dict[str, bool]) -> None:
    seen = two_has_taken_over(since_seconds=None)
    names = {
        name.replace("{1}", seen.name_of(1)).replace("{2}", seen.name_of(2)): ready
        for name, ready in endpoints.items()
    }
    rollout = decided(seen.but(endpoints=names))
    assert rollout.serving
    assert rollout.serving.since is None
    assert seen.name_of(1) in rollout.keep


def test_an_endpoint_of_the_previous_version_that_is_not_ready_gets_no_clients() -> None:
    seen = two_has_taken_over(since_seconds=None)
    endpoints = {f"iris-{seen.name_of(1)}-0": False, f"iris-{seen.name_of(2)}-0": True}
    rollout = decided(seen.but(endpoints=endpoints))
    assert rollout.serving
    assert rollout.serving.since == NOW


def test_the_previous_version_stays_warm_for_its_time() -> None:
    seen = two_has_taken_over(since_seconds=20)
    rollout = decided(seen)
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}
    assert rollout.look_again == 40
    assert rollout.candidate
    assert rollout.candidate.step == "Settling"


def test_the_previous_version_goes_when_its_time_is_over() -> None:
    seen = two_has_taken_over(since_seconds=60)
    rollout = decided(seen)
    assert rollout.keep == {seen.name_of(2)}
    assert rollout.candidate is None
    assert rollout.reason == "RolloutComplete"


@pytest.mark.parametrize("since", [None, ago(5)], ids=["before clients have left it", "afterwards"])
def test_only_the_last_of_the_previous_versions_stays_warm(since: datetime | None) -> None:
    earlier = a_deployment_seen().following(2).with_ready_pods_of(3).remembering(3)
    seen = earlier.with_ready_pods_of(1).remembering(1).trying(2, "Settling")
    rollout = decided(seen.served_by(2, since=since).but(endpoints={}))
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}


def test_a_first_version_has_nothing_to_keep_warm() -> None:
    seen = a_deployment_seen().following(1).trying(1, "Switching").served_by(1)
    rollout = decided(seen)
    assert rollout.candidate is None
    assert rollout.reason == "RolloutComplete"


def test_a_next_version_does_not_wait_until_the_previous_one_is_gone() -> None:
    seen = two_has_taken_over(since_seconds=5).following(3)
    rollout = decided(seen)
    assert rollout.create
    assert rollout.create.name == seen.name_of(3)
    assert seen.name_of(2) in rollout.keep


@pytest.mark.parametrize("followed", [1, 3], ids=["back to the one before", "on to the next one"])
def test_a_version_whose_pods_fail_right_after_the_switch_can_be_left(followed: int) -> None:
    """Its endpoints never list a ready pod: there is no time to wait for."""
    switched = a_deployment_seen().with_ready_pods_of(1).remembering(1).trying(2, "Switching")
    switched = switched.with_deployment_of(2, switched.pod_of(2).running()).selecting(2)
    seen = switched.recorded_as_serving(2, since=None).following(followed)
    rollout = decided(seen)
    assert rollout.candidate
    assert rollout.candidate.version == str(followed)


def test_the_previous_version_is_kept_until_clients_have_left_it_also_when_a_third_one_starts() -> None:
    seen = two_has_taken_over(since_seconds=None).but(endpoints={}).following(3)
    assert decided(seen).keep == {seen.name_of(1), seen.name_of(2), seen.name_of(3)}
    later = seen.trying(3)
    assert decided(later).keep == {seen.name_of(1), seen.name_of(2), seen.name_of(3)}


def test_nothing_is_kept_warm_at_zero_replicas() -> None:
    seen = two_has_taken_over(since_seconds=None).but(endpoints={})
    rollout = decided(seen.but(deployment=seen.deployment.with_replicas(0)))
    assert rollout.keep == {seen.name_of(2)}
    assert rollout.candidate is None


# Steady, and disturbed by others.


def test_what_serves_and_is_followed_is_left_alone() -> None:
    seen = one_serves()
    rollout = decided(seen)
    assert (rollout.create, rollout.switch, rollout.candidate, rollout.look_again) == (None, "", None, None)
    assert rollout.keep == {seen.name_of(1)}
    assert rollout.message == "Version 1 serves."


def test_a_serving_deployment_that_somebody_deleted_is_made_again() -> None:
    seen = one_serves().but(revisions=(), pods=())
    rollout = decided(seen)
    assert rollout.create
    assert rollout.create.name == seen.name_of(1)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(two_is_followed().having_rejected(2), id="another one was rejected"),
        pytest.param(one_serves().resolving_to_nothing(), id="the alias is gone"),
        pytest.param(one_serves().but(resolution=None, files=None), id="the registry is unread"),
    ],
)
def test_a_serving_deployment_that_somebody_deleted_is_made_again_also_when(seen: DeploymentSeen) -> None:
    revision = seen.deployment.revision(1)
    rollout = decided(seen.but(revisions=(), pods=(), lost=revision))
    assert rollout.create == revision
    assert rollout.look_again == CLAIM_RETRY_SECONDS
    assert revision.name in rollout.keep


def test_a_candidate_is_made_before_what_serves_is_made_again() -> None:
    seen = two_is_followed().but(revisions=(), pods=())
    lost = seen.deployment.revision(1)
    rollout = decided(seen.but(lost=lost))
    assert rollout.create
    assert rollout.create.name == seen.name_of(2)
    assert decided(seen.trying(2).with_deployment_of(2).but(lost=lost)).create == lost


def test_a_serving_deployment_is_made_again_when_its_claim_is_back() -> None:
    seen = one_serves().but(revisions=(), pods=(), claim_exists=False)
    rollout = decided(seen)
    assert rollout.create is None
    assert rollout.look_again == CLAIM_RETRY_SECONDS
    assert "no PersistentVolumeClaim 'mlruns'" in rollout.message


def test_a_selector_that_somebody_moved_is_moved_back() -> None:
    seen = a_deployment_seen().following(2).with_ready_pods_of(1).with_ready_pods_of(2)
    seen = seen.recorded_as_serving(2).selecting(1)
    rollout = decided(seen)
    assert rollout.switch == seen.name_of(2)
    assert rollout.serving
    assert rollout.serving.version == "1"


def test_a_selector_that_nobody_remembers_still_tells_its_version() -> None:
    seen = a_deployment_seen().following(2).with_ready_pods_of(1).selecting(1)
    rollout = decided(seen)
    assert rollout.serving
    assert (rollout.serving.version, rollout.serving.run_id) == ("1", None)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(one_serves(), id="it is followed"),
        pytest.param(two_is_followed(), id="another one is followed"),
        pytest.param(two_is_followed().having_rejected(2), id="the followed one was rejected"),
        pytest.param(one_serves().but(resolution=None, files=None), id="the registry is unread"),
        pytest.param(one_serves().resolving_to_nothing(), id="the alias is gone"),
    ],
)
def test_a_client_service_that_somebody_deleted_is_made_again_for_what_served_when(
    seen: DeploymentSeen,
) -> None:
    lost = seen.but(service=None, endpoints={})
    rollout = decided(lost)
    assert rollout.switch == lost.name_of(1)
    assert lost.name_of(1) in rollout.keep


def test_a_client_service_is_not_made_again_for_pods_that_are_not_ready() -> None:
    seen = one_serves()
    pods = (seen.pod_of(1).running(),)
    assert decided(seen.but(service=None, endpoints={}, pods=pods)).switch == ""


def test_pods_of_another_revision_prove_nothing() -> None:
    seen = two_is_followed().trying(2).with_deployment_of(2)
    stranger = a_serving_pod("v2-00000000").ready()
    assert decided(seen.but(pods=(*seen.pods, stranger))).switch == ""
