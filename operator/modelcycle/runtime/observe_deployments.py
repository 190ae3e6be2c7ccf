"""Gathers a pass's input on a ModelDeployment: from the store, MLflow, and the pods themselves."""

from collections.abc import Mapping
from dataclasses import replace

from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.plan import REVISION_LABEL, Refusal
from modelcycle.registry import Files, Origin, Resolution
from modelcycle.runtime import init_logs, told
from modelcycle.runtime.context import Context
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.runtime.resources import (
    ACCESSORIES,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    MODEL_DEPLOYMENTS,
    PODS,
    SERVICES,
)
from modelcycle.runtime.store import Key
from modelcycle.serving import observed as serving
from modelcycle.serving import silence
from modelcycle.serving.revision import Revision
from modelcycle.serving.revision import name as revision_name

_UNSWITCHED = tuple(
    f'"step":"{step}"'.encode() for step in ("Recording", "Starting", "Proving", "Comparing", "Switching")
)


async def model_deployment(context: Context, key: Key, deployment: ModelDeployment) -> serving.Observed:
    """Asks MLflow only where a version's folder lies, once a version."""
    store, uid = context.store, deployment.metadata.uid
    resolution = context.registry.resolution(deployment.spec.model)
    problem, files, origin = await _files(context, resolution)
    # Before the traffic, which then has what came of it.
    outcome = context.errands.outcome(key)
    service = _service(context, key, uid)
    revisions = tuple(e.item for e in store.children(DEPLOYMENTS, key) if e.controller == uid)
    is_lost = service and all(made.revision != service.revision for made in revisions)
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
        lost=await _lost(context, deployment, service.revision) if service and is_lost else None,
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
        return replace(observed, told=await told.foremost_warning(context, key.namespace, quiet))
    return replace(observed, progress=await init_logs.last_lines(context, key, observed))


async def _files(context: Context, resolution: Resolution | None) -> tuple[str, Files | None, Origin]:
    """What is wrong with the registry, where the files of the version that is followed lie, and whence they come."""
    problem = context.registry.problem
    if resolution and resolution.version:
        try:
            return problem, *await context.registry.files(resolution.version)
        except RegistryError as error:
            problem = problem or str(error)
    return problem, None, Origin()


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


def _refused(context: Context, key: Key, uid: str) -> Mapping[str, Refusal]:
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
