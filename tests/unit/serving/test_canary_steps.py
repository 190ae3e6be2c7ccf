"""A canary's way through its steps, by the ratio of pods."""

from typing import Any

import pytest
from modelcycle.api.modeldeployment import Candidate
from modelcycle.serving.canary import LOOK_SECONDS, wanted
from modelcycle.serving.observed import Traffic

from tests.builders.base import NOW, ago
from tests.builders.seen import DeploymentSeen, a_deployment_seen
from tests.unit.serving.canaries import CANARY, PAUSE, in_a_step
from tests.unit.serving.rollouts import decided

TWO_STEPS = {"type": "Canary", "canary": {"steps": [{"weight": 20}, {"weight": 50}]}}
CANARY_OF_A_THIRD = {"type": "Canary", "canary": {"steps": [{"weight": 33}]}}
GATEWAY = {"host": "iris.example.org", "gateway": {"name": "public"}}
ENOUGH = Traffic(30, 1)
# One of which is there.
TWO_PODS = {"replicas": 2}


def without_endpoint(seen: DeploymentSeen, number: int) -> DeploymentSeen:
    name = f"iris-{seen.name_of(number)}-0"
    return seen.but(endpoints={pod: ready for pod, ready in seen.endpoints.items() if pod != name})


# Before a step: its pods join those that clients reach.


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(in_a_step(None, None).selecting(1), id="the Service leads to what serves alone"),
        pytest.param(in_a_step(None, None).but(service=None), id="there is no Service"),
        pytest.param(without_endpoint(in_a_step(None, None), 2), id="its pod is no endpoint yet"),
        pytest.param(
            in_a_step(None, None).but(service=in_a_step(None, None).selecting(1).service),
            id="endpoints are behind a Service that leads to what serves alone",
        ),
    ],
)
def test_a_step_waits_until_clients_reach_its_pods_where(seen: DeploymentSeen) -> None:
    rollout = decided(seen)
    assert rollout.widen
    assert rollout.message == "Version 2 is a canary. Its pods join those that clients reach."
    assert rollout.candidate
    assert rollout.candidate.canary
    assert rollout.candidate.canary.since is None


def test_a_step_waits_until_pods_of_other_versions_are_gone() -> None:
    seen = in_a_step(None, None).with_deployment_of(3)
    rollout = decided(seen.but(pods=(*seen.pods, seen.pod_of(3).ready())))
    assert not rollout.widen
    assert "1 pods of other versions still to go." in rollout.message


def test_a_step_begins_with_the_figures_as_they_are() -> None:
    rollout = decided(in_a_step(Traffic(7, 2), None))
    assert rollout.candidate
    assert rollout.candidate.canary
    begun = rollout.candidate.canary
    assert (begun.since, begun.requests, begun.errors) == (NOW, 7, 2)
    assert (rollout.candidate.weight, rollout.widen, rollout.look_again) == (50, True, LOOK_SECONDS)


def test_the_share_is_that_of_its_ready_pods() -> None:
    seen = without_endpoint(in_a_step(None, 5, index=0), 1)
    rollout = decided(seen)
    assert rollout.candidate
    assert rollout.candidate.weight == 100


# In a step: its figures.


@pytest.mark.parametrize(
    ("traffic", "since", "limit", "rejected"),
    [
        pytest.param(Traffic(30, 11), 5, 0.5, False, id="as many errors as may be"),
        pytest.param(Traffic(30, 12), 5, 0.5, True, id="one more"),
        pytest.param(Traffic(29, 20), 5, 0.5, False, id="too few requests to tell"),
        pytest.param(Traffic(30, 2), 5, 0, True, id="none may fail"),
        pytest.param(None, 5, 0, False, id="no figures"),
    ],
)
def test_more_errors_than_may_be_reject_it_at_once(
    traffic: Traffic | None, since: float, limit: float, rejected: bool
) -> None:
    limited = in_a_step(traffic, since).wanting(strategy={"canary": {"maxErrorRate": limit}})
    rollout = decided(limited)
    assert [entry.reason for entry in rollout.rejected] == (["CanaryFailed"] if rejected else [])
    assert rollout.widen is not rejected


def test_what_serves_has_the_clients_alone_again_when_it_is_rejected() -> None:
    seen = in_a_step(Traffic(30, 20), 5)
    rollout = decided(seen)
    assert (rollout.switch, rollout.candidate) == (seen.name_of(1), None)


@pytest.mark.parametrize(("since", "look_again"), [(PAUSE - 2, 2), (5, LOOK_SECONDS)])
def test_a_step_lasts_its_pause(since: float, look_again: float) -> None:
    rollout = decided(in_a_step(ENOUGH, since))
    assert rollout.look_again == look_again
    assert rollout.candidate
    assert rollout.candidate.step == "Canary"


@pytest.mark.parametrize("step", ["Canary", "AwaitingApproval"])
def test_a_step_that_is_over_and_has_enough_figures_is_passed(step: str) -> None:
    rollout = decided(in_a_step(ENOUGH, PAUSE, step))
    assert rollout.candidate
    assert rollout.candidate.canary
    assert rollout.candidate.canary.index == 1
    assert "It has been through all steps." in rollout.message
    assert (rollout.widen, rollout.switch) == (True, "")


