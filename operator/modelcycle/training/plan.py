"""What the next step of a TrainingRun is."""

from dataclasses import replace
from datetime import datetime

from modelcycle.api.trainingrun import TrainingRunStatus
from modelcycle.conditions import Conditions, cut, is_true
from modelcycle.plan import Event, Plan, Ref
from modelcycle.pods import IMAGE_PULL_FAILED, Pod, Waiting
from modelcycle.training import failure, manifests, outcome
from modelcycle.training.observed import Job, Observed, Results

# A pod that cannot be placed at once often can a moment later: said only when it lasts.
WAITING_GRACE_SECONDS = 10
CLAIM_RETRY_SECONDS = 10
REFUSED_RETRY_SECONDS = 30
REGISTRY_RETRY_SECONDS = 5


def plan(observed: Observed, now: datetime) -> Plan:
    """Reads as the life of a run: no Job yet, Job under way, Job ended, over."""
    status, job = observed.run.status, observed.job
    if observed.run.metadata.deletion_timestamp:
        return Plan()
    if is_true(status.conditions, "Finished"):
        return _stop(job) if job and job.active and not job.deleting else Plan()
    if job is None:
        return _without_job(observed, now)
    if job.outcome is not None:
        return _ended(observed, job, now)
    return _under_way(observed, job, now)


def _stop(job: Job) -> Plan:
    """Terminal is terminal: what still runs of it is stopped."""
    return Plan(deletes=(Ref("Job", job.name, job.uid),))


def _without_job(observed: Observed, now: datetime) -> Plan:
    refusal = observed.refusal
    if observed.run.status.job_uid:
        return _lost(observed, now)
    if refusal and refusal.final:
        return _finish(observed, now, "Failed", refusal.reason, refusal.message)
    create = (manifests.job(observed.run, observed.defaults),)
    if refusal:
        waiting = _pending(observed, now, refusal.reason, refusal.message, REFUSED_RETRY_SECONDS)
        return replace(waiting, creates=create)
    if observed.claim_exists is False:
        claim = manifests.claim_name(observed.run, observed.defaults)
        message = (
            f"There is no PersistentVolumeClaim {claim!r} in namespace {observed.run.metadata.namespace!r}: create "
            "one that is bound to the shared mlruns volume, or name another in spec.storage.claimName. The run "
            "starts when the claim is there."
        )
        return _pending(observed, now, "ClaimNotFound", message, CLAIM_RETRY_SECONDS)
    return Plan(creates=create)


def _lost(observed: Observed, now: datetime) -> Plan:
    if not observed.job_confirmed_gone:
        return Plan(look_again=1)
    message = (
        "Its Job was deleted before it ended. A run starts once: create a TrainingRun with another name."
    )
    return _finish(observed, now, "Failed", "JobDeleted", message)


def _pending(observed: Observed, now: datetime, reason: str, message: str, look_again: float) -> Plan:
    status = _said(observed, "Pending", reason, message)
    return Plan(status=status, events=_event_if_new(observed, reason, message), look_again=look_again)


def _under_way(observed: Observed, job: Job, now: datetime) -> Plan:
    started = _with_job(observed, job)
    pods = tuple(pod for pod in observed.pods if not pod.deleting)
    if any(pod.running for pod in pods):
        status = started.model_copy(update={"attempts": _attempts(observed.pods)})
        return Plan(status=_said(observed, "Running", "PodRunning", "", status))
    stuck = [pod for pod in pods if pod.phase == "Pending" and pod.waiting]
    if not stuck:
        return Plan()
    pod = stuck[0]
    age = (now - pod.created).total_seconds()
    if age < WAITING_GRACE_SECONDS:
        return Plan(look_again=WAITING_GRACE_SECONDS - age)
    return _waiting(observed, now, started, pod)


def _waiting(observed: Observed, now: datetime, started: TrainingRunStatus, pod: Pod) -> Plan:
    waiting = pod.waiting or Waiting("", "")
    before = observed.run.status
    message = waiting_message(waiting)
    # The kubelet alternates between two wordings of the same trouble: the first one is kept.
    if before.reason == waiting.reason == IMAGE_PULL_FAILED and before.message:
        message = before.message
    status = _said(observed, "Pending", waiting.reason, message, started)
    return Plan(status=status, events=_event_if_new(observed, waiting.reason, message))


def waiting_message(waiting: Waiting) -> str:
    """The scheduler's or the kubelet's own words, after what they mean."""
    if waiting.reason == IMAGE_PULL_FAILED:
        return (
            f"The image cannot be pulled: check its name, and that the nodes may pull it. {waiting.message}"
        )
    if waiting.reason == "Unschedulable":
        return f"No node can take the pod: {waiting.message}"
    return f"The pod does not start: {waiting.message or waiting.reason}"


