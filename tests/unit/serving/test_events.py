"""What a person is told, read off two statuses."""

from typing import Any

import pytest
from modelcycle.api.meta import Condition
from modelcycle.api.modeldeployment import (
    CanaryProgress,
    Candidate,
    Comparison,
    ModelDeploymentStatus,
    Rejected,
    Serving,
)
from modelcycle.serving.events import events

from tests.builders.base import NOW, ago


def a_candidate(**more: Any) -> Candidate:
    return Candidate(version="2", revision="v2-abc", step="Canary", started_at=NOW, weight=25, **more)


def in_step(index: int, since: float | None) -> Candidate:
    """So many seconds ago the step began; None: it has not."""
    return a_candidate(
        canary=CanaryProgress(index=index, since=None if since is None else ago(since)),
    )


def waiting(reason: str, candidate: Candidate | None = None) -> ModelDeploymentStatus:
    return ModelDeploymentStatus(candidate=candidate, reason=reason, message="Say so by an annotation.")


def told(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> list[tuple[str, str, str]]:
    return [(event.type, event.reason, event.message) for event in events(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        pytest.param(in_step(0, None), in_step(0, 0), 1, id="the first one begins"),
        pytest.param(in_step(0, 60), in_step(1, 0), 2, id="the next one begins"),
        pytest.param(in_step(0, 60), in_step(0, 60), None, id="it goes on"),
        pytest.param(in_step(0, 60), in_step(1, None), None, id="clients have no share of the next one yet"),
    ],
)
def test_a_canarys_step_is_told_when_it_begins(before: Candidate, after: Candidate, step: int | None) -> None:
    said = told(ModelDeploymentStatus(candidate=before), ModelDeploymentStatus(candidate=after))
    message = f"Version 2 is in canary step {step}: its share of the requests is 25 %."
    assert said == ([("Normal", "CanaryStep", message)] if step else [])


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("AwaitingApproval", "Normal"), ("Inconclusive", "Warning"), ("RegistryWentBack", "Warning")],
)
def test_who_waits_for_somebody_says_so_once(reason: str, kind: str) -> None:
    said = [(kind, reason, "Say so by an annotation.")]
    assert told(waiting("RolloutInProgress"), waiting(reason)) == said
    assert told(waiting(reason), waiting(reason)) == []


def test_a_comparison_without_a_verdict_is_told_in_its_own_words_alone() -> None:
    compared = Comparison(against="v1-abc", verdict="Inconclusive", message="20 rows are too few.")
    before, after = a_candidate(), a_candidate(parity=compared)
    assert told(waiting("RolloutInProgress", before), waiting("Inconclusive", after)) == [
        ("Warning", "ParityInconclusive", "Version 2, beside v1-abc: 20 rows are too few.")
    ]


NOTHING = ModelDeploymentStatus()
ONE, TWO = Serving(version="1", revision="v1-abc"), Serving(version="2", revision="v2-abc")
CHANGED = Serving(version="2", revision="v2-def")
STARTED = ("Normal", "RolloutStarted", "Version 2 is being rolled out.")
SWITCHED = ("Normal", "TrafficSwitched", "Version 2 answers clients now.")
COMPLETE = ("Normal", "RolloutComplete", "The rollout of version 2 is complete.")


def status(serving: Serving | None, candidate: Candidate | None = None) -> ModelDeploymentStatus:
    return ModelDeploymentStatus(serving=serving, candidate=candidate)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(NOTHING, status(None, a_candidate()), [STARTED], id="the first one begins"),
        pytest.param(status(ONE), status(ONE, a_candidate()), [STARTED], id="the next one begins"),
        pytest.param(status(ONE, a_candidate()), status(ONE, a_candidate()), [], id="it goes on"),
        pytest.param(
            status(ONE, a_candidate().model_copy(update={"revision": "v3-abc"})),
            status(ONE, a_candidate()),
            [STARTED],
            id="it supersedes another",
        ),
        pytest.param(status(None, a_candidate()), status(TWO, a_candidate()), [SWITCHED], id="clients come"),
        pytest.param(status(ONE, a_candidate()), status(TWO, a_candidate()), [SWITCHED], id="they move"),
        pytest.param(status(CHANGED), status(TWO), [SWITCHED], id="to other pods of the same version"),
        pytest.param(status(TWO, a_candidate()), status(TWO), [COMPLETE], id="it is over"),
        pytest.param(status(ONE, a_candidate()), status(ONE), [], id="it is given up"),
        pytest.param(
            status(None, a_candidate()), status(None), [], id="it is given up with nothing before it"
        ),
        pytest.param(status(TWO), status(TWO), [], id="nothing happens"),
    ],
)
def test_the_begin_the_switch_and_the_end_of_a_rollout_are_told_once(
    before: ModelDeploymentStatus, after: ModelDeploymentStatus, expected: list[tuple[str, str, str]]
) -> None:
    assert told(before, after) == expected


def test_a_rejection_is_told_once_with_its_own_reason() -> None:
    old, new = (
        Rejected(version=number, revision=f"v{number}-abc", reason=reason, message="So it is.", at=NOW)
        for number, reason in (("1", "CrashLoop"), ("2", "SelfTestFailed"))
    )
    before, after = ModelDeploymentStatus(rejected=(old,)), ModelDeploymentStatus(rejected=(new, old))
    assert told(before, after) == [("Warning", "SelfTestFailed", "Version 2 was rejected: So it is.")]
    assert told(after, after) == []
    assert told(after, before) == []


def compared(verdict: Any, message: str = "0 of 20 rows changed.") -> ModelDeploymentStatus:
    parity = Comparison(against="v1-abc", verdict=verdict, message=message)
    return ModelDeploymentStatus(candidate=a_candidate(parity=parity))


def test_a_comparison_that_was_passed_is_told_once_with_the_figures() -> None:
    passed = ("Normal", "ParityPassed", "Version 2, beside v1-abc: 0 of 20 rows changed.")
    assert told(ModelDeploymentStatus(candidate=a_candidate()), compared("Passed")) == [passed]
    assert told(compared("Passed"), compared("Passed")) == []
    assert told(compared("Inconclusive"), compared("Waived")) == []
    assert told(compared("Passed"), ModelDeploymentStatus(candidate=a_candidate())) == []


def test_figures_that_a_canary_lacks_are_told_also_after_a_comparison_that_was_passed() -> None:
    before = compared("Passed").model_copy(update={"reason": "RolloutInProgress"})
    after = compared("Passed").model_copy(update={"reason": "Inconclusive", "message": "No requests."})
    assert told(before, after) == [("Warning", "Inconclusive", "No requests.")]


def resolved(status: Any, reason: str) -> ModelDeploymentStatus:
    judged = Condition(
        type="ModelResolved",
        status=status,
        reason=reason,
        message="There is no such alias.",
        last_transition_time=NOW,
    )
    return ModelDeploymentStatus(conditions=(judged,))


def test_what_is_followed_and_is_not_there_is_told_once() -> None:
    missing = resolved("False", "AliasNotFound")
    said = [("Warning", "AliasNotFound", "There is no such alias.")]
    assert told(NOTHING, missing) == said
    assert told(resolved("True", "Resolved"), missing) == said
    assert told(resolved("False", "ModelNotFound"), missing) == said
    assert told(missing, missing) == []
    assert told(missing, resolved("True", "Resolved")) == []
    assert told(missing, resolved("Unknown", "RegistryUnreachable")) == []
