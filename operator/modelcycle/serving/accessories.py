"""What stands beside the pods that serve: a HorizontalPodAutoscaler and a PodDisruptionBudget."""

from dataclasses import dataclass
from typing import Any

from modelcycle.api import API_VERSION
from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.plan import DEPLOYMENT_LABEL, REVISION_LABEL, Body, Patch, Ref, owned_metadata


@dataclass(frozen=True)
class Accessory:
    """A projection of one of them, controlled by the ModelDeployment."""

    kind: str
    name: str
    uid: str
    resource_version: str
    spec: Body


def project_accessory(kind: str, body: dict[str, Any]) -> Accessory:
    """An Accessory from what the API server sends."""
    metadata = body["metadata"]
    version = metadata["resourceVersion"]
    return Accessory(kind, metadata["name"], metadata["uid"], version, body.get("spec", {}))


@dataclass(frozen=True)
class Changes:
    creates: tuple[Body, ...] = ()
    patches: tuple[Patch, ...] = ()
    deletes: tuple[Ref, ...] = ()


def changes(deployment: ModelDeployment, there: tuple[Accessory, ...]) -> Changes:
    """What makes them as spec wants them. Fields that somebody else has set beside ours are left alone."""
    wanted = {
        body["kind"]: body for body in (_autoscaler(deployment), _disruption_budget(deployment)) if body
    }
    known = {one.kind: one for one in there}
    return Changes(
        creates=tuple(body for kind, body in wanted.items() if kind not in known),
        patches=tuple(
            Patch(Ref(kind, one.name, one.uid, one.resource_version), {"spec": wanted[kind]["spec"]})
            for kind, one in known.items()
            if kind in wanted and not _covers(one.spec, wanted[kind]["spec"])
        ),
        deletes=tuple(Ref(kind, one.name, one.uid) for kind, one in known.items() if kind not in wanted),
    )


def _covers(there: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(there, dict) and all(_covers(there.get(k), v) for k, v in wanted.items())
    return bool(there == wanted)


def _autoscaler(deployment: ModelDeployment) -> Body | None:
    """It scales the ModelDeployment itself, so that a rollout in flight has the replicas wanted as well."""
    spec, name = deployment.spec.autoscaling, deployment.metadata.name
    if spec is None:
        return None
    target = {"type": "Utilization", "averageUtilization": spec.target_cpu_utilization_percentage}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _metadata(deployment),
        "spec": {
            "scaleTargetRef": {"apiVersion": API_VERSION, "kind": "ModelDeployment", "name": name},
            "minReplicas": spec.min_replicas,
            "maxReplicas": spec.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def _disruption_budget(deployment: ModelDeployment) -> Body | None:
    """A drain takes one pod of what serves at a time where there are several; it waits for no other, nor for a candidate."""
    scaling, serving = deployment.spec.autoscaling, deployment.status.serving
    if (scaling.min_replicas if scaling else deployment.spec.replicas) < 2:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(deployment),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {
                "matchLabels": {
                    DEPLOYMENT_LABEL: deployment.metadata.name,
                    **({REVISION_LABEL: serving.revision} if serving else {}),
                }
            },
        },
    }


def _metadata(deployment: ModelDeployment) -> Body:
    name = deployment.metadata.name
    return owned_metadata("ModelDeployment", deployment.metadata, name, {DEPLOYMENT_LABEL: name})
