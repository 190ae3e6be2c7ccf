"""The rollout's decision as status, writes and events."""

from typing import Any

import pytest
from modelcycle.api.modeldeployment import ModelDeploymentStatus
from modelcycle.conditions import find
from modelcycle.plan import DEPLOYMENT_LABEL, REVISION_LABEL, Plan, Ref, Refusal
from modelcycle.registry import Files
from modelcycle.serving.plan import REFUSED_RETRY_SECONDS, plan

from tests.builders.base import NOW, ago, merged
from tests.builders.resources import a_model_deployment
from tests.builders.seen import DeploymentSeen, a_deployment_seen


def planned(seen: DeploymentSeen) -> Plan:
    return plan(seen.observed(), NOW)


def status_of(seen: DeploymentSeen) -> ModelDeploymentStatus:
    status = planned(seen).status
    assert isinstance(status, ModelDeploymentStatus)
    return status


def condition_of(seen: DeploymentSeen, kind: str) -> tuple[str, str]:
    found = find(status_of(seen).conditions, kind)
    return (found.status, found.reason) if found else ("", "")


def events_of(seen: DeploymentSeen) -> list[tuple[str, str]]:
    return [(event.type, event.reason) for event in planned(seen).events]


def nothing_serves() -> DeploymentSeen:
    return a_deployment_seen().following(1)


def one_serves() -> DeploymentSeen:
    return a_deployment_seen().following(1).served_by(1, since=ago(3600))


def two_is_ready() -> DeploymentSeen:
    """Version 1 serves, version 2 is followed and all its pods are ready."""
    return one_serves().following(2).trying(2, "Proving").with_ready_pods_of(2)


def two_has_taken_over(since_seconds: float = 5) -> DeploymentSeen:
    seen = a_deployment_seen().following(2).with_ready_pods_of(1).remembering(1).trying(2, "Settling")
    return seen.served_by(2, since=ago(since_seconds))


def two_is_rejected() -> DeploymentSeen:
    return one_serves().following(2).having_rejected(2)


# Writes.


def test_the_first_version_gets_a_deployment_and_no_service_yet() -> None:
    made = planned(nothing_serves())
    assert [child["kind"] for child in made.creates] == ["Deployment"]
    assert (made.patches, made.deletes) == ((), ())


def test_the_service_is_made_for_the_first_version_that_is_proven() -> None:
    seen = nothing_serves().trying(1).with_ready_pods_of(1)
    (service,) = planned(seen).creates
    assert service["kind"] == "Service"
    assert service["spec"]["selector"][REVISION_LABEL] == seen.name_of(1)


def test_the_switch_is_one_patch_of_the_selector_of_the_very_service_that_was_seen() -> None:
    seen = two_is_ready()
    seen = seen.but(service=seen.service.of_version(7) if seen.service else None)
    made = planned(seen)
    (patch,) = made.patches
    assert patch.ref == Ref("Service", "iris", "service-iris-uid", "7")
    selector = {DEPLOYMENT_LABEL: "iris", REVISION_LABEL: seen.name_of(2)}
    assert patch.body == {"spec": {"selector": selector}}
    assert (made.creates, made.deletes) == ((), ())


def test_the_previous_deployment_is_deleted_by_its_uid_when_its_time_is_over() -> None:
    seen = two_has_taken_over(since_seconds=60)
    name = f"iris-{seen.name_of(1)}"
    assert planned(seen).deletes == (Ref("Deployment", name, f"deployment-{name}-uid"),)


def test_a_deployment_that_is_going_is_not_deleted_again() -> None:
    seen = two_has_taken_over(since_seconds=60)
    gone = tuple(made.deleting() for made in seen.revisions)
    assert planned(seen.but(revisions=gone)).deletes == ()


def test_a_rejected_candidate_is_deleted() -> None:
    seen = two_is_rejected().with_deployment_of(2)
    assert [ref.name for ref in planned(seen).deletes] == [f"iris-{seen.name_of(2)}"]


def test_replicas_are_set_on_what_serves_and_on_the_candidate() -> None:
    before = one_serves().following(2).trying(2).with_deployment_of(2)
    seen = before.but(deployment=before.deployment.with_replicas(3))
    patches = planned(seen).patches
    assert {patch.ref.name for patch in patches} == {f"iris-{seen.name_of(n)}" for n in (1, 2)}
    assert all(patch.body == {"spec": {"replicas": 3}} for patch in patches)


def test_replicas_of_a_warm_version_are_left_as_they_are() -> None:
    before = two_has_taken_over()
    seen = before.but(deployment=before.deployment.with_replicas(3))
    assert [patch.ref.name for patch in planned(seen).patches] == [f"iris-{seen.name_of(2)}"]


def test_scaling_works_while_a_version_is_rejected() -> None:
    before = two_is_rejected()
    seen = before.but(deployment=before.deployment.with_replicas(0))
    (patch,) = planned(seen).patches
    assert patch.body == {"spec": {"replicas": 0}}