def test_who_has_passed_all_steps_takes_over() -> None:
    seen = in_a_step(None, None, index=1)
    rollout = decided(seen)
    assert rollout.switch == seen.name_of(2)


@pytest.mark.parametrize(("said", "passed"), [("2", True), ("1", False)])
def test_missing_figures_are_a_pass_where_somebody_says_so(said: str, passed: bool) -> None:
    rollout = decided(in_a_step(None, PAUSE, "AwaitingApproval").annotated(approve=said))
    assert (rollout.reason == "Inconclusive") is not passed
    assert rollout.candidate
    assert rollout.candidate.canary
    assert rollout.candidate.canary.index == (1 if passed else 0)


# Where there are no steps.


@pytest.mark.parametrize(
    "change",
    [{"inPlace": True}, {"canary": {"index": 1}}],
    ids=["it has taken the place of what serves", "it was through all of them"],
)
def test_a_proven_version_takes_over_at_once_where(change: dict[str, Any]) -> None:
    seen = a_deployment_seen().following(2).served_by(1, since=ago(3600)).wanting(strategy=CANARY)
    seen = seen.trying(2, "Proving", **change).with_ready_pods_of(2)
    assert decided(seen).switch == seen.name_of(2)


def test_a_first_version_is_no_canary() -> None:
    seen = a_deployment_seen().following(1).wanting(strategy=CANARY).trying(1, "Proving")
    assert decided(seen.with_ready_pods_of(1)).switch == seen.name_of(1)


@pytest.mark.parametrize(
    ("spec", "candidate", "count"),
    [
        pytest.param({}, {}, 1, id="the first step"),
        pytest.param({}, {"canary": {"index": 1}}, 4, id="a step of a half"),
        pytest.param({}, {"canary": {"index": 2}}, 4, id="all steps are over"),
        pytest.param({}, {"step": "Switching"}, 4, id="it takes over"),
        pytest.param({}, {"step": "Settling"}, 4, id="it has taken over"),
        pytest.param({}, {"inPlace": True}, 4, id="nobody is beside it"),
        pytest.param({"strategy": {"type": "BlueGreen", "canary": None}}, {}, 4, id="no canary"),
        pytest.param({"route": GATEWAY}, {}, 4, id="shares are exact"),
    ],
)
def test_a_step_has_pods_for_its_share(spec: dict[str, Any], candidate: dict[str, Any], count: int) -> None:
    seen = a_deployment_seen().following(2).served_by(1).wanting(replicas=4, strategy=TWO_STEPS)
    fields = {"version": "2", "revision": "v2-x", "step": "Canary", "startedAt": NOW, **candidate}
    deployment = seen.wanting(**spec).deployment.build()
    assert wanted(deployment, Candidate.model_validate(fields), deployment.status.serving) == count
    assert wanted(deployment, Candidate.model_validate(fields), None) == 4


def test_a_canary_whose_share_has_all_its_pods_takes_over_with_all_of_them_where_nobody_serves_any_more() -> (
    None
):
    """Somebody has deleted the Deployment of what served, and the clients' Service."""
    seen = a_deployment_seen().wanting(replicas=2, strategy=CANARY_OF_A_THIRD).following(2)
    seen = seen.recorded_as_serving(1, since=ago(3600)).trying(2, "Canary", canary={"index": 0})
    rollout = decided(seen.with_deployment_of(2, seen.pod_of(2).ready(), replicas=1))
    assert (rollout.serving, rollout.switch) == (None, "")
    rollout = decided(seen.with_ready_pods_of(2, 2))
    assert rollout.switch == seen.name_of(2)


# After it: clients are led to what serves alone.


@pytest.mark.parametrize(
    ("seen", "narrowed"),
    [
        pytest.param(in_a_step(ENOUGH, 5), False, id="a step goes on"),
        pytest.param(in_a_step(ENOUGH, 5, "AwaitingApproval"), False, id="a step waits"),
        pytest.param(in_a_step(ENOUGH, 5, "Proving", spec=TWO_PODS), True, id="its proof is lost"),
        pytest.param(in_a_step(ENOUGH, 5).wanting(hold=True), True, id="hold"),
        pytest.param(in_a_step(ENOUGH, 5).following(3), True, id="another version is followed"),
        pytest.param(in_a_step(ENOUGH, 5).following(1), True, id="what serves is followed"),
        pytest.param(in_a_step(ENOUGH, 5).wanting(replicas=0), True, id="no pods are wanted"),
        pytest.param(in_a_step(ENOUGH, 5).wanting(route=GATEWAY), True, id="shares are exact from now on"),
        pytest.param(in_a_step(ENOUGH, 5).selecting(1).following(1), False, id="they are led so already"),
    ],
)
def test_clients_are_led_to_what_serves_alone_when_nobody_shares_them(
    seen: DeploymentSeen, narrowed: bool
) -> None:
    rollout = decided(seen)
    assert (rollout.switch == seen.name_of(1)) is narrowed
