"""Blue-green: which revision serves, which is the candidate, and what is done next.

A decision is written to status before it is acted on; what serves is read off the client Service's selector.
The invariant: the selector only ever names a revision all of whose pods were ready when it was chosen.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from modelcycle.api.modeldeployment import (
    HISTORY_MAX,
    REJECTED_MAX,
    Candidate,
    Past,
    Rejected,
    Serving,
    Step,
)
from modelcycle.conditions import cut
from modelcycle.failure import Failure
from modelcycle.plan import REVISION_LABEL
from modelcycle.serving import revision as revisions
from modelcycle.serving.observed import Observed
from modelcycle.serving.proof import Proof, judge
from modelcycle.serving.revision import Revision

ROLLOUTS_AT_ONCE = 2
QUEUED_RETRY_SECONDS = 5
CLAIM_RETRY_SECONDS = 10
REGISTRY_RETRY_SECONDS = 5


@dataclass(frozen=True)
class Rollout:
    """The decision of one pass.

    Attributes:
        target: what is followed, as a revision; None while that is unknown or resolves to nothing.
        create: the revision whose Deployment is to be made.
        switch: name of the revision that the client Service's selector is to be set to, or "".
        keep: names of the revisions whose Deployments stay.
        reason, message: of the condition Progressing.
        look_again: seconds, or None.
    """

    target: Revision | None = None
    serving: Serving | None = None
    candidate: Candidate | None = None
    rejected: tuple[Rejected, ...] = ()
    history: tuple[Past, ...] = ()
    create: Revision | None = None
    switch: str = ""
    keep: frozenset[str] = field(default_factory=frozenset)
    reason: str = "RolloutComplete"
    message: str = ""
    look_again: float | None = None


def decide(observed: Observed, now: datetime) -> Rollout:
    """What is seen first (what serves), then what is wanted of it."""
    before = see(observed, now)
    if before.candidate and before.serving and before.candidate.revision == before.serving.revision:
        return _lasting(observed, _settling(observed, before, now))
    return _lasting(observed, _towards_target(observed, before, now))


def _lasting(observed: Observed, rollout: Rollout) -> Rollout:
    """What serves is made again where somebody deleted it, also while something else is followed."""
    if observed.lost and not rollout.create:
        return replace(rollout, create=observed.lost, look_again=CLAIM_RETRY_SECONDS)
    return _reachable(observed, rollout)


def _reachable(observed: Observed, rollout: Rollout) -> Rollout:
    """The client Service is made again if somebody deleted it, for what it named before."""
    serving = rollout.serving
    if observed.service or serving is None or rollout.switch:
        return rollout
    proven = _proof(observed, serving.revision).verdict == "Proven"
    return replace(rollout, switch=serving.revision) if proven else rollout


def see(observed: Observed, now: datetime) -> Rollout:
    """The rollout as the cluster shows it, before anything is decided."""
    status = observed.deployment.status
    target = target_of(observed)
    rejected = tuple(r for r in status.rejected if target is None or r.revision == target.name)
    serving, history = _serving(observed, now)
    return Rollout(
        target=target,
        serving=serving,
        candidate=status.candidate,
        rejected=rejected,
        history=history,
        keep=_kept(observed, serving, history),
    )


def _kept(observed: Observed, serving: Serving | None, history: tuple[Past, ...]) -> frozenset[str]:
    """What serves, the one before it until that answers, and whatever clients are still led to."""
    if serving is None:
        return frozenset()
    answers = serving.since is not None or observed.deployment.spec.replicas == 0
    led_to = {name for name, is_ready in observed.endpoints if is_ready}
    reached = {pod.label(REVISION_LABEL) for pod in observed.pods if pod.name in led_to}
    return frozenset({serving.revision, *reached, *(past.revision for past in history[:1] if not answers)})


def target_of(observed: Observed) -> Revision | None:
    """The followed version as a revision, if it resolves and its files are where pods can read them."""
    version = observed.resolution.version if observed.resolution else None
    if version is None or observed.files is None or not observed.files.path:
        return None
    name = revisions.name(observed.deployment, observed.defaults, version)
    return Revision(name, version, observed.files.path, observed.training_run)


def _serving(observed: Observed, now: datetime) -> tuple[Serving | None, tuple[Past, ...]]:
    """What the selector names; with the first sight of a switch, the one before goes into history."""
    status = observed.deployment.status
    before, history = status.serving, tuple(status.history)
    name = observed.service.revision if observed.service else ""
    if not name:
        there = before is not None and observed.of_revision(before.revision) is not None
        return before if there else None, history
    if before and before.revision == name:
        return _since(observed, before, now), history
    if before:
        past = Past(version=before.version, revision=before.revision, run_id=before.run_id, until=now)
        history = (past, *history)[:HISTORY_MAX]
    return _since(observed, _new_serving(observed, name), now), history


def _new_serving(observed: Observed, name: str) -> Serving:
    candidate = observed.deployment.status.candidate
    if candidate and candidate.revision == name:
        return Serving(
            version=candidate.version,
            revision=name,
            run_id=candidate.run_id,
            training_run=candidate.training_run,
        )
    # Somebody else moved the selector, or status was lost: the name still tells the version.
    return Serving(version=name.removeprefix("v").split("-")[0], revision=name)


def _since(observed: Observed, serving: Serving, now: datetime) -> Serving:
    """Dated when the endpoints first list ready pods of this revision only."""
    if serving.since:
        return serving
    own = {pod.name for pod in observed.pods_of(serving.revision)}
    ready = [name for name, is_ready in observed.endpoints if is_ready]
    if ready and own.issuperset(ready):
        return serving.model_copy(update={"since": now})
    return serving


def _settling(observed: Observed, before: Rollout, now: datetime) -> Rollout:
    """The selector has moved. The previous revision stays warm until its time is over."""
    assert before.serving is not None
    assert before.candidate is not None
    since, spec = before.serving.since, observed.deployment.spec
    elsewhere = before.target is not None and before.target.name != before.serving.revision
    if elsewhere or spec.replicas == 0:
        return _towards_target(observed, replace(before, candidate=None), now)
    settling = replace(
        before,
        candidate=before.candidate.model_copy(update={"step": "Settling", "message": None}),
        keep=before.keep | frozenset(past.revision for past in before.history[:1]),
        reason="RolloutInProgress",
        message=f"Version {before.serving.version} serves; the previous one stays warm for a while.",
    )
    if since is None:
        return settling
    others = [d for d in observed.revisions if d.revision != before.serving.revision]
    left = since + timedelta(seconds=spec.keep_previous_seconds) - now
    if others and left > timedelta(0):
        return replace(settling, look_again=left.total_seconds())
    return _towards_target(observed, replace(before, candidate=None), now)


def _towards_target(observed: Observed, before: Rollout, now: datetime) -> Rollout:
    target, serving = before.target, before.serving
    if target is None:
        return _without_target(observed, before)
    if serving and serving.revision == target.name:
        return _steady(observed, before)
    if any(entry.revision == target.name for entry in before.rejected):
        return _rejected(before)
    if observed.deployment.spec.replicas == 0:
        return replace(
            before, candidate=None, reason="ScaledToZero", message="spec.replicas is 0: no version starts."
        )
    if before.candidate and before.candidate.revision == target.name:
        return _progress(observed, before, before.candidate, now)
    return _begin(observed, before, target, now)


def _without_target(observed: Observed, before: Rollout) -> Rollout:
    """What serves goes on serving. A candidate goes on only while nobody can say that it is not wanted."""
    resolution, files = observed.resolution, observed.files
    if resolution and resolution.version is None:
        return replace(before, candidate=None, reason=resolution.reason, message=resolution.message)
    if files and files.problem:
        return replace(before, candidate=None, reason="FilesNotMounted", message=files.problem)
    candidate = before.candidate
    keep = before.keep | frozenset({candidate.revision} if candidate else ())
    message = observed.registry_problem or "The registry has not been read yet."
    # Where only the question for the files went unanswered, no change of the registry will wake us.
    look_again = REGISTRY_RETRY_SECONDS if resolution else None
    return replace(before, keep=keep, reason="RegistryUnreachable", message=message, look_again=look_again)


def _steady(observed: Observed, before: Rollout) -> Rollout:
    """The followed version serves. Its Deployment is made again if somebody deleted it."""
    assert before.target is not None
    steady = replace(before, candidate=None, message=f"Version {before.target.version.number} serves.")
    if observed.of_revision(before.target.name):
        return steady
    obstacle = _obstacle(observed)
    message = f"The Deployment of version {before.target.version.number} is made again."
    if obstacle:
        message = f"{message} {obstacle.message}"
    create = None if observed.claim_exists is False else before.target
    return replace(steady, create=create, message=message, look_again=CLAIM_RETRY_SECONDS)


def _rejected(before: Rollout) -> Rollout:
    entry = next(r for r in before.rejected if before.target and r.revision == before.target.name)
    message = f"Version {entry.version} was rejected: {entry.message}"
    return replace(before, candidate=None, reason=_reason_of(entry), message=message)


def _reason_of(entry: Rejected) -> str:
    return entry.reason if entry.reason == "ProgressDeadlineExceeded" else "VersionRejected"


def _begin(observed: Observed, before: Rollout, target: Revision, now: datetime) -> Rollout:
    if observed.rollouts_elsewhere >= ROLLOUTS_AT_ONCE:
        message = f"{ROLLOUTS_AT_ONCE} other rollouts are under way; this one waits for its turn."
        return replace(
            before, candidate=None, reason="Queued", message=message, look_again=QUEUED_RETRY_SECONDS
        )
    candidate = Candidate(
        version=str(target.version.number),
        revision=target.name,
        step="Starting",
        started_at=now,
        run_id=target.version.run_id or None,
        training_run=target.training_run or None,
    )
    return _progress(observed, before, candidate, now)


def _progress(observed: Observed, before: Rollout, candidate: Candidate, now: datetime) -> Rollout:
    """One step of a candidate that is wanted: proven, failed, late, or still at it."""
    proof = _proof(observed, candidate.revision)
    if proof.verdict == "Proven":
        return _under_way(before, candidate, "Switching", "", switch=candidate.revision)
    if proof.verdict == "Failed":
        return _reject(before, candidate, proof.failure, now)
    seconds = observed.deployment.spec.progress_deadline_seconds
    left = (candidate.started_at + timedelta(seconds=seconds) - now).total_seconds()
    if observed.of_revision(candidate.revision) is None:
        # Time that ran out while there was no Deployment is not the version's fault.
        started_at = candidate.started_at if left > 0 else now
        return _not_made_yet(observed, before, candidate.model_copy(update={"started_at": started_at}))
    if left <= 0:
        late = f"It did not prove itself within {seconds} s. {proof.failure.message}"
        return _reject(before, candidate, Failure("ProgressDeadlineExceeded", late), now)
    return _under_way(before, candidate, proof.verdict, proof.failure.message, look_again=left)


def _proof(observed: Observed, revision: str) -> Proof:
    deployment = observed.of_revision(revision)
    if deployment:
        return judge(deployment, observed.pods_of(revision), observed.deployment.spec.replicas)
    refusal = observed.refusal
    if refusal and refusal.final:
        return Proof("Failed", Failure(refusal.reason, refusal.message))
    return Proof("Starting", Failure("NotCreated", ""))


def _not_made_yet(observed: Observed, before: Rollout, candidate: Candidate) -> Rollout:
    """A rollout whose Deployment cannot be made has not begun: its deadline does not run, others may go first."""
    obstacle = _obstacle(observed)
    if obstacle is None:
        return replace(_under_way(before, candidate, "Starting", ""), create=before.target)
    held_up = replace(before, candidate=None, reason=obstacle.reason, message=obstacle.message)
    if observed.claim_exists is False:
        return replace(held_up, look_again=CLAIM_RETRY_SECONDS)
    return replace(held_up, create=before.target)


def _obstacle(observed: Observed) -> Failure | None:
    """Why the Deployment is not made yet, with the cure. Time, or somebody, can remove it."""
    if observed.claim_exists is False:
        claim = revisions.claim_name(observed.deployment, observed.defaults)
        message = (
            f"There is no PersistentVolumeClaim {claim!r} in namespace "
            f"{observed.deployment.metadata.namespace!r}: create one that is bound to the shared mlruns volume, "
            "or name another in spec.storage.claimName."
        )
        return Failure("ClaimNotFound", message)
    refusal = observed.refusal
    return Failure(refusal.reason, refusal.message) if refusal else None


def _under_way(
    before: Rollout,
    candidate: Candidate,
    step: Step,
    message: str,
    switch: str = "",
    look_again: float | None = None,
) -> Rollout:
    moved = candidate.model_copy(update={"step": step, "message": cut(message) or None})
    return replace(
        before,
        candidate=moved,
        keep=before.keep | {candidate.revision},
        switch=switch,
        reason="RolloutInProgress",
        message=f"Version {candidate.version} is {step.lower()}. {message}".strip(),
        look_again=look_again,
    )


def _reject(before: Rollout, candidate: Candidate, failure: Failure, now: datetime) -> Rollout:
    entry = Rejected(
        revision=candidate.revision,
        version=candidate.version,
        reason=failure.reason,
        message=cut(failure.message),
        at=now,
    )
    return _rejected(replace(before, rejected=(entry, *before.rejected)[:REJECTED_MAX]))
