"""Blue-green: which revision serves, which is the candidate, and what is done next.

A decision is written to status before it is acted on; what serves is read off the client Service's selector.
The invariant: the selector only ever names a revision all of whose pods were ready when it was chosen.
"""

from dataclasses import replace
from datetime import datetime

from modelcycle.api.modeldeployment import Candidate, Step
from modelcycle.failure import Failure
from modelcycle.registry import identity
from modelcycle.serving import (
    annotations,
    canary,
    comparison,
    gates,
    in_place,
    lineage,
    manifests,
    preparing,
    silence,
    weights,
)
from modelcycle.serving import revision as revisions
from modelcycle.serving.approval import awaited
from modelcycle.serving.decision import Rollout, reject, rejected, under_way, without_candidate
from modelcycle.serving.observed import Observed
from modelcycle.serving.proof import Proof, judge, note
from modelcycle.serving.revision import Revision
from modelcycle.serving.see import see, target_of
from modelcycle.serving.settling import back_from_failed, settling, without_void_rejection

ROLLOUTS_AT_ONCE = 2
QUEUED_RETRY_SECONDS = 5
CLAIM_RETRY_SECONDS = 10
REGISTRY_RETRY_SECONDS = 5
# An in-place candidate in these steps has to wait for the pods before it.
_WITHOUT_ROOM = {"Recording", "Draining", "AwaitingApproval"}
_SEEN_PROVEN = {"Comparing", "AwaitingApproval", "Canary", "Switching"}


def decide(observed: Observed, now: datetime) -> Rollout:
    """What is seen first (what serves), then what is wanted of it."""
    before = see(observed, now)
    return _narrowed(observed, _lasting(observed, _decided(observed, before, now)))


def _narrowed(observed: Observed, rollout: Rollout) -> Rollout:
    """Clients are led to what serves alone again, once nothing shares them with it."""
    wide = observed.service is not None and observed.service.wide
    if not wide or rollout.switch or rollout.serving is None:
        return rollout
    if canary.shares_clients(observed.deployment, rollout.candidate):
        return rollout
    return replace(rollout, switch=rollout.serving.revision)


def _decided(observed: Observed, before: Rollout, now: datetime) -> Rollout:
    if back := back_from_failed(observed, before):
        return back
    before = without_void_rejection(before)
    if before.candidate and before.serving and before.candidate.revision == before.serving.revision:
        if settled := _settled(observed, before, now):
            return settled
        before = replace(before, candidate=None, approved="")
    return _towards_target(observed, before, now)


def _settled(observed: Observed, before: Rollout, now: datetime) -> Rollout | None:
    """What has just taken over is left to settle, unless another version is followed that may come."""
    target, serving = before.target, before.serving
    if target is None or serving is None or target.name == serving.revision:
        return settling(observed, before, now)
    entry = next((r for r in before.rejected if r.revision == target.name), None)
    held_up = rejected(before, entry) if entry else _not_now(observed, before, target)
    settled = settling(observed, before, now) if held_up else None
    if settled is None or held_up is None or settled.switch:
        return settled
    return replace(settled, reason=held_up.reason, message=held_up.message)


def _lasting(observed: Observed, rollout: Rollout) -> Rollout:
    """What serves is made again where somebody deleted it, also while something else is followed."""
    if observed.lost and not rollout.create and not in_place.is_changing_over(rollout.candidate):
        return replace(rollout, create=observed.lost, look_again=CLAIM_RETRY_SECONDS)
    return _reachable(observed, rollout)


def _reachable(observed: Observed, rollout: Rollout) -> Rollout:
    """The client Service is made again if somebody deleted it, for what it named before: that chooses nothing anew."""
    if observed.service or rollout.serving is None or rollout.switch:
        return rollout
    return replace(rollout, switch=rollout.serving.revision)


def _towards_target(observed: Observed, before: Rollout, now: datetime) -> Rollout:
    target, serving, spec = before.target, before.serving, observed.deployment.spec
    if target is None:
        return _without_target(observed, before, now)
    if before.approved != target.name:
        # An approval is of the candidate that it was given to: whoever comes back later waits again.
        before = replace(before, approved="")
    if serving and serving.revision == target.name:
        return _steady(observed, before)
    if entry := next((r for r in before.rejected if r.revision == target.name), None):
        return rejected(before, entry)
    if obstacle := _not_now(observed, before, target):
        return obstacle
    if unmet := gates.unmet(spec, observed.origin):
        return _unmet(observed, before, target, unmet, now)
    if before.candidate and before.candidate.revision == target.name:
        return _progress(observed, before, before.candidate, now)
    return _begin(observed, before, target, now)


