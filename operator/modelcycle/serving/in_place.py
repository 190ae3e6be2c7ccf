"""Recreate: the old pods go before the candidate's can run, and its own go before the old ones come back."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from modelcycle.api.modeldeployment import Candidate, ModelDeployment
from modelcycle.plan import REVISION_LABEL
from modelcycle.pods import UNSCHEDULABLE, Pod
from modelcycle.serving import canary, silence
from modelcycle.serving.decision import Rollout, under_way
from modelcycle.serving.observed import Observed

# A scheduler that finds no node now may find one when an autoscaler or a draining pod has made room.
NO_ROOM_SECONDS = 60
_CHANGING_OVER = {"Draining", "Starting", "Proving", "Comparing", "Switching"}


def is_changing_over(candidate: Candidate | None) -> bool:
    """Whether the pods of what serves have to be away."""
    return candidate is not None and bool(candidate.in_place) and candidate.step in _CHANGING_OVER


def replicas(observed: Observed, rollout: Rollout) -> Mapping[str, int]:
    """How many pods each revision is to have, by its name; a warm one is left as it is, or makes room."""
    wanted, serving, candidate = observed.deployment.spec.replicas, rollout.serving, rollout.candidate
    if candidate and is_changing_over(candidate):
        others = (made.revision for made in observed.revisions if made.revision != candidate.revision)
        return {**dict.fromkeys(others, 0), candidate.revision: wanted}
    out = {candidate.revision: canary.wanted(observed.deployment, candidate, serving)} if candidate else {}
    if serving and serving.revision not in out:
        away = candidate is None and _waits_to_come_back(observed, serving.revision)
        out[serving.revision] = 0 if away else wanted
    return out


def _waits_to_come_back(observed: Observed, serving: str) -> bool:
    deployment = observed.of_revision(serving)
    if deployment is None or deployment.replicas > 0:
        return False
    return any(_pods_of_others(observed, serving)) or any(
        d.pods for d in observed.revisions if d.revision != serving and not d.deleting
    )


def _pods_of_others(observed: Observed, revision: str) -> Iterator[Pod]:
    """Also those that are on their way out: they hold their node's memory until they are gone."""
    return (pod for pod in observed.pods if pod.label(REVISION_LABEL) != revision)


def draining(observed: Observed, before: Rollout, candidate: Candidate) -> Rollout | None:
    """The wait for the old pods to go, or None when they have gone."""
    left = sum(1 for _ in _pods_of_others(observed, candidate.revision))
    counted = sum(max(d.pods, d.replicas) for d in observed.revisions if d.revision != candidate.revision)
    left = max(left, counted)
    if not left:
        return None
    pods = "1 pod" if left == 1 else f"{left} pods"
    return under_way(before, candidate, "Draining", f"{pods} of the version before it still to go.")


def cure(deployment: ModelDeployment) -> str:
    """What lets a version start that has found no room beside what serves."""
    canaries = deployment.spec.strategy.type == "Canary"
    field = "type: Recreate" if canaries else "recreateWhenUnschedulable: true"
    return f"Where both cannot run at once, set spec.strategy.{field}: the new one takes the place of the old one."


def no_room(observed: Observed, revision: str, now: datetime) -> float | None:
    """Seconds until a pod of the revision has found no node for too long, at most 0 when that is so; else None.

    Nor has one room whose node cannot have the volume, as another node has it.
    """
    waiting = [
        pod.created
        for pod in observed.pods_of(revision)
        if pod.waiting is not None and pod.waiting.reason == UNSCHEDULABLE
    ]
    if observed.told and observed.told.held_elsewhere and (pod := silence.silent(observed)):
        waiting.append(pod.created)
    return NO_ROOM_SECONDS - (now - min(waiting)).total_seconds() if waiting else None
