"""What a pass over a ModelDeployment decides."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from modelcycle.api.modeldeployment import REJECTED_MAX, Candidate, Past, Rejected, Serving, Step
from modelcycle.conditions import cut
from modelcycle.errand import Errand
from modelcycle.failure import Failure
from modelcycle.serving.revision import Revision


@dataclass(frozen=True)
class Share:
    """What an HTTPRoute leads to the pods of a revision, in percent of the requests."""

    revision: str
    weight: int


@dataclass(frozen=True)
class Rollout:
    """The decision of one pass.

    Attributes:
        target: what is followed, as a revision; None while that is unknown or resolves to nothing.
        approved: name of the candidate's revision, if somebody approved it, or "".
        retry_handled: the retry annotation that was heeded last, or "".
        gates: hash of the gates that a candidate meets.
        create: the revision whose Deployment is to be made.
        switch: name of the revision that the client Service's selector is to be set to, or "".
        widen: whether the client Service leads to the candidate's pods as well.
        share: what a Gateway leads to them instead, or None.
        keep: names of the revisions whose Deployments stay.
        errand: what serving pods are to be asked, for a later pass.
        reason, message: of the condition Progressing.
        look_again: seconds, or None.
    """

    target: Revision | None = None
    serving: Serving | None = None
    candidate: Candidate | None = None
    rejected: tuple[Rejected, ...] = ()
    history: tuple[Past, ...] = ()
    approved: str = ""
    retry_handled: str = ""
    gates: str = ""
    create: Revision | None = None
    switch: str = ""
    widen: bool = False
    share: Share | None = None
    errand: Errand | None = None
    keep: frozenset[str] = field(default_factory=frozenset)
    reason: str = "RolloutComplete"
    message: str = ""
    look_again: float | None = None


_DOES: dict[Step, str] = {"Canary": "is a canary", "AwaitingApproval": "awaits a decision"}


def under_way(
    before: Rollout,
    candidate: Candidate,
    step: Step,
    message: str,
    switch: str = "",
    look_again: float | None = None,
) -> Rollout:
    """The candidate is one step further, or still at it."""
    moved = candidate.model_copy(update={"step": step, "message": cut(message) or None})
    return replace(
        before,
        candidate=moved,
        keep=before.keep | {candidate.revision},
        switch=switch,
        reason="RolloutInProgress",
        message=f"Version {candidate.version} {_DOES.get(step, f'is {step.lower()}')}. {message}".strip(),
        look_again=look_again,
    )


def without_candidate(before: Rollout, reason: str, message: str, look_again: float | None = None) -> Rollout:
    """What serves stays, and nothing else does: an approval goes with the candidate that it was given to."""
    return replace(before, candidate=None, approved="", reason=reason, message=message, look_again=look_again)


def reject(before: Rollout, version: str, revision: str, failure: Failure, now: datetime) -> Rollout:
    """The revision is remembered as one that is not tried again."""
    entry = Rejected(
        revision=revision,
        version=version,
        reason=failure.reason,
        message=cut(failure.message),
        at=now,
        gates=before.gates or None,
    )
    others = tuple(other for other in before.rejected if other.revision != revision)
    return replace(rejected(before, entry), rejected=(entry, *others)[:REJECTED_MAX])


def rejected(before: Rollout, entry: Rejected) -> Rollout:
    """The followed revision is a rejected one."""
    message = f"Version {entry.version} was rejected: {entry.message}"
    return without_candidate(before, _REASONS.get(entry.reason, "VersionRejected"), message)


# Reasons of a rejection that the condition says itself.
_REASONS = {reason: reason for reason in ("ProgressDeadlineExceeded", "FailedAfterSwitch")}
