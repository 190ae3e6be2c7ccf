"""Gathers a pass's input: from the store, and live where the store cannot know."""

from collections.abc import Mapping
from dataclasses import replace

from modelcycle import plan
from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.api.trainingrun import TrainingRun
from modelcycle.plan import REVISION_LABEL
from modelcycle.pods import Pod, Told, project_event
from modelcycle.registry import Origin
from modelcycle.runtime import init_logs
from modelcycle.runtime.cluster import NotFoundError
from modelcycle.runtime.context import ChildId, Context
from modelcycle.runtime.mlflow import RegistryError
from modelcycle.runtime.resources import (
    ACCESSORIES,
    CLAIMS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    EVENTS,
    JOBS,
    MODEL_DEPLOYMENTS,
    PODS,
    SERVICES,
    TRAINING_RUNS,
    Resource,
)
from modelcycle.runtime.store import Key
from modelcycle.serving import observed as serving
from modelcycle.serving import silence
from modelcycle.serving.revision import Revision
from modelcycle.serving.revision import name as revision_name
from modelcycle.training import observed as training
from modelcycle.training.waiting import unexplained

_UNSWITCHED = tuple(
    f'"step":"{step}"'.encode() for step in ("Recording", "Starting", "Proving", "Comparing", "Switching")
)


async def what_is_doubtful(context: Context, key: Key) -> None:
    """Reads live what the store may be behind with. Raises ApiError."""
    for resource, name in tuple(context.doubts.get(key, ())):
        try:
            body = await context.cluster.get(resource, key.namespace, name)
            context.wake_others(key, context.store.put(resource, body))
        except NotFoundError:
            if known := context.store.get(resource.kind, key.namespace, name):
                context.wake_others(key, context.store.bury(resource, key.namespace, name, known.uid))
        context.doubts[key].discard((resource, name))
    context.doubts.pop(key, None)


async def training_run(context: Context, key: Key, run: TrainingRun) -> training.Observed:
    """Looks for the Job live when a recorded one is not in the store.

    Events are asked for only while nothing else says why no pod starts.
    """
    store, uid = context.store, run.metadata.uid
    jobs = [entry.item for entry in store.children(JOBS, key) if entry.controller == uid]
    job: training.Job | None = jobs[0] if jobs else None
    finished = run.status.completion_time is not None
    gone = False
    if job is None and run.status.job_uid and not finished:
        job = await _live_job(context, run)
        gone = job is None
    observed = training.Observed(
        run=run,
        defaults=context.defaults,
        job=job,
        pods=pods_of(context, key, job),
        service=any(entry.controller == uid for entry in store.children(SERVICES, key)),
        job_confirmed_gone=gone,
    )
    if not finished and (quiet := unexplained(observed, context.clock())):
        return replace(observed, told=await _told(context, key.namespace, quiet))
    return observed


async def _told(context: Context, namespace: str, uid: str) -> Told | None:
    """The newest warning about the object of that UID."""
    about = f"regarding.uid={uid},type=Warning"
    told = [project_event(e) async for e in context.cluster.list(EVENTS, namespace, "", about)]
    return max(told, key=lambda event: event.at, default=None)


def runs_of(context: Context, key: Key, uid: str) -> tuple[TrainingRun, ...]:
    """The TrainingRuns that a resource of ours owns, by name. Raises ValidationError."""
    owned = [entry.item for entry in context.store.children(TRAINING_RUNS, key) if entry.controller == uid]
    return tuple(TrainingRun.model_validate_json(item) for item in owned)


def pods_of(context: Context, key: Key, job: training.Job | None) -> tuple[Pod, ...]:
    """Those that the Job controls."""
    return tuple(e.item for e in context.store.children(PODS, key) if job and e.controller == job.uid)


async def _live_job(context: Context, run: TrainingRun) -> training.Job | None:
    try:
        body = await context.cluster.get(JOBS, run.metadata.namespace, run.metadata.name)
    except NotFoundError:
        return None
    if body["metadata"]["uid"] != run.status.job_uid:
        return None
    context.store.put(JOBS, body)
    return training.project_job(body)


async def model_deployment(context: Context, key: Key, deployment: ModelDeployment) -> serving.Observed:
    """Asks MLflow only where a version's folder lies, once a version."""
    store, uid = context.store, deployment.metadata.uid
    resolution = context.registry.resolution(deployment.spec.model)
    problem, files, origin = context.registry.problem, None, Origin()
    if resolution and resolution.version:
        try:
            files, origin = await context.registry.files(resolution.version)
        except RegistryError as error:
            problem = problem or str(error)
    # Before the traffic, which then has what came of it.
    outcome = context.errands.outcome(key)
    service = _service(context, key, uid)
    revisions = tuple(e.item for e in store.children(DEPLOYMENTS, key) if e.controller == uid)
    lost = None
    if service and all(made.revision != service.revision for made in revisions):
        lost = await _lost(context, deployment, service.revision)
    observed = serving.Observed(
        deployment=deployment,
        defaults=context.defaults,
        resolution=resolution,
        registry_problem=problem,
        files=files,
        origin=origin,
        versions=context.registry.versions(deployment.spec.model.name),
        revisions=revisions,
        pods=tuple(e.item for e in store.children(PODS, key)),
        service=service,
        lost=lost,
        accessories=tuple(
            e.item for kind in ACCESSORIES for e in store.children(kind, key) if e.controller == uid
        ),
        backends=_backends(context, key, uid),
        endpoints=_endpoints(context, key, key.name),
        traffic=await _traffic(context, key, deployment),
        outcome=outcome,
        rollouts_elsewhere=_rollouts_elsewhere(context, key),
        refused=_refused(context, key, uid),
    )
    if quiet := silence.unexplained(observed, context.clock()):
        return replace(observed, told=await _told(context, key.namespace, quiet))
    return replace(observed, progress=await init_logs.last_lines(context, key, observed))


