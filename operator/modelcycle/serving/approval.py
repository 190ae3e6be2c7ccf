"""A candidate that waits for somebody's word."""

from dataclasses import replace

from modelcycle.serving import annotations
from modelcycle.serving.decision import Rollout, under_way
from modelcycle.serving.observed import Observed


def awaited(
    observed: Observed, before: Rollout, reason: str, said: str = "", look_again: float | None = None
) -> Rollout:
    """before.candidate is warm until an annotation names it. An annotation from before the wait approves nothing.

    A canary that waits in one of its steps keeps the approval that it began with, and with it its share.
    """
    deployment, candidate = observed.deployment, before.candidate
    assert candidate is not None
    if candidate.step != "AwaitingApproval":
        candidate = candidate.model_copy(update={"prior_approval": annotations.approval(deployment) or None})
    message = f"{said} {annotations.how_to_approve(deployment, candidate)}".strip()
    waiting = under_way(before, candidate, "AwaitingApproval", message, look_again=look_again)
    return replace(waiting, reason=reason)
