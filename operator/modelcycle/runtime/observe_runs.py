"""Gathers a pass's input on TrainingRuns: from the store, and live where the store cannot know."""

from dataclasses import replace

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.pods import Pod
from modelcycle.runtime import told
from modelcycle.runtime.cluster import NotFoundError
from modelcycle.runtime.context import Context
from modelcycle.runtime.resources import JOBS, PODS, SERVICES, TRAINING_RUNS
from modelcycle.runtime.store import Key
from modelcycle.training.observed import Job, Observed, project_job
from modelcycle.training.waiting import unexplained


async def training_run(context: Context, key: Key, run: TrainingRun) -> Observed:
    """Looks for the Job live when a recorded one is not in the store.

    Events are asked for only while nothing else says why no pod starts.
    """
    store, uid = context.store, run.metadata.uid
    jobs = [entry.item for entry in store.children(JOBS, key) if entry.controller == uid]
    job: Job | None = jobs[0] if jobs else None
    finished = run.status.completion_time is not None
    gone = False
    if job is None and run.status.job_uid and not finished:
        job = await _live_job(context, run)
        gone = job is None
    observed = Observed(
        run=run,
        defaults=context.defaults,
        job=job,
        pods=pods_of(context, key, job),
        service=any(entry.controller == uid for entry in store.children(SERVICES, key)),
        job_confirmed_gone=gone,
    )
    if not finished and (quiet := unexplained(observed, context.clock())):
        return replace(observed, told=await told.foremost_warning(context, key.namespace, quiet))
    return observed


def runs_of(context: Context, key: Key, uid: str) -> tuple[TrainingRun, ...]:
    """The TrainingRuns that a resource of ours owns, by name. Raises ValidationError."""
    owned = [entry.item for entry in context.store.children(TRAINING_RUNS, key) if entry.controller == uid]
    return tuple(TrainingRun.model_validate_json(item) for item in owned)


def pods_of(context: Context, key: Key, job: Job | None) -> tuple[Pod, ...]:
    """Those that the Job controls."""
    return tuple(e.item for e in context.store.children(PODS, key) if job and e.controller == job.uid)


async def _live_job(context: Context, run: TrainingRun) -> Job | None:
    try:
        body = await context.cluster.get(JOBS, run.metadata.namespace, run.metadata.name)
    except NotFoundError:
        return None
    if body["metadata"]["uid"] != run.status.job_uid:
        return None
    context.store.put(JOBS, body)
    return project_job(body)