def _not_now(observed: Observed, before: Rollout, target: Revision) -> Rollout | None:
    """Why what is followed may not start, or go on, at all."""
    spec = observed.deployment.spec
    if spec.hold:
        message = f"spec.hold is set: version {target.version.number} does not take over."
        return without_candidate(before, "Held", message)
    if spec.replicas == 0:
        return without_candidate(before, "ScaledToZero", "spec.replicas is 0: no version starts.")
    if message := went_back(observed, before, target):
        return without_candidate(before, "RegistryWentBack", message)
    return None


def went_back(observed: Observed, before: Rollout, target: Revision) -> str:
    """Why an older version is not followed: what serves is not in the registry any more, as after a restored backup.

    A version that spec names itself is meant, and a newer one is the registry going on.
    """
    serving, followed = before.serving, observed.deployment.spec.model
    if serving is None or serving.identity is None or followed.version is not None:
        return ""
    known = {f"v{v.number} {identity(v)}" for v in observed.versions}
    newer = target.version.created > int(serving.identity.split("-")[0])
    if newer or f"v{serving.version} {serving.identity}" in known:
        return ""
    return (
        f"Version {serving.version}, which serves, is not in the registry any more, and version "
        f"{target.version.number}, which is followed, is older: the registry went back in time. What serves goes on "
        f"serving. To follow it all the same, name it: spec.model.version: {target.version.number}."
    )


def _unmet(observed: Observed, before: Rollout, target: Revision, unmet: str, now: datetime) -> Rollout:
    """A run that is still under way may log what is missing."""
    if observed.origin.running:
        message = f"Version {target.version.number} waits for the end of its MLflow run: {unmet}"
        return without_candidate(before, "AwaitingMetrics", message, REGISTRY_RETRY_SECONDS)
    failure = Failure("RequirementNotMet", unmet)
    return reject(before, str(target.version.number), target.name, failure, now)


def _without_target(observed: Observed, before: Rollout, now: datetime) -> Rollout:
    """What serves goes on serving. A candidate goes on while nobody can say that it is not wanted any more."""
    resolution, files = observed.resolution, observed.files
    if resolution and resolution.version is None:
        return without_candidate(before, resolution.reason, resolution.message)
    if files and files.problem:
        return without_candidate(before, "FilesNotMounted", files.problem)
    candidate = before.candidate
    if resolution is None and candidate and _can_go_on(observed, candidate):
        return _progress(observed, before, candidate, now)
    keep = before.keep | frozenset({candidate.revision} if candidate else ())
    message = observed.registry_problem or "The registry has not been read yet."
    # Where only the question for the files went unanswered, no change of the registry will wake us.
    look_again = REGISTRY_RETRY_SECONDS if resolution else None
    return replace(before, keep=keep, reason="RegistryUnreachable", message=message, look_again=look_again)


def _can_go_on(observed: Observed, candidate: Candidate) -> bool:
    spec = observed.deployment.spec
    return observed.of_revision(candidate.revision) is not None and spec.replicas > 0 and not spec.hold


def _steady(observed: Observed, before: Rollout) -> Rollout:
    """The followed version serves. Its Deployment is made again if somebody deleted it."""
    assert before.target is not None
    said = f"Version {before.target.version.number} serves. {note(observed.pods_of(before.target.name))}"
    steady = replace(before, candidate=None, message=said.strip())
    if observed.of_revision(before.target.name):
        return steady
    obstacle = _obstacle(observed)
    message = f"The Deployment of version {before.target.version.number} is made again."
    if obstacle:
        message = f"{message} {obstacle.message}"
    create = None if observed.claim_exists is False else before.target
    return replace(steady, create=create, message=message, look_again=CLAIM_RETRY_SECONDS)


def _begin(observed: Observed, before: Rollout, target: Revision, now: datetime) -> Rollout:
    if observed.rollouts_elsewhere >= ROLLOUTS_AT_ONCE:
        message = f"{ROLLOUTS_AT_ONCE} other rollouts are under way; this one waits for its turn."
        queued = without_candidate(before, "Queued", message, QUEUED_RETRY_SECONDS)
        return replace(queued, approved=before.approved)
    recreate = before.serving is not None and observed.deployment.spec.strategy.type == "Recreate"
    candidate = Candidate(
        step="Draining" if recreate else "Starting",
        started_at=now,
        **lineage.facts(target, observed.origin),
        in_place=recreate or None,
    )
    return _progress(observed, before, candidate, now)