def test_nothing_is_done_for_a_deployment_that_is_being_deleted() -> None:
    seen = two_is_ready()
    assert planned(seen.but(deployment=seen.deployment.deleting())) == Plan()


def test_no_deployment_is_made_while_its_claim_is_missing() -> None:
    assert planned(nothing_serves().but(claim_exists=False)).creates == ()
    assert planned(one_serves().but(claim_exists=False, revisions=(), pods=())).creates == ()


def test_a_deployment_is_made_when_its_claim_is_there() -> None:
    assert [child["kind"] for child in planned(nothing_serves().but(claim_exists=True)).creates] == [
        "Deployment"
    ]


def test_a_refusal_that_can_pass_is_tried_again() -> None:
    refusal = Refusal("Forbidden", "The API server does not let the Deployment be made: quota.", final=False)
    seen = nothing_serves().trying(1).but(refusal=refusal)
    made = planned(seen)
    assert [child["kind"] for child in made.creates] == ["Deployment"]
    assert made.look_again is not None
    assert made.look_again <= REFUSED_RETRY_SECONDS
    status = status_of(seen)
    assert (status.reason, status.message) == (refusal.reason, refusal.message)


def test_a_service_of_somebody_elses_is_said_and_not_touched() -> None:
    refusal = Refusal("NameTaken", "There is a Service 'iris' that is somebody else's.", final=False)
    seen = nothing_serves().trying(1).with_ready_pods_of(1).but(refusal=refusal)
    assert condition_of(seen, "Progressing") == ("False", "NameTaken")
    assert condition_of(seen, "Ready") == ("False", "NothingServes")
    assert planned(seen).patches == ()


# Conditions.


@pytest.mark.parametrize(
    ("seen", "status", "reason"),
    [
        pytest.param(nothing_serves(), "False", "NothingServes", id="nothing serves yet"),
        pytest.param(one_serves(), "True", "Serving", id="a pod of the serving version is ready"),
        pytest.param(two_is_rejected(), "True", "Serving", id="a bad version was rejected"),
        pytest.param(
            one_serves().but(pods=()), "False", "NoReadyPods", id="no pod of the serving version is ready"
        ),
        pytest.param(
            one_serves().but(deployment=one_serves().deployment.with_replicas(0)),
            "False",
            "ScaledToZero",
            id="it was scaled to zero",
        ),
        pytest.param(
            a_deployment_seen(a_model_deployment().with_replicas(0)).following(1),
            "False",
            "ScaledToZero",
            id="it started at zero",
        ),
        pytest.param(
            one_serves().but(service=None, endpoints={}), "False", "NothingServes", id="its Service is gone"
        ),
    ],
)
def test_ready_tells_whether_clients_are_answered_when(
    seen: DeploymentSeen, status: str, reason: str
) -> None:
    assert condition_of(seen, "Ready") == (status, reason)


@pytest.mark.parametrize(
    ("seen", "status"),
    [
        pytest.param(one_serves(), "True", id="what serves is followed"),
        pytest.param(two_is_ready(), "False", id="another one is followed"),
        pytest.param(two_is_rejected(), "False", id="the followed one was rejected"),
        pytest.param(one_serves().resolving_to_nothing(), "Unknown", id="the alias is gone"),
        pytest.param(one_serves().but(resolution=None, files=None), "Unknown", id="the registry is unread"),
    ],
)
def test_up_to_date_tells_whether_what_serves_is_followed_when(seen: DeploymentSeen, status: str) -> None:
    assert condition_of(seen, "UpToDate")[0] == status


@pytest.mark.parametrize(
    ("seen", "status", "reason"),
    [
        pytest.param(nothing_serves(), "True", "RolloutInProgress", id="a candidate starts"),
        pytest.param(two_has_taken_over(), "True", "RolloutInProgress", id="the previous version is warm"),
        pytest.param(one_serves(), "True", "RolloutComplete", id="all is done"),
        pytest.param(two_is_rejected(), "False", "VersionRejected", id="the version was rejected"),
        pytest.param(
            one_serves().following(2).having_rejected(2, "ProgressDeadlineExceeded"),
            "False",
            "ProgressDeadlineExceeded",
            id="the version was too late",
        ),
        pytest.param(
            nothing_serves().but(rollouts_elsewhere=2), "False", "Queued", id="others are rolled out"
        ),
    ],
)
def test_progressing_tells_how_the_rollout_goes_when(seen: DeploymentSeen, status: str, reason: str) -> None:
    assert condition_of(seen, "Progressing") == (status, reason)


