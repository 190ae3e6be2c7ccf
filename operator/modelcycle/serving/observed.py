"""Everything that a pass over a ModelDeployment knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.defaults import Defaults
from modelcycle.errand import Errand, Outcome
from modelcycle.plan import DEPLOYMENT_LABEL, REVISION_LABEL, VERSION_LABEL, Body, Refusal
from modelcycle.pods import Pod, Told
from modelcycle.registry import Files, Origin, Resolution, Version
from modelcycle.serving.revision import Revision


@dataclass(frozen=True)
class RevisionDeployment:
    """A projection of the apps/v1 Deployment of one revision, controlled by the ModelDeployment.

    Attributes:
        pods: pods that its controller counts since then; those that are asked for while it has not counted.
        ready: pods that its controller counts as ready, since its spec changed last. Pods of a deleted
            Deployment of the same name, which the watch of pods may still show, are none of them.
        trouble: why its pods cannot be created (quota, pod security), in the API server's words, or "".
    """

    name: str
    uid: str
    resource_version: str
    revision: str
    version: str
    replicas: int
    pods: int
    ready: int
    trouble: str
    deleting: bool


def project_deployment(body: dict[str, Any]) -> RevisionDeployment:
    """A RevisionDeployment from what the API server sends."""
    metadata, labels = body["metadata"], body["metadata"].get("labels", {})
    status = body.get("status", {})
    counted = status.get("observedGeneration", 0) >= metadata["generation"]
    conditions = {c["type"]: c for c in status.get("conditions", ())}
    failure = conditions.get("ReplicaFailure", {})
    return RevisionDeployment(
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        revision=labels.get(REVISION_LABEL, ""),
        version=labels.get(VERSION_LABEL, ""),
        replicas=body["spec"].get("replicas", 1),
        pods=status.get("replicas", 0) if counted else max(1, body["spec"].get("replicas", 1)),
        ready=status.get("readyReplicas", 0) if counted else 0,
        trouble=failure.get("message", "") if failure.get("status") == "True" else "",
        deleting="deletionTimestamp" in metadata,
    )


@dataclass(frozen=True)
class ClientService:
    """A projection of the v1 Service that clients use.

    Attributes:
        revision: what its selector names, or "".
        wide: whether it leads to the pods of every revision.
    """

    name: str
    uid: str
    resource_version: str
    revision: str
    wide: bool


def project_service(body: dict[str, Any]) -> ClientService:
    """A ClientService from what the API server sends."""
    metadata, selector = body["metadata"], body["spec"].get("selector", {})
    return ClientService(
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        revision=selector.get(REVISION_LABEL, ""),
        wide=DEPLOYMENT_LABEL in selector and REVISION_LABEL not in selector,
    )


@dataclass(frozen=True)
class Backend:
    """The Service of one revision, to which an HTTPRoute leads a share. ready: the pods that its endpoints list so."""

    service: ClientService
    ready: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Endpoints:
    """A projection of a discovery.k8s.io/v1 EndpointSlice: its Service, and its pods with their readiness."""

    service: str
    pods: tuple[tuple[str, bool], ...]


def project_endpoints(body: dict[str, Any]) -> Endpoints:
    """Endpoints from what the API server sends."""
    pods = (
        (
            endpoint.get("targetRef", {}).get("name", ""),
            endpoint.get("conditions", {}).get("ready", True) is not False,
        )
        for endpoint in body.get("endpoints") or ()
    )
    return Endpoints(body["metadata"].get("labels", {}).get("kubernetes.io/service-name", ""), tuple(pods))


@dataclass(frozen=True)
class Accessory:
    """A projection of what stands beside the pods, controlled by the ModelDeployment.

    Attributes:
        parents: of an HTTPRoute, what each controller says of each Gateway that it names.
    """

    kind: str
    name: str
    uid: str
    resource_version: str
    spec: Body
    generation: int = 1
    parents: tuple[Body, ...] = ()

    @property
    def weights(self) -> Mapping[str, int]:
        """Of an HTTPRoute, what it leads to each Service."""
        backends = (backend for rule in self.spec.get("rules", ()) for backend in rule.get("backendRefs", ()))
        return {backend["name"]: backend.get("weight", 1) for backend in backends}


def project_accessory(kind: str, body: dict[str, Any]) -> Accessory:
    """An Accessory from what the API server sends."""
    metadata = body["metadata"]
    return Accessory(
        kind=kind,
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        spec=body.get("spec", {}),
        generation=metadata.get("generation", 1),
        parents=tuple(body.get("status", {}).get("parents", ())),
    )


@dataclass(frozen=True)
class Traffic:
    """What the pods of a revision have answered since they started. errors: with a status of 500 and above."""

    requests: int
    errors: int


@dataclass(frozen=True)
class Observed:
    """One pass's input.

    Attributes:
        resolution: what the followed reference means, by the last answer of the registry; None before the first.
        registry_problem: why the registry does not answer now, as a sentence, or "".
        files: where the resolved version's folder lies; None if that is not known yet.
        origin: the MLflow run that the resolved version comes from.
        versions: all of the followed model, by the registry's last answer.
        lost: the revision that the client Service names, where its Deployment is missing and can be made again.
        endpoints: names of the pods that the client Service's EndpointSlices list, with their readiness.
        traffic: what the candidate's pods have answered; None where that is not known.
        outcome: what came of the last errand, while it is wanted.
        progress: what the init container of a candidate's pod said last, where it is at it for long, or "".
        rollouts_elsewhere: unfinished rollouts of other ModelDeployments.
        claim_exists: whether the shared volume's claim is there; None if nobody looked.
        refusal: the API server's last no to the creation of a Deployment or Service.
        refused: its last noes to accessories, by kind.
        told: why the kubelet does not start a pod of the candidate, where only Events say so.
    """

    deployment: ModelDeployment
    defaults: Defaults
    resolution: Resolution | None = None
    registry_problem: str = ""
    files: Files | None = None
    origin: Origin = field(default_factory=Origin)
    versions: tuple[Version, ...] = ()
    revisions: tuple[RevisionDeployment, ...] = ()
    pods: tuple[Pod, ...] = ()
    service: ClientService | None = None
    lost: Revision | None = None
    accessories: tuple[Accessory, ...] = ()
    backends: tuple[Backend, ...] = ()
    endpoints: tuple[tuple[str, bool], ...] = ()
    traffic: Traffic | None = None
    outcome: Outcome | None = None
    progress: str = ""
    rollouts_elsewhere: int = 0
    claim_exists: bool | None = None
    refusal: Refusal | None = None
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    told: Told | None = None

    def of_revision(self, revision: str) -> RevisionDeployment | None:
        return next((d for d in self.revisions if d.revision == revision and not d.deleting), None)

    def accessory(self, kind: str) -> Accessory | None:
        return next((one for one in self.accessories if one.kind == kind), None)

    def pods_of(self, revision: str) -> tuple[Pod, ...]:
        return tuple(p for p in self.pods if p.label(REVISION_LABEL) == revision and not p.deleting)

    def came_of(self, errand: Errand) -> Outcome | None:
        """None while it is under way, or has not begun."""
        return self.outcome if self.outcome and self.outcome.errand == errand else None
