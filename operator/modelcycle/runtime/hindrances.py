"""What keeps children from being made: a claim or ConfigMap that is not there, a no of the API server's."""

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.plan import Body, Refusal
from modelcycle.runtime.cluster import NotFoundError
from modelcycle.runtime.context import ChildId, Context
from modelcycle.runtime.resources import ACCESSORIES, CLAIMS, CONFIG_MAPS, Resource
from modelcycle.runtime.store import Key


def refusal(context: Context, key: Key, creates: tuple[Body, ...]) -> Refusal | None:
    """The API server's last no to one of these children, unless it stands beside what serves."""
    refusals, beside = context.refusals.get(key, {}), {resource.kind for resource in ACCESSORIES}
    asked = (refusals.get(child_id(body)) for body in creates if body["kind"] not in beside)
    return next((no for no in asked if no), None)


def child_id(child: Body) -> ChildId:
    """A child that is to be made."""
    metadata = child["metadata"]
    return metadata["ownerReferences"][0]["uid"], child["kind"], metadata["name"]


async def missing_claim(context: Context, namespace: str, creates: tuple[Body, ...]) -> str:
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
