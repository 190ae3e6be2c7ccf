"""What of a run does not start, since when, and what is said of it."""

from dataclasses import dataclass
from datetime import datetime

from modelcycle.api.trainingrun import TrainingRunStatus
from modelcycle.failure import Failure
from modelcycle.plan import Plan
from modelcycle.pods import IMAGE_PULL_FAILED, Pod, Waiting
from modelcycle.training.observed import Job, Observed
from modelcycle.training.pod import claim_name
from modelcycle.training.say import event_if_new, said
from modelcycle.training.suspension import held

# A pod that cannot be placed at once often can a moment later: said only when it lasts.
WAITING_GRACE_SECONDS = 10
# Events are not watched.
EVENTS_AGAIN_SECONDS = 30
# A pod that could not be made, as under a quota: the Job's controller says why by an Event only.


@dataclass(frozen=True)
class Stuck:
    """What has not started.

    Attributes:
        uid: of the pod, or of the Job that has none.
        words: why, if somebody says so.
        on_purpose: the Job waits between two attempts.
    """

    uid: str
    since: datetime
    words: Waiting | None
    on_purpose: bool = False


def stuck(observed: Observed, job: Job) -> Stuck | None:
    """None if nothing is waited for, or only for an earlier pod to end."""
    there = [pod for pod in observed.pods if not pod.over]
    pending = [pod for pod in there if pod.phase == "Pending" and not pod.deleting]
    if pending:
        pod = min(pending, key=lambda pod: (pod.waiting is None, pod.created))
        return Stuck(pod.uid, pod.created, pod.waiting or _told(observed, pod.created))
    if there or job.start_time is None:
        return None
    ends = [pod.ended.at or pod.created for pod in observed.pods if pod.ended]
    since = max([job.start_time, *ends])
    words = _told(observed, since)
    return Stuck(job.uid, since, words, on_purpose=bool(ends) and words is None)


def _told(observed: Observed, since: datetime) -> Waiting | None:
    told = observed.told
    return Waiting(told.reason, told.message) if told and told.at >= since else None


def unexplained(observed: Observed, now: datetime) -> str:
    """UID of the object whose Events may say why nothing starts, or ""."""
    job = observed.job
    if job is None or job.outcome or held(job):
        return ""
    waits = stuck(observed, job)
    if waits is None or waits.words or _age(waits, now) < _grace(observed):
        return ""
    return waits.uid


def too_long(observed: Observed, job: Job, now: datetime) -> Failure | None:
    """Whether spec.pendingDeadlineSeconds is over."""
    limit, waits = observed.run.spec.pending_deadline_seconds, stuck(observed, job)
    if limit is None or waits is None or waits.on_purpose or _age(waits, now) < limit:
        return None
    before = observed.run.status
    said_before = before.message if before.job_uid and before.phase == "Pending" else None
    why = _message(waits.words) if waits.words else said_before or "Nothing says why."
    sentence = f"It has not started within spec.pendingDeadlineSeconds ({limit} s). {why}"
    return Failure("PendingDeadlineExceeded", sentence)


def waiting(observed: Observed, job: Job, started: TrainingRunStatus, now: datetime) -> Plan:
    """What keeps the run from running is said once it lasts, and looked at again when it may have changed."""
    waits = stuck(observed, job)
    if waits is None:
        return _leaving(observed, started, now)
    age, limit = _age(waits, now), observed.run.spec.pending_deadline_seconds
    # Where the deadline does not count there is nothing to wait for: it would be looked at without an end.
    left = [limit - age] if limit and not (waits.on_purpose or held(job)) else []
    if age < _grace(observed):
        return Plan(look_again=_grace(observed) - age)
    if waits.words:
        return _said(observed, started, waits.words, min(left, default=None))
    again = min([EVENTS_AGAIN_SECONDS, *left])
    if started.phase == "Suspended":
        message = "It is resumed; its pod is being started."
        return Plan(status=said(observed, "Pending", "Resumed", message, started), look_again=again)
    return Plan(look_again=again)


def _said(
    observed: Observed, started: TrainingRunStatus, words: Waiting, look_again: float | None = None
) -> Plan:
    before, message = observed.run.status, _message(words)
    # The kubelet alternates between two wordings of the same trouble, and each refused pod has a name of its own:
    # the first wording is kept.
    flickers = words.reason == IMAGE_PULL_FAILED or observed.told is not None
    if flickers and before.reason == words.reason and before.message:
        message = before.message
    status = said(observed, "Pending", words.reason, message, started)
    events = event_if_new(observed, words.reason, message)
    return Plan(status=status, events=events, look_again=look_again)


def _leaving(observed: Observed, started: TrainingRunStatus, now: datetime) -> Plan:
    """The Job makes no other pod before the last one has ended: on a node that is lost, that is never seen."""
    leaving = [(pod.gone_by, pod) for pod in observed.pods if pod.gone_by and pod.node and not pod.over]
    if not leaving:
        return Plan()
    gone_by, pod = min(leaving, key=lambda one: one[0])
    left = WAITING_GRACE_SECONDS - (now - gone_by).total_seconds()
    return Plan(look_again=left) if left > 0 else _said(observed, started, _lost(pod))


def _lost(pod: Pod) -> Waiting:
    return Waiting(
        "NodeLost",
        f"Node {pod.node!r} does not confirm that pod {pod.name!r} has ended, long after its grace is over: the node "
        "is lost. The pod may still be writing, so another one starts only when this one is known to have ended. "
        f"If the node comes back, that goes by itself; if it is gone for good: `kubectl delete node {pod.node}`.",
    )


def _grace(observed: Observed) -> float:
    return min(WAITING_GRACE_SECONDS, observed.run.spec.pending_deadline_seconds or WAITING_GRACE_SECONDS)


def claim_missing(observed: Observed) -> str:
    run, claim = observed.run, observed.missing_claim
    cure = "create it, or name another in the run's volumes"
    if claim == claim_name(run, observed.defaults):
        cure = (
            "create one that is bound to the shared mlruns volume, or name another in spec.storage.claimName"
        )
    return (
        f"There is no PersistentVolumeClaim {claim!r} in namespace {run.metadata.namespace!r}: {cure}. The run starts "
        "when the claim is there."
    )


def config_map_missing(observed: Observed) -> str:
    name = observed.missing_config_map
    return (
        f"There is no ConfigMap {name!r} in namespace {observed.run.metadata.namespace!r}, where the code is to come "
        f"from: make it of your files (kubectl create configmap {name} --from-file=FOLDER). The run starts when it is "
        "there."
    )


def _age(waits: Stuck, now: datetime) -> float:
    return (now - waits.since).total_seconds()


def _message(words: Waiting) -> str:
    """The scheduler's, the kubelet's or the Job controller's own words, after what they mean."""
    match words.reason:
        case "NodeLost":
            return words.message
        case "ImagePullFailed":
            sentence = "The image cannot be pulled: check its name, and that the nodes may pull it."
            return f"{sentence} {words.message}"
        case "Unschedulable":
            return f"No node can take the pod: {words.message}"
        case "FailedCreate":
            return f"Its pod cannot be made: {words.message}"
        case _:
            return f"The pod does not start: {words.message or words.reason}"