@pytest.mark.parametrize(
    ("seen", "resolved", "reachable"),
    [
        pytest.param(one_serves(), ("True", "Resolved"), "True", id="all is well"),
        pytest.param(
            one_serves().resolving_to_nothing("ModelNotFound"),
            ("False", "ModelNotFound"),
            "True",
            id="there is no such model",
        ),
        pytest.param(
            one_serves().but(files=Files(problem="They lie on S3.")),
            ("False", "FilesNotMounted"),
            "True",
            id="pods cannot read its files",
        ),
        pytest.param(
            one_serves().but(registry_problem="MLflow does not answer."),
            ("True", "Resolved"),
            "False",
            id="the registry went away",
        ),
        pytest.param(
            a_deployment_seen().but(registry_problem="MLflow does not answer."),
            ("", ""),
            "False",
            id="the registry was never there",
        ),
    ],
)
def test_the_registrys_conditions_tell_what_is_known_when(
    seen: DeploymentSeen, resolved: tuple[str, str], reachable: str
) -> None:
    assert condition_of(seen, "ModelResolved") == resolved
    assert condition_of(seen, "RegistryReachable")[0] == reachable


def test_every_condition_carries_the_generation_it_speaks_of() -> None:
    seen = one_serves()
    status = status_of(seen.but(deployment=seen.deployment.of_generation(4)))
    assert status.observed_generation == 4
    assert {condition.observed_generation for condition in status.conditions} == {4}


# The rest of status.


def test_status_tells_replicas_and_selector_of_the_serving_revision_alone() -> None:
    seen = a_deployment_seen(a_model_deployment().with_replicas(2)).following(2).served_by(1, pods=2)
    status = status_of(seen.trying(2).with_ready_pods_of(2))
    assert (status.replicas, status.ready_replicas) == (2, 2)
    assert status.selector == f"{DEPLOYMENT_LABEL}=iris,{REVISION_LABEL}={seen.name_of(1)}"
    assert status.url == "http://iris.team.svc"


def test_a_pod_that_was_evicted_is_no_replica() -> None:
    seen = one_serves()
    seen = seen.but(pods=(*seen.pods, seen.pod_of(1, 1).evicted()))
    assert status_of(seen).replicas == 1


def test_status_has_no_url_before_anything_serves() -> None:
    status = status_of(nothing_serves())
    assert (status.url, status.selector, status.replicas) == (None, None, 0)


def test_a_decision_is_in_the_status_of_the_plan_that_acts_on_it() -> None:
    made = planned(two_is_ready())
    assert isinstance(made.status, ModelDeploymentStatus)
    assert made.status.candidate
    assert made.status.candidate.step == "Switching"
    assert made.patches


def test_a_message_is_cut_to_what_status_takes() -> None:
    seen = one_serves().following(2).trying(2)
    crashed = seen.pod_of(2).crashed(3, message="x" * 4096)
    status = status_of(seen.with_deployment_of(2, crashed))
    assert ModelDeploymentStatus.model_validate(status.wire()) == status


ALL = [
    pytest.param(nothing_serves(), id="nothing serves"),
    pytest.param(nothing_serves().trying(1).with_ready_pods_of(1), id="the first one is ready"),
    pytest.param(one_serves(), id="steady"),
    pytest.param(two_is_ready(), id="about to switch"),
    pytest.param(two_has_taken_over(), id="settling"),
    pytest.param(two_has_taken_over(60), id="settled"),
    pytest.param(two_is_rejected(), id="rejected"),
    pytest.param(one_serves().resolving_to_nothing(), id="the alias is gone"),
    pytest.param(one_serves().but(registry_problem="MLflow does not answer."), id="the registry is down"),
    pytest.param(one_serves().but(service=None, endpoints={}), id="the service is gone"),
]


@pytest.mark.parametrize("seen", ALL)
def test_a_second_look_at_the_same_world_changes_neither_status_nor_tells_it_twice_when(
    seen: DeploymentSeen,
) -> None:
    first = status_of(seen).wire()
    body = merged(seen.deployment.body(), {"status": None}) | {"status": first}
    again = planned(seen.but(deployment=type(seen.deployment)(body)))
    assert again.status
    assert again.status.wire() == first
    assert again.events == ()


# Events.


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(nothing_serves(), [("Normal", "RolloutStarted")], id="a rollout starts"),
        pytest.param(two_is_ready().selecting(2), [("Normal", "TrafficSwitched")], id="clients have moved"),
        pytest.param(two_has_taken_over(60), [("Normal", "RolloutComplete")], id="the rollout is over"),
        pytest.param(one_serves(), [], id="nothing happens"),
    ],
)
def test_what_has_changed_is_told_when(seen: DeploymentSeen, expected: list[tuple[str, str]]) -> None:
    assert events_of(seen) == expected


def test_a_rejection_is_told_with_its_reason() -> None:
    seen = one_serves().following(2).trying(2)
    (event,) = planned(seen.with_deployment_of(2, seen.pod_of(2).crashed(3, message="no MLmodel"))).events
    assert (event.type, event.reason) == ("Warning", "ModelNotServable")
    assert event.message == "Version 2 was rejected: no MLmodel"


def test_a_reference_that_means_nothing_is_told_once() -> None:
    seen = one_serves().resolving_to_nothing("AliasNotFound", "It has no alias 'champion'.")
    assert events_of(seen) == [("Warning", "AliasNotFound")]
    known: dict[str, Any] = {"conditions": [c.wire() for c in status_of(seen).conditions]}
    assert events_of(seen.but(deployment=seen.deployment.with_status(**known))) == []
