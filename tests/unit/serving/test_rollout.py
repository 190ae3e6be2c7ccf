"""Which revision serves, which is the candidate, and what is done next."""

from typing import Any

import pytest
from modelcycle.plan import Refusal
from modelcycle.registry import Files, Origin
from modelcycle.serving.rollout import CLAIM_RETRY_SECONDS, QUEUED_RETRY_SECONDS, REGISTRY_RETRY_SECONDS

from tests.builders.base import NOW, ago, wire_time
from tests.builders.registry import path_of
from tests.builders.resources import a_model_deployment
from tests.builders.seen import DeploymentSeen, a_deployment_seen
from tests.unit.serving.rollouts import (
    decided,
    nothing_serves,
    one_serves,
    two_has_taken_over,
    two_is_followed,
)

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


def unread(seen: DeploymentSeen) -> DeploymentSeen:
    """Nobody can say what is followed."""
    return seen.but(resolution=None, files=None)


def test_a_candidate_that_is_proven_takes_over_also_while_the_registry_is_away() -> None:
    seen = unread(two_is_followed().trying(2, "Proving").with_ready_pods_of(2))
    assert decided(seen).switch == seen.name_of(2)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(two_is_followed().trying(2, "Proving"), id="its Deployment is not there"),
        pytest.param(
            two_is_followed().trying(2, "Proving").with_ready_pods_of(2).wanting(hold=True), id="hold"
        ),
        pytest.param(
            two_is_followed().trying(2, "Proving").with_deployment_of(2, replicas=0).wanting(replicas=0),
            id="no pods are wanted",
        ),
        pytest.param(two_is_followed(), id="there is none"),
    ],
)
def test_while_the_registry_is_away_no_candidate_goes_on_where(seen: DeploymentSeen) -> None:
    rollout = decided(unread(seen))
    assert (rollout.reason, rollout.switch, rollout.create) == ("RegistryUnreachable", "", None)
    assert rollout.candidate == seen.deployment.build().status.candidate


def test_a_proven_candidate_waits_while_the_folder_of_what_is_followed_is_not_known() -> None:
    seen = two_is_followed().trying(2, "Proving").with_ready_pods_of(2).but(files=None)
    assert decided(seen).switch == ""


# With Recreate the old pods go first.


@pytest.mark.parametrize(
    ("seen", "step", "in_place"),
    [
        pytest.param(two_is_followed(), "Draining", True, id="somebody serves"),
        pytest.param(nothing_serves(), "Starting", None, id="nobody serves"),
    ],
)
def test_with_recreate_a_version_waits_for_the_pods_before_it_where(
    seen: DeploymentSeen, step: str, in_place: bool | None
) -> None:
    rollout = decided(seen.wanting(strategy={"type": "Recreate"}))
    assert rollout.candidate
    assert (rollout.candidate.step, rollout.candidate.in_place) == (step, in_place)
    assert (rollout.create is None) is (step == "Draining")


# A proof that is lost again.


def stumbled(**more: Any) -> DeploymentSeen:
    """Version 2 had proved itself long ago; its pod is not ready any more."""
    seen = (
        two_is_followed().trying(2, "AwaitingApproval", since=ago(9000), **more).wanting(promotion="Manual")
    )
    return seen.with_deployment_of(2, seen.pod_of(2).running())


def test_a_proof_that_is_lost_has_a_deadline_of_its_own() -> None:
    rollout = decided(stumbled())
    assert rollout.candidate
    assert (rollout.candidate.unready_since, rollout.candidate.step) == (NOW, "AwaitingApproval")
    assert (rollout.rejected, rollout.look_again) == ((), 600)


def test_a_proof_that_does_not_come_back_is_late() -> None:
    rollout = decided(stumbled(unreadySince=wire_time(ago(600))))
    assert rollout.rejected[0].reason == "ProgressDeadlineExceeded"
    assert rollout.message.startswith("Version 2 was rejected: It was not ready again within 600 s.")


def test_a_candidate_that_was_never_proven_did_not_prove_itself_in_time() -> None:
    seen = two_is_followed().trying(2, "Proving", since=ago(600))
    rollout = decided(seen.with_deployment_of(2, seen.pod_of(2).running()))
    assert rollout.message.startswith("Version 2 was rejected: It did not prove itself within 600 s.")


def test_a_proof_that_is_back_forgets_that_it_was_lost() -> None:
    seen = two_is_followed().trying(2, "AwaitingApproval", unreadySince=wire_time(ago(500)))
    rollout = decided(seen.wanting(promotion="Manual").with_ready_pods_of(2))
    assert rollout.candidate
    assert (rollout.candidate.unready_since, rollout.reason) == (None, "AwaitingApproval")