def _ended(observed: Observed, job: Job, now: datetime) -> Plan:
    if observed.results is None:
        return _collecting(observed, job, now)
    if job.outcome == "Complete":
        return _finish(observed, now, "Complete", "JobComplete", "")
    failed = failure.explain(job, observed.pods)
    return _finish(observed, now, "Failed", failed.reason, failed.message)


def _collecting(observed: Observed, job: Job, now: datetime) -> Plan:
    """The Job has ended, but what came out of it is not known yet: nothing is said before it is."""
    if not observed.registry_problem:
        return Plan(look_again=REGISTRY_RETRY_SECONDS)
    message = f"The Job has ended; what came out of it is not known yet: {observed.registry_problem}"
    status = _said(observed, "Running", "CollectingResults", message, _with_job(observed, job))
    conditions = Conditions(status.conditions, observed.run.metadata.generation, now)
    conditions.judge("RegistryReachable", False, "RegistryUnreachable", observed.registry_problem)
    status = status.model_copy(update={"conditions": conditions.all()})
    events = _event_if_new(observed, "CollectingResults", message)
    return Plan(status=status, events=events, look_again=REGISTRY_RETRY_SECONDS)


def _with_job(observed: Observed, job: Job) -> TrainingRunStatus:
    update = {"job_name": job.name, "job_uid": job.uid, "start_time": job.start_time}
    return observed.run.status.model_copy(update=update)


def _attempts(pods: tuple[Pod, ...]) -> int:
    return sum(1 for pod in pods if pod.running or pod.ended)


def _said(
    observed: Observed,
    phase: str,
    reason: str,
    message: str,
    status: TrainingRunStatus | None = None,
) -> TrainingRunStatus:
    return (status or observed.run.status).model_copy(
        update={
            "phase": phase,
            "reason": reason,
            "message": cut(message) or None,
            "observed_generation": observed.run.metadata.generation,
        }
    )


def _finish(observed: Observed, now: datetime, kind: str, reason: str, message: str) -> Plan:
    """The one terminal write: outcome, runs, metrics, versions and conditions together."""
    run, job = observed.run, observed.job
    status = _with_job(observed, job) if job else run.status
    ended = (job and job.end_time) or now
    conditions = Conditions(run.status.conditions, run.metadata.generation, now)
    if observed.results is not None:
        expected = run.spec.model.name if run.spec.model else None
        counted = observed.results if kind == "Complete" else Results()
        chosen = outcome.choose(counted, observed.pods, expected)
        status = outcome.record(status, observed.results, chosen)
        conditions.judge("RegistryReachable", True, "Answered")
        _judge_model(conditions, expected, chosen)
    message = message or _success_message(status)
    conditions.judge(kind, True, reason, message)
    conditions.judge("Finished", True, kind, message)
    status = _said(observed, "Succeeded" if kind == "Complete" else "Failed", reason, message, status)
    status = status.model_copy(
        update={
            "conditions": conditions.all(),
            "attempts": _attempts(observed.pods) or status.attempts,
            "completion_time": ended,
            "duration": spoken_duration(status.start_time, ended),
        }
    )
    event = Event(
        "Normal" if kind == "Complete" else "Warning", kind if kind == "Complete" else reason, message
    )
    return Plan(status=status, events=(event,))


def _judge_model(conditions: Conditions, expected: str | None, chosen: outcome.Outcome) -> None:
    if expected is None and chosen.version is None:
        return
    if chosen.version and chosen.version.name == (expected or chosen.version.name):
        text = f"Version {chosen.version.number} of {chosen.version.name!r} was registered."
        conditions.judge("ModelRegistered", True, "Registered", text)
        return
    text = (
        f"No version of {expected!r} was registered by a pod that succeeded: log the model with "
        f"registered_model_name={expected!r}."
    )
    conditions.judge("ModelRegistered", False, "NotRegistered", text)


def _success_message(status: TrainingRunStatus) -> str:
    made = f"version {status.version}" if status.version else "no model version"
    runs = "1 MLflow run" if status.runs_total == 1 else f"{status.runs_total or 0} MLflow runs"
    return f"The Job succeeded: {runs}, {made}."


def _event_if_new(observed: Observed, reason: str, message: str) -> tuple[Event, ...]:
    return () if observed.run.status.reason == reason else (Event("Warning", reason, message),)


def spoken_duration(start: datetime | None, end: datetime) -> str | None:
    """As kubectl says it: 42s, 1m32s, 2h5m."""
    if start is None:
        return None
    seconds = max(0, int((end - start).total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60}s"
    return f"{seconds // 3600}h{seconds % 3600 // 60}m"
