"""After the switch: the previous revision stays warm for a while, and takes over again where the new one fails.

One that has made room for the new one comes back as from a rejection: when the pods of that have gone.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from modelcycle.api.modeldeployment import Candidate, Past
from modelcycle.failure import Failure
from modelcycle.serving.decision import Rollout, reject, rejected
from modelcycle.serving.observed import Observed
from modelcycle.serving.see import previous

# A pod that stumbles is back within this time, or its version is to blame.
UNREADY_SECONDS = 10


def settling(observed: Observed, before: Rollout, now: datetime) -> Rollout | None:
    """The decision while the switch is young; None when it has settled, or nothing is to serve."""
    serving, candidate = before.serving, before.candidate
    assert serving is not None
    assert candidate is not None
    since, spec, last = serving.since, observed.deployment.spec, previous(before)
    if spec.replicas == 0:
        return None
    left = since + timedelta(seconds=spec.keep_previous_seconds) - now if since else None
    young = left is None or left > timedelta(0)
    if (
        last
        and (young or _is_judged(observed, candidate, last, now))
        and _none_ready(observed, serving.revision)
    ):
        return _failing(observed, before, now)
    settled = replace(
        before,
        candidate=candidate.model_copy(update={"step": "Settling", "message": None, "unready_since": None}),
        keep=before.keep | frozenset({last.revision} if last else ()),
        approved="",
        reason="RolloutInProgress",
        message=f"Version {serving.version} serves; the previous one stays warm for a while.",
    )
    if left is None:
        return settled
    others = [d for d in observed.revisions if d.revision != serving.revision]
    if others and left > timedelta(0):
        return replace(settled, look_again=left.total_seconds())
    return None


def _is_judged(observed: Observed, candidate: Candidate, last: Past, now: datetime) -> bool:
    """Whether it began to fail while the switch was young, and may still have to give way."""
    if candidate.unready_since is None:
        return False
    lasted = (now - candidate.unready_since).total_seconds() >= UNREADY_SECONDS
    return not lasted or _can_take_over(observed, last.revision)


def _none_ready(observed: Observed, revision: str) -> bool:
    deployment = observed.of_revision(revision)
    return not any(pod.ready for pod in observed.pods_of(revision)) and not (deployment and deployment.ready)


def _failing(observed: Observed, before: Rollout, now: datetime) -> Rollout:
    """No pod of what serves is ready. When that lasts and the previous one has one, clients go back to it."""
    serving, candidate, last = before.serving, before.candidate, previous(before)
    assert serving is not None
    assert candidate is not None
    assert last is not None
    unready_since = candidate.unready_since or now
    left = UNREADY_SECONDS - (now - unready_since).total_seconds()
    if left <= 0 and _can_take_over(observed, last.revision):
        text = f"No pod of it was ready for {UNREADY_SECONDS} s after the switch; version {last.version} is back."
        back = reject(before, serving.version, serving.revision, Failure("FailedAfterSwitch", text), now)
        return replace(back, switch=last.revision, keep=before.keep | {last.revision})
    changed = {"step": "Settling", "unready_since": unready_since}
    return replace(
        before,
        candidate=candidate.model_copy(update=changed),
        keep=before.keep | {last.revision},
        approved="",
        reason="RolloutInProgress",
        message=f"Version {serving.version} serves, and none of its pods is ready.",
        look_again=left if left > 0 else None,
    )


def back_from_failed(observed: Observed, before: Rollout) -> Rollout | None:
    """Clients were to go back from a revision that failed after its switch, and have not yet.

    Where there is nothing to go back to, the rejection is void: what serves is the best there is.
    """
    serving, last = before.serving, previous(before)
    entry = next((r for r in before.rejected if serving and r.revision == serving.revision), None)
    if entry is None or last is None or not _can_take_over(observed, last.revision):
        return None
    return replace(rejected(before, entry), switch=last.revision, keep=before.keep | {last.revision})


def without_void_rejection(before: Rollout) -> Rollout:
    """What serves is not rejected."""
    serving = before.serving
    left = tuple(entry for entry in before.rejected if not serving or entry.revision != serving.revision)
    return replace(before, rejected=left)


def _can_take_over(observed: Observed, revision: str) -> bool:
    """Whether it answers, or has made room for what failed: then it has to come first."""
    deployment = observed.of_revision(revision)
    if deployment is None:
        return False
    ready = any(pod.ready for pod in observed.pods_of(revision))
    return deployment.replicas == 0 or (deployment.ready > 0 and ready)
