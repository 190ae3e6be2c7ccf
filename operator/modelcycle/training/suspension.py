"""Suspend and resume: whether a run's Job may run, and who decides that."""

from datetime import datetime

from modelcycle.api.trainingrun import TrainingRun, TrainingRunStatus
from modelcycle.conditions import Conditions, is_true
from modelcycle.plan import Patch, Plan, Ref
from modelcycle.training.observed import QUEUE_LABEL, Job, Observed
from modelcycle.training.say import event_if_new, said, with_job


def in_queue(run: TrainingRun) -> bool:
    """Whether Kueue decides when the Job may run: suspend is Kueue's alone then."""
    return QUEUE_LABEL in run.metadata.labels


def born_suspended(run: TrainingRun) -> bool:
    """Whether the Job is made suspended: until its user resumes it, or Kueue admits it."""
    return run.spec.suspend or in_queue(run)


def change(run: TrainingRun, job: Job) -> Patch | None:
    """Brings the user's wish to the Job. Of a Job in one of Kueue's queues, Kueue alone suspends and resumes."""
    if job.queue or job.suspend == run.spec.suspend:
        return None
    ref = Ref("Job", job.name, job.uid, job.resource_version)
    return Patch(ref, {"spec": {"suspend": run.spec.suspend}})


def held(job: Job) -> bool:
    """Suspended, about to be, or not yet seen by its controller to be resumed: no deadline counts meanwhile."""
    return job.suspend or job.suspended


def suspended(observed: Observed, job: Job, now: datetime) -> Plan:
    """Said when the Job's controller has taken its pods away."""
    if not job.suspended:
        return Plan()
    reason, message = "Suspended", "No pod of it runs until spec.suspend is false."
    if job.queue:
        reason, message = "Queued", f"Kueue has not admitted it yet; its queue is {job.queue!r}."
        if observed.run.spec.suspend:
            message += (
                " spec.suspend does nothing here: Kueue alone suspends and resumes what is in its queues."
            )
    status = said(observed, "Suspended", reason, message, with_job(observed, job))
    conditions = Conditions(status.conditions, observed.run.metadata.generation, now)
    conditions.judge("Suspended", True, reason, message)
    events = event_if_new(observed, reason, message, "Normal")
    return Plan(status=status.model_copy(update={"conditions": conditions.all()}), events=events)


def lifted(status: TrainingRunStatus, generation: int, now: datetime) -> TrainingRunStatus:
    """The status of a run that is suspended no more."""
    if not is_true(status.conditions, "Suspended"):
        return status
    conditions = Conditions(status.conditions, generation, now)
    conditions.judge("Suspended", False, "Resumed")
    return status.model_copy(update={"conditions": conditions.all()})
