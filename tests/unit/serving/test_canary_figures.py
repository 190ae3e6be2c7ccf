"""What a canary does when clients do not ask it enough."""

from typing import Any

import pytest
from modelcycle.errand import Answer, Examples, Exercise, Outcome
from modelcycle.serving.canary import PATIENCE_SECONDS
from modelcycle.serving.decision import Rollout
from modelcycle.serving.observed import Traffic
from modelcycle.serving.rollout import decide

from tests.builders.base import NOW, ago, wire_time
from tests.builders.children import a_client_service
from tests.builders.seen import DeploymentSeen, a_deployment_seen

PAUSE = 60
CANARY = {"type": "Canary", "canary": {"steps": [{"weight": 50, "pauseSeconds": PAUSE}]}}


def decided(seen: DeploymentSeen) -> Rollout:
    return decide(seen.observed(), NOW)


def in_a_step(traffic: Traffic | None, since: float, step: str = "Canary", **progress: Any) -> DeploymentSeen:
    """Clients reach the one pod of version 2 beside that of version 1, since so many seconds."""
    begun = {"index": 0, "since": wire_time(ago(since)), "requests": 10, "errors": 1, **progress}
    seen = (
        a_deployment_seen().following(1).served_by(1, since=ago(3600)).following(2).wanting(strategy=CANARY)
    )
    seen = seen.trying(2, step, canary=begun).with_ready_pods_of(2)
    reached = {pod.build().name: True for pod in seen.pods}
    wide = a_client_service(seen.deployment).with_spec(selector={"modelcycle.dev/revision": None})
    return seen.but(traffic=traffic, service=wide, endpoints=reached)


def exercise(seen: DeploymentSeen, since: float) -> Exercise:
    return Exercise(Examples("iris", "2", "run-2"), seen.name_of(2), ago(since), 0)


@pytest.mark.parametrize(
    ("traffic", "since", "missing"),
    [
        pytest.param(Traffic(15, 1), PAUSE, 15, id="five of twenty requests so far"),
        pytest.param(Traffic(10, 1), PAUSE, 20, id="none at all"),
        pytest.param(Traffic(15, 1), PAUSE - 1, None, id="the step is not over"),
        pytest.param(Traffic(30, 1), PAUSE, None, id="enough of them"),
        pytest.param(None, PAUSE, None, id="nobody would see what comes of it"),
    ],
)
def test_after_the_pause_the_missing_requests_are_sent_to_it(
    traffic: Traffic | None, since: int, missing: int | None
) -> None:
    errand = decided(in_a_step(traffic, since)).errand
    assert (errand.requests if isinstance(errand, Exercise) else None) == missing


def test_a_predict_with_side_effects_is_not_asked() -> None:
    rollout = decided(in_a_step(Traffic(10, 1), PAUSE).wanting(selfTest={"mode": "Load"}))
    assert (rollout.errand, rollout.reason) == (None, "RolloutInProgress")


def test_what_did_not_come_of_it_is_said_and_stored() -> None:
    seen = in_a_step(Traffic(10, 1), PAUSE)
    rollout = decided(seen.but(outcome=Outcome(exercise(seen, PAUSE), problem="It refuses its own example.")))
    assert (rollout.reason, rollout.errand, rollout.widen) == ("Inconclusive", None, True)
    assert "Of 0 requests 0 failed. It refuses its own example. It waits for approval" in rollout.message
    later = in_a_step(Traffic(10, 1), PAUSE, "AwaitingApproval", exercise="It refuses its own example.")
    assert decided(later).message == rollout.message
    assert decided(later).errand is None


def test_the_figures_that_came_of_it_count() -> None:
    seen = in_a_step(Traffic(30, 21), PAUSE)
    outcome = Outcome(exercise(seen, PAUSE), {seen.name_of(2): Answer(500)})
    rollout = decided(seen.but(outcome=outcome))
    assert rollout.rejected[0].reason == "CanaryFailed"
    assert "Of 20 requests 20 failed." in rollout.rejected[0].message


def test_figures_that_do_not_come_at_all_are_no_pass() -> None:
    rollout = decided(in_a_step(None, PAUSE + PATIENCE_SECONDS))
    assert (rollout.reason, rollout.switch) == ("Inconclusive", "")
