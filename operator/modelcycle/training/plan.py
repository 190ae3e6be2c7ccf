"""What the next step of a TrainingRun is."""

from dataclasses import replace
from datetime import datetime

from modelcycle.conditions import Conditions, is_true
from modelcycle.overlay import OverlayError
from modelcycle.plan import Body, Plan, Ref
from modelcycle.pods import Pod
from modelcycle.training import nodes, suspension
from modelcycle.training.attempts import attempts
from modelcycle.training.disruption import disrupted
from modelcycle.training.ending import ending
from modelcycle.training.expiry import expiry
from modelcycle.training.finish import finish
from modelcycle.training.job import job as job_of
from modelcycle.training.observed import Job, Observed
from modelcycle.training.say import event_if_new, said, with_job, without_registry
from modelcycle.training.waiting import claim_missing, config_map_missing, waiting

CLAIM_RETRY_SECONDS = 10
REFUSED_RETRY_SECONDS = 30


def plan(observed: Observed, now: datetime) -> Plan:
    """Reads as the life of a run: no Job yet, Job under way, Job ended, over."""
    status, job = observed.run.status, observed.job
    if observed.run.metadata.deletion_timestamp:
        return Plan()
    if is_true(status.conditions, "Finished"):
        return _over(observed, now)
    if job is None:
        return _without_job(observed, now)
    if end := ending(observed, now):
        return finish(observed, now, end.kind, end.reason, end.message)
    lost = () if _has_service(observed) else (nodes.service(observed.run),)
    return replace(_under_way(observed, job, now), creates=lost)


def _over(observed: Observed, now: datetime) -> Plan:
    """Terminal is terminal: what still runs of it is stopped, and in the end it is deleted."""
    job = observed.job
    if job and job.outcome is None and not job.deleting:
        return Plan(deletes=(Ref("Job", job.name, job.uid),))
    return expiry(observed.run, now)


def _without_job(observed: Observed, now: datetime) -> Plan:
    refusal = observed.refusal
    if observed.run.status.job_uid:
        return _lost(observed, now)
    if refusal and refusal.final:
        return finish(observed, now, "Failed", refusal.reason, refusal.message)
    try:
        create = (_next_child(observed),)
    except OverlayError as error:
        return finish(observed, now, "Failed", "PodTemplateRefused", str(error))
    if refusal:
        waiting = _pending(observed, now, refusal.reason, refusal.message, REFUSED_RETRY_SECONDS)
        return replace(waiting, creates=create)
    if observed.missing_claim:
        return _pending(observed, now, "ClaimNotFound", claim_missing(observed), CLAIM_RETRY_SECONDS)
    if observed.missing_config_map:
        return _pending(observed, now, "ConfigMapNotFound", config_map_missing(observed), CLAIM_RETRY_SECONDS)
    if observed.registry_problem:
        message = f"The run starts when its experiment can be made: {observed.registry_problem}"
        return without_registry(observed, now, said(observed, "Pending", "RegistryUnreachable", message))
    return Plan(creates=create)


def _next_child(observed: Observed) -> Body:
    """The Service comes first: a name that was asked for too early is remembered as missing."""
    if not _has_service(observed):
        return nodes.service(observed.run)
    return job_of(observed.run, observed.defaults)


def _has_service(observed: Observed) -> bool:
    return observed.service or nodes.number(observed.run) == 1


def _lost(observed: Observed, now: datetime) -> Plan:
    if not observed.job_confirmed_gone:
        return Plan(look_again=1)
    message = (
        "Its Job was deleted before it ended. A run starts once: create a TrainingRun with another name."
    )
    return finish(observed, now, "Failed", "JobDeleted", message)


def _pending(observed: Observed, now: datetime, reason: str, message: str, look_again: float) -> Plan:
    """The Job cannot be made before somebody acts; that is looked at again and again."""
    status = said(observed, "Pending", reason, message)
    conditions = Conditions(status.conditions, observed.run.metadata.generation, now)
    conditions.judge("Stalled", True, reason, message)
    status = status.model_copy(update={"conditions": conditions.all()})
    return Plan(status=status, events=event_if_new(observed, reason, message), look_again=look_again)


def _under_way(observed: Observed, job: Job, now: datetime) -> Plan:
    if change := suspension.change(observed.run, job):
        return Plan(patches=(change,))
    if job.suspend:
        return suspension.suspended(observed, job, now)
    started = suspension.lifted(with_job(observed, job), observed.run.metadata.generation, now)
    if _all_run(observed, tuple(pod for pod in observed.pods if not pod.deleting)):
        status = started.model_copy(update={"attempts": attempts(observed)})
        return Plan(status=said(observed, "Running", "PodRunning", "", status))
    if started.disrupted_pods != observed.run.status.disrupted_pods:
        return disrupted(observed, started)
    return waiting(observed, job, started, now)


def _all_run(observed: Observed, pods: tuple[Pod, ...]) -> bool:
    """Of several nodes none gets anywhere before the last one has come."""
    come = {pod.label(nodes.INDEX) for pod in pods if pod.running or pod.phase == "Succeeded"}
    return any(pod.running for pod in pods) and len(come) == nodes.number(observed.run)
