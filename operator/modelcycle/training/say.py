"""How a pass says where a TrainingRun is."""

from datetime import datetime
from typing import Literal

from modelcycle.api.trainingrun import TrainingRunStatus
from modelcycle.conditions import Conditions, cut
from modelcycle.plan import Event, Plan
from modelcycle.training import git
from modelcycle.training.attempts import disrupted_pods
from modelcycle.training.observed import Job, Observed

REGISTRY_RETRY_SECONDS = 5


def with_job(observed: Observed, job: Job) -> TrainingRunStatus:
    """What every status of a run whose Job is there says; nothing keeps it from starting any more."""
    before = observed.run.status
    update = {
        "job_name": job.name,
        "job_uid": job.uid,
        "start_time": job.start_time,
        "disrupted_pods": disrupted_pods(observed) or None,
        "commit": git.commit(observed),
        "conditions": [condition for condition in before.conditions if condition.type != "Stalled"],
    }
    return before.model_copy(update=update)


def job_end(observed: Observed, now: datetime) -> datetime:
    """When the Job ended; now, for one that is not there any more."""
    return (observed.job and observed.job.end_time) or now


def said(
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


def event_if_new(
    observed: Observed, reason: str, message: str, kind: Literal["Normal", "Warning"] = "Warning"
) -> tuple[Event, ...]:
    return () if observed.run.status.reason == reason else (Event(kind, reason, message),)


def without_registry(observed: Observed, now: datetime, status: TrainingRunStatus) -> Plan:
    """What is said while MLflow does not answer."""
    conditions = Conditions(status.conditions, observed.run.metadata.generation, now)
    conditions.judge("RegistryReachable", False, "RegistryUnreachable", observed.registry_problem)
    return Plan(
        status=status.model_copy(update={"conditions": conditions.all()}),
        events=event_if_new(observed, status.reason or "", status.message or ""),
        look_again=REGISTRY_RETRY_SECONDS,
    )


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
