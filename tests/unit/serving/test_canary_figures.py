"""What a canary does when clients do not ask it enough."""

import pytest
from modelcycle.errand import Answer, Examples, Exercise, Outcome
from modelcycle.serving.canary import PATIENCE_SECONDS
from modelcycle.serving.observed import Traffic

from tests.builders.base import ago
from tests.builders.seen import DeploymentSeen
from tests.unit.serving.canaries import PAUSE, in_a_step
from tests.unit.serving.rollouts import decided


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
    rollout = decided(in_a_step(Traffic(10, 1), PAUSE, spec={"selfTest": {"mode": "Load"}}))
    assert (rollout.errand, rollout.reason) == (None, "RolloutInProgress")
    assert rollout.message.endswith("Of 0 requests 0 failed. It waits for 20.")


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