def _progress(observed: Observed, before: Rollout, candidate: Candidate, now: datetime) -> Rollout:
    """One step of a candidate that is wanted: it waits for room, is proven, has failed, is late, or is still at it."""
    if candidate.in_place and candidate.step in _WITHOUT_ROOM:
        candidate, waiting = comparison.recorded(observed, before, candidate, now)
        if waiting:
            return waiting
        if not _is_approved(observed, before, candidate):
            return awaited(observed, replace(before, candidate=candidate), "AwaitingApproval")
        before = replace(before, approved=candidate.revision)
        if waiting := in_place.draining(observed, before, candidate):
            return waiting
        candidate = candidate.model_copy(update={"step": "Starting", "started_at": now})
    wanted = canary.wanted(observed.deployment, candidate, before.serving)
    proof = _proof(observed, candidate.revision, wanted)
    if proof.verdict == "Proven":
        return _proven(observed, before, candidate.model_copy(update={"unready_since": None}), now)
    if proof.verdict == "Failed":
        return reject(before, candidate.version, candidate.revision, proof.failure, now)
    return _still_at_it(observed, before, candidate, proof, now)


def _still_at_it(
    observed: Observed, before: Rollout, candidate: Candidate, proof: Proof, now: datetime
) -> Rollout:
    """The deadline covers the time to the proof; of a proof that was lost again, the time since."""
    seen_proven = candidate.step in _SEEN_PROVEN
    candidate = weights.weighed(observed, candidate)
    if seen_proven:
        candidate = candidate.model_copy(update={"unready_since": candidate.unready_since or now})
    seconds = observed.deployment.spec.progress_deadline_seconds
    left = ((candidate.unready_since or candidate.started_at) - now).total_seconds() + seconds
    if observed.of_revision(candidate.revision) is None:
        # Time that ran out while there was no Deployment is not the version's fault.
        started_at = candidate.started_at if left > 0 else now
        return _not_made_yet(observed, before, candidate.model_copy(update={"started_at": started_at}))
    beside = before.serving and not candidate.in_place
    room = in_place.no_room(observed, candidate.revision, now) if beside else None
    crowded_out = room is not None and min(left, room) <= 0
    if crowded_out and observed.deployment.spec.strategy.recreate_when_unschedulable:
        changing = candidate.model_copy(update={"in_place": True, "step": "Draining"})
        return _progress(observed, before, changing, now)
    said = f"{proof.failure.message} {in_place.cure(observed.deployment) if crowded_out else ''}".strip()
    if left <= 0:
        late = Failure("ProgressDeadlineExceeded", _late(seconds, seen_proven, said))
        return reject(before, candidate.version, candidate.revision, late, now)
    left = silence.sooner(observed, left)
    look_again = left if room is None or crowded_out else min(left, room)
    unproven: Step = "Proving" if proof.verdict == "Proving" and not crowded_out else "Starting"
    step = candidate.step if seen_proven and not crowded_out else unproven
    return under_way(before, candidate, step, said, look_again=look_again)


def _late(seconds: int, seen_proven: bool, said: str) -> str:
    what = "It was not ready again" if seen_proven else "It did not prove itself"
    return f"{what} within {seconds} s. {said}"


def _proven(observed: Observed, before: Rollout, candidate: Candidate, now: datetime) -> Rollout:
    """It takes over, at once or step by step: where that is asked for, compared and approved."""
    candidate, waiting = comparison.compared(observed, before, candidate, now)
    if waiting:
        return waiting
    if not _is_approved(observed, before, candidate):
        return awaited(observed, replace(before, candidate=candidate), "AwaitingApproval")
    before = replace(before, approved=candidate.revision)
    if sharing := canary.step(observed, before, candidate, now):
        return sharing
    return under_way(before, candidate, "Switching", "", switch=candidate.revision)


def _is_approved(observed: Observed, before: Rollout, candidate: Candidate) -> bool:
    approved = before.approved == candidate.revision or annotations.approves(observed.deployment, candidate)
    return approved or observed.deployment.spec.promotion == "Automatic"


def _proof(observed: Observed, revision: str, replicas: int) -> Proof:
    deployment = observed.of_revision(revision)
    if deployment:
        told = silence.words(observed) or preparing.words(observed)
        return judge(deployment, observed.pods_of(revision), replicas, told)
    refusal, target = observed.refusal, target_of(observed)
    if refusal and refusal.final:
        return Proof("Failed", Failure(refusal.reason, refusal.message))
    if target and (problem := manifests.overlay_problem(observed.deployment, observed.defaults, target)):
        return Proof("Failed", Failure("PodTemplateInvalid", problem))
    return Proof("Starting", Failure("NotCreated", ""))


def _not_made_yet(observed: Observed, before: Rollout, candidate: Candidate) -> Rollout:
    """A rollout whose Deployment cannot be made has not begun: its deadline does not run, others may go first."""
    obstacle = _obstacle(observed)
    if obstacle is None:
        return replace(under_way(before, candidate, "Starting", ""), create=before.target)
    held_up = replace(without_candidate(before, obstacle.reason, obstacle.message), approved=before.approved)
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
