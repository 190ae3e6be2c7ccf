"""Everything that a pass over a TrainingRun knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.defaults import Defaults
from modelcycle.plan import Refusal
from modelcycle.pods import Pod, Told, timestamp
from modelcycle.registry import Version

# https://kueue.sigs.k8s.io/docs/reference/labels-and-annotations/
KUEUE = "kueue.x-k8s.io/"
QUEUE_LABEL = f"{KUEUE}queue-name"
# Tags by which the MLflow runs of a Job are found again.
CLUSTER_TAG = "modelcycle.cluster"
NAMESPACE_TAG = "modelcycle.namespace"
NAME_TAG = "modelcycle.trainingrun"
UID_TAG = "modelcycle.trainingrun.uid"
POD_TAG = "modelcycle.pod"
# MLflow's own: its client sets it where it finds git and a repository.
COMMIT_TAG = "mlflow.source.git.commit"


@dataclass(frozen=True)
class Job:
    """A projection of a v1 Job that the TrainingRun controls.

    Attributes:
        suspend: what its spec wants; suspended: what its controller has made of it.
        queue: the queue of Kueue's that admits it, or "".
    """

    name: str
    uid: str
    resource_version: str
    suspend: bool
    suspended: bool
    queue: str
    start_time: datetime | None
    end_time: datetime | None
    active: int
    outcome: Literal["Complete", "Failed"] | None
    reason: str
    message: str
    deleting: bool


def project_job(body: dict[str, Any]) -> Job:
    """A Job from what the API server sends."""
    metadata, status = body["metadata"], body.get("status", {})
    true = {c["type"]: c for c in status.get("conditions", ()) if c["status"] == "True"}
    ended = true.get("Complete") or true.get("Failed")
    end = status.get("completionTime") or (ended or {}).get("lastTransitionTime")
    return Job(
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        suspend=bool(body["spec"].get("suspend")),
        suspended="Suspended" in true,
        queue=metadata.get("labels", {}).get(QUEUE_LABEL, ""),
        start_time=timestamp(status["startTime"]) if status.get("startTime") else None,
        end_time=timestamp(end) if ended and end else None,
        active=status.get("active", 0),
        outcome=ended["type"] if ended else None,
        reason=(ended or {}).get("reason", ""),
        message=(ended or {}).get("message", ""),
        deleting="deletionTimestamp" in metadata,
    )


@dataclass(frozen=True)
class MlflowRun:
    """A run in MLflow, as its server tells it. start: milliseconds since the epoch; experiment: its id."""

    run_id: str
    name: str
    status: str
    start: int
    parent: str
    pod: str
    metrics: Mapping[str, float]
    experiment: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Results:
    """All MLflow runs that the Job started, and all model versions that these registered."""

    runs: tuple[MlflowRun, ...] = ()
    versions: tuple[Version, ...] = ()


@dataclass(frozen=True)
class Champion:
    """The version that an alias names. metrics: of the MLflow run that made it, none if that is not there."""

    version: int
    metrics: Mapping[str, float]


# By alias: one that names no version is not in it.
Champions = Mapping[str, Champion]


@dataclass(frozen=True)
class LogsKept:
    """What became of the logs. pods: those whose log is kept; problem: why others' is not, as a sentence, or ""."""

    pods: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Observed:
    """One pass's input.

    Attributes:
        job: the Job of this TrainingRun, by its controller's UID.
        job_confirmed_gone: a live GET found no Job of the recorded UID.
        service: whether the Service is there by which several nodes find each other.
        missing_claim: the first claim that the pods are to mount and that is not there, or "".
        told: why there is no pod, or why the kubelet does not start it, where only Events say so.
        missing_config_map: the ConfigMap that the code is to come from and that is not there, or "".
        results: None while nobody asked for them, or the registry did not answer.
        registry_problem: why it did not answer, as a sentence: when the results were asked for or written about, or
            before the Job is made, when its experiment was.
        logs: None while nobody tried to keep them.
        refusal: the API server's last answer to the Job's creation, if it was a no.
        champions: what spec.model.promote names; None while nobody asked for them.
    """

    run: TrainingRun
    defaults: Defaults
    job: Job | None = None
    pods: tuple[Pod, ...] = ()
    job_confirmed_gone: bool = False
    service: bool = False
    missing_claim: str = ""
    told: Told | None = None
    missing_config_map: str = ""
    results: Results | None = None
    registry_problem: str = ""
    logs: LogsKept | None = None
    refusal: Refusal | None = None
    champions: Champions | None = None