async def _traffic(context: Context, key: Key, deployment: ModelDeployment) -> serving.Traffic | None:
    """Asked of a candidate's pods while clients reach some of them."""
    candidate = deployment.status.candidate
    if candidate is None or candidate.canary is None:
        return None
    pods = [entry.item for entry in context.store.children(PODS, key)]
    return await context.serving_pods.traffic(
        pod for pod in pods if pod.label(REVISION_LABEL) == candidate.revision and pod.ready
    )


def _endpoints(context: Context, key: Key, service: str) -> tuple[tuple[str, bool], ...]:
    slices = (entry.item for entry in context.store.children(ENDPOINT_SLICES, key))
    return tuple(pod for one in slices if one.service == service for pod in one.pods)


def _backends(context: Context, key: Key, uid: str) -> tuple[serving.Backend, ...]:
    """The Services of single revisions: all but the clients'."""
    services = [e.item for e in context.store.children(SERVICES, key) if e.controller == uid]
    return tuple(
        serving.Backend(
            service, frozenset(pod for pod, ready in _endpoints(context, key, service.name) if ready)
        )
        for service in services
        if service.name != key.name
    )


def _refused(context: Context, key: Key, uid: str) -> Mapping[str, plan.Refusal]:
    """The API server's last noes to what stands beside the pods, by kind."""
    kinds = {resource.kind for resource in ACCESSORIES}
    refusals = context.refusals.get(key, {}).items()
    return {kind: no for (owner, kind, _), no in refusals if owner == uid and kind in kinds}


def _service(context: Context, key: Key, uid: str) -> serving.ClientService | None:
    entry = context.store.get(SERVICES.kind, key.namespace, key.name)
    return entry.item if entry and entry.controller == uid else None


async def _lost(context: Context, deployment: ModelDeployment, name: str) -> Revision | None:
    """What a revision was made of, while the registry still has its version and the spec still shapes it so."""
    for version in context.registry.versions(deployment.spec.model.name):
        if revision_name(deployment, context.defaults, version) != name:
            continue
        try:
            files, _ = await context.registry.files(version)
        except RegistryError:
            return None
        return Revision(name, version, files.path, files.uri) if files.found else None
    return None


def _rollouts_elsewhere(context: Context, key: Key) -> int:
    """Rollouts of others that have not switched yet. Read off their text: parsing each would take long."""
    return sum(
        any(step in entry.item for step in _UNSWITCHED)
        for (namespace, name), entry in context.store.items(MODEL_DEPLOYMENTS)
        if (namespace, name) != (key.namespace, key.name)
    )


def refusal(context: Context, key: Key, creates: tuple[plan.Body, ...]) -> plan.Refusal | None:
    """The API server's last no to one of these children, unless it stands beside what serves."""
    refusals, beside = context.refusals.get(key, {}), {resource.kind for resource in ACCESSORIES}
    asked = (refusals.get(child_id(body)) for body in creates if body["kind"] not in beside)
    return next((no for no in asked if no), None)


def child_id(child: plan.Body) -> ChildId:
    """A child that is to be made."""
    metadata = child["metadata"]
    return metadata["ownerReferences"][0]["uid"], child["kind"], metadata["name"]


async def missing_claim(context: Context, namespace: str, creates: tuple[plan.Body, ...]) -> str:
    """The first claim that the pods of these children mount and that is not there, or ""."""
    for body in creates:
        template = body["spec"].get("template")
        for volume in template["spec"].get("volumes", ()) if template else ():
            claim = volume.get("persistentVolumeClaim")
            name = claim.get("claimName") if isinstance(claim, dict) else None
            if name and not await _exists(context, CLAIMS, namespace, name):
                return str(name)
    return ""


async def missing_config_map(context: Context, run: TrainingRun) -> str:
    """The ConfigMap that the run's code comes from, if it is not there, or ""."""
    source = run.spec.source and run.spec.source.config_map
    if not source or await _exists(context, CONFIG_MAPS, run.metadata.namespace, source.name):
        return ""
    return source.name


async def _exists(context: Context, resource: Resource, namespace: str, name: str) -> bool:
    try:
        await context.cluster.get(resource, namespace, name)
    except NotFoundError:
        return False
    return True
