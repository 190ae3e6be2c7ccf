"""What a person is told, read off two statuses."""

from typing import Any

import pytest
from modelcycle.api.modeldeployment import CanaryProgress, Candidate, Comparison, ModelDeploymentStatus
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
