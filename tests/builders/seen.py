"""The input of one pass: a resource and the world around it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from modelcycle.api import GROUP
from modelcycle.errand import Outcome
from modelcycle.plan import REVISION_LABEL, Refusal
from modelcycle.pods import Told
from modelcycle.registry import Files, Origin, Resolution, Version
from modelcycle.serving import observed as serving
from modelcycle.serving.revision import Revision
from modelcycle.training import observed as training

from tests.builders.base import DEFAULTS, NOW, wire_time
from tests.builders.children import (
    ClientServiceBuilder,
    JobBuilder,
    PodBuilder,
    RevisionDeploymentBuilder,
    a_client_service,
    a_revision_deployment,
    a_serving_pod,
)
from tests.builders.registry import a_version, path_of
from tests.builders.resources import (
    ModelDeploymentBuilder,
    TrainingRunBuilder,
    a_model_deployment,
    a_training_run,
)


def a_run_seen(
    run: TrainingRunBuilder | None = None,
    job: JobBuilder | None = None,
    pods: tuple[PodBuilder, ...] = (),
    **more: Any,
) -> training.Observed:
    """A pass's input about a TrainingRun. more: the other fields of Observed.

    Where results are known there was no log to keep, unless logs says so.
    """
    if more.get("results") is not None:
        more.setdefault("logs", training.LogsKept())
    return training.Observed(
        run=(run or a_training_run()).build(),
        defaults=DEFAULTS,
        job=job.build() if job else None,
        pods=tuple(pod.build() for pod in pods),
        **more,
    )


@dataclass(frozen=True)
class DeploymentSeen:
    """A ModelDeployment and the world around it, as one pass sees them: `.observed()`."""

    deployment: ModelDeploymentBuilder
    resolution: Resolution | None = None
    files: Files | None = None
    registry_problem: str = ""
    origin: Origin = field(default_factory=Origin)
    versions: tuple[Version, ...] = ()
    revisions: tuple[RevisionDeploymentBuilder, ...] = ()
    pods: tuple[PodBuilder, ...] = ()
    service: ClientServiceBuilder | None = None
    lost: Revision | None = None
    endpoints: Mapping[str, bool] = field(default_factory=dict)
    traffic: serving.Traffic | None = None
    outcome: Outcome | None = None
    rollouts_elsewhere: int = 0
    claim_exists: bool | None = None
    refusal: Refusal | None = None
    refused: Mapping[str, Refusal] = field(default_factory=dict)
    told: Told | None = None
    accessories: tuple[serving.Accessory, ...] = ()
    backends: tuple[serving.Backend, ...] = ()

    def but(self, **changes: Any) -> Self:
        """With other fields."""
        return replace(self, **changes)

    def observed(self) -> serving.Observed:
        return serving.Observed(
            deployment=self.deployment.build(),
            defaults=DEFAULTS,
            resolution=self.resolution,
            registry_problem=self.registry_problem,
            files=self.files,
            origin=self.origin,
            versions=self.versions,
            revisions=tuple(revision.build() for revision in self.revisions),
            pods=tuple(pod.build() for pod in self.pods),
            service=self.service.build() if self.service else None,
            lost=self.lost,
            endpoints=tuple(self.endpoints.items()),
            traffic=self.traffic,
            outcome=self.outcome,
            rollouts_elsewhere=self.rollouts_elsewhere,
            claim_exists=self.claim_exists,
            refusal=self.refusal,
            refused=self.refused,
            told=self.told,
            accessories=self.accessories,
            backends=self.backends,
        )

    def name_of(self, number: int) -> str:
        """Name of the revision of a version."""
        return self.deployment.revision(number).name

    def following(self, number: int) -> Self:
        """The reference means this version, and its files are where pods can read them."""
        resolution = Resolution(a_version(number), "Resolved", f"iris@champion is version {number}.")
        return self.but(resolution=resolution, files=Files(path_of(number)))

    def resolving_to_nothing(
        self, reason: str = "AliasNotFound", message: str = "No such alias yet."
    ) -> Self:
        return self.but(resolution=Resolution(None, reason, message), files=None)

    def with_deployment_of(self, number: int, *pods: PodBuilder, replicas: int | None = None) -> Self:
        """The Deployment of a version is there, with these pods of it (see pod_of)."""
        made = a_revision_deployment(self.deployment, number)
        made = made if replicas is None else made.with_replicas(replicas)
        return self.but(revisions=(*self.revisions, made), pods=(*self.pods, *pods))

    def pod_of(self, number: int, ordinal: int = 0) -> PodBuilder:
        revision = self.name_of(number)
        return a_serving_pod(revision, f"iris-{revision}-{ordinal}")

    def with_ready_pods_of(self, number: int, count: int = 1) -> Self:
        """The Deployment of a version is there, and so many pods of it are ready."""
        return self.with_deployment_of(number, *(self.pod_of(number, i).ready() for i in range(count)))

    def selecting(self, number: int) -> Self:
        """The client Service names the revision of this version, and its ready pods are the endpoints."""
        revision = self.name_of(number)
        own = [
            pod.build() for pod in self.pods if pod.content["metadata"]["labels"][REVISION_LABEL] == revision
        ]
        return self.but(
            service=a_client_service(self.deployment, number),
            endpoints={pod.name: pod.ready for pod in own},
        )

    def recorded_as_serving(self, number: int, since: datetime | None = NOW) -> Self:
        """status.serving"""
        serving = {"version": str(number), "revision": self.name_of(number), "runId": f"run-{number}"}
        dated = serving if since is None else {**serving, "since": wire_time(since)}
        return self.but(deployment=self.deployment.with_status(serving=dated))

    def served_by(self, number: int, pods: int = 1, since: datetime | None = NOW) -> Self:
        """All of the above: Deployment, ready pods, Service, status."""
        return self.with_ready_pods_of(number, pods).selecting(number).recorded_as_serving(number, since)

    def trying(self, number: int, step: str = "Starting", since: datetime = NOW, **more: Any) -> Self:
        """status.candidate"""
        candidate = {
            "version": str(number),
            "revision": self.name_of(number),
            "step": step,
            "startedAt": wire_time(since),
            "runId": f"run-{number}",
            **more,
        }
        return self.but(deployment=self.deployment.with_status(candidate=candidate))

    def annotated(self, **annotations: str) -> Self:
        """metadata.annotations below modelcycle.dev/"""
        said = {f"{GROUP}/{name}": value for name, value in annotations.items()}
        return self.but(deployment=self.deployment.but(metadata={"annotations": said}))

    def wanting(self, **spec: Any) -> Self:
        """Other fields of spec."""
        return self.but(deployment=self.deployment.with_spec(**spec))

    def having_rejected(self, number: int, reason: str = "CrashLoop", message: str = "It crashed.") -> Self:
        """status.rejected, one more"""
        entry = {
            "version": str(number),
            "revision": self.name_of(number),
            "reason": reason,
            "message": message,
            "at": wire_time(NOW),
        }
        known = self.deployment.content.get("status", {}).get("rejected", [])
        return self.but(deployment=self.deployment.with_status(rejected=[entry, *known]))

    def remembering(self, number: int, until: datetime = NOW) -> Self:
        """status.history, one more"""
        past = {"version": str(number), "revision": self.name_of(number), "until": wire_time(until)}
        known = self.deployment.content.get("status", {}).get("history", [])
        return self.but(deployment=self.deployment.with_status(history=[past, *known]))


def a_deployment_seen(deployment: ModelDeploymentBuilder | None = None) -> DeploymentSeen:
    """Nothing serves, and the registry has not been read yet."""
    return DeploymentSeen(deployment or a_model_deployment())
