"""A pod that its kubelet does not start, as it cannot mount a volume, and whose status says nothing of it: Events do."""

from datetime import datetime

from modelcycle.pods import Pod
from modelcycle.serving import auth
from modelcycle.serving.observed import Observed

GRACE_SECONDS = 5
# Events are not watched.
AGAIN_SECONDS = 10


def silent(observed: Observed) -> Pod | None:
    """The first pod of the candidate that has a node, and nothing else yet."""
    candidate = observed.deployment.status.candidate
    pods = observed.pods_of(candidate.revision) if candidate else ()
    waiting = (pod for pod in pods if pod.phase == "Pending" and pod.node and not pod.ip and not pod.waiting)
    return min(waiting, key=lambda pod: pod.created, default=None)


def unexplained(observed: Observed, now: datetime) -> str:
    """UID of the pod whose Events are worth asking for, or ""."""
    pod = silent(observed)
    return pod.uid if pod and (now - pod.created).total_seconds() >= GRACE_SECONDS else ""


def words(observed: Observed) -> str:
    """Why it does not start, with the cure where there is one, or ""."""
    told = observed.told
    if told is None:
        return ""
    if told.held_elsewhere:
        return f"A pod of another node has the volume: {told.message}"
    return f"{auth.cure(observed.deployment, told)} The kubelet says: {told.message}".strip()


def sooner(observed: Observed, seconds: float) -> float:
    """When to look again, as no watch will tell."""
    return min(seconds, AGAIN_SECONDS) if silent(observed) else seconds
