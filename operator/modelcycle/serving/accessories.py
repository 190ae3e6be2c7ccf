"""What stands beside the pods that serve: an autoscaler, a disruption budget, and the way in from outside."""

from dataclasses import dataclass
from typing import Any

from modelcycle.api import API_VERSION
from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.conditions import Conditions
from modelcycle.plan import DEPLOYMENT_LABEL, REVISION_LABEL, Body, Patch, Ref, owned_metadata
from modelcycle.serving import way_in
from modelcycle.serving.decision import Share
from modelcycle.serving.observed import Accessory, Observed

# In the order in which they are made.
_API_VERSIONS = {
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
    way_in.INGRESS: "networking.k8s.io/v1",
    way_in.HTTP_ROUTE: "gateway.networking.k8s.io/v1",
}
# Conditions of those that are spoken of only where they are refused.
_CONDITIONS = {"HorizontalPodAutoscaler": "Autoscaled", "PodDisruptionBudget": "Budgeted"}


@dataclass(frozen=True)
class Changes:
    creates: tuple[Body, ...] = ()
    patches: tuple[Patch, ...] = ()
    deletes: tuple[Ref, ...] = ()


def changes(deployment: ModelDeployment, there: tuple[Accessory, ...], share: Share | None = None) -> Changes:
    """What makes them as spec wants them. Fields that somebody else has set beside ours are left alone.

    share: what an HTTPRoute leads to a candidate.
    """
    specs = {
        "HorizontalPodAutoscaler": _autoscaler(deployment),
        "PodDisruptionBudget": _disruption_budget(deployment),
        way_in.INGRESS: way_in.ingress(deployment),
        way_in.HTTP_ROUTE: way_in.http_route(deployment, share),
    }
    wanted = {kind: spec for kind, spec in specs.items() if spec}
    known = {one.kind: one for one in there}
    return Changes(
        creates=tuple(_made(deployment, kind, spec) for kind, spec in wanted.items() if kind not in known),
        patches=tuple(
            Patch(Ref(kind, one.name, one.uid, one.resource_version), {"spec": wanted[kind]})
            for kind, one in known.items()
            if kind in wanted and not _covers(one.spec, wanted[kind])
        ),
        deletes=tuple(Ref(kind, one.name, one.uid) for kind, one in known.items() if kind not in wanted),
    )


def judge(conditions: Conditions, observed: Observed) -> None:
    """What became of them: of the way in always, of the others where the API server does not take them."""
    way_in.judge(conditions, observed)
    for kind, condition in _CONDITIONS.items():
        if refusal := observed.refused.get(kind):
            conditions.judge(condition, False, refusal.reason, refusal.message)
        else:
            conditions.drop(condition)


def _covers(there: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; defaults that the API server has set beside it are nobody's business."""
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(_covers(there.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, list):
        alike = isinstance(there, list) and len(there) == len(wanted)
        return alike and all(_covers(one, other) for one, other in zip(there, wanted, strict=True))
    return bool(there == wanted)


def _made(deployment: ModelDeployment, kind: str, spec: Body) -> Body:
    name = deployment.metadata.name
    metadata = owned_metadata("ModelDeployment", deployment.metadata, name, {DEPLOYMENT_LABEL: name})
    stated = {field: value for field, value in spec.items() if value is not None}
    return {"apiVersion": _API_VERSIONS[kind], "kind": kind, "metadata": metadata, "spec": stated}


def _autoscaler(deployment: ModelDeployment) -> Body | None:
    """It scales the ModelDeployment itself, so that a rollout in flight has the replicas wanted as well."""
    spec, name = deployment.spec.autoscaling, deployment.metadata.name
    if spec is None:
        return None
    target = {"type": "Utilization", "averageUtilization": spec.target_cpu_utilization_percentage}
    return {
        "scaleTargetRef": {"apiVersion": API_VERSION, "kind": "ModelDeployment", "name": name},
        "minReplicas": spec.min_replicas,
        "maxReplicas": spec.max_replicas,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }


def _disruption_budget(deployment: ModelDeployment) -> Body | None:
    """A drain takes one pod of what serves at a time where there are several; it waits for no other, nor for a candidate."""
    scaling, serving = deployment.spec.autoscaling, deployment.status.serving
    if (scaling.min_replicas if scaling else deployment.spec.replicas) < 2:
        return None
    return {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {
            "matchLabels": {
                DEPLOYMENT_LABEL: deployment.metadata.name,
                **({REVISION_LABEL: serving.revision} if serving else {}),
            }
        },
    }
