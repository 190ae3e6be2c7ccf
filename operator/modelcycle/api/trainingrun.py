"""TrainingRun: one training, run as one Job on the shared volume."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from modelcycle.api.meta import (
    Condition,
    EnvFromSource,
    EnvVar,
    Model,
    NameReference,
    ObjectMeta,
    ResourceRequirements,
    ShortText,
    Storage,
    Text,
)
from modelcycle.api.pod import PodTemplate, Volume, VolumeMount

NAME_MAX_LENGTH = 52
RUNS_MAX, METRICS_MAX, MODEL_VERSIONS_MAX = 20, 50, 20

# Those that a drain, a preemption or a lost node may end; one more, and the run has failed.
DISRUPTIONS_MAX = 10

Phase = Literal["Pending", "Running", "Suspended", "Succeeded", "Failed"]
MapValue = Annotated[str, Field(max_length=4096)]
ShortLabel = Annotated[str, Field(max_length=63)]
# What MLflow takes as an alias, less what it keeps to itself ("latest", "v3").
Alias = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9_-]+$")]
Words = Annotated[list[Annotated[str, Field(max_length=16384)]], Field(max_length=256)]


class GitSource(Model):
    url: Annotated[str, Field(min_length=1, max_length=2048)] = Field(
        description="Address of the repository: https://…, ssh://… or user@host:path, without a password."
    )
    revision: ShortText = Field(
        "HEAD",
        description="Commit, tag or branch. Of a branch, the commit that the run's first attempt finds is checked out "
        "by all of them.",
    )
    path: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None, description="Folder of the repository that becomes the working folder; its root by default."
    )
    secret_name: ShortText | None = Field(
        None,
        description="Secret of this namespace: username and password, or token, for https; ssh-privatekey and "
        "known_hosts for ssh; ca.crt for a server with a certificate of its own.",
    )


class Source(Model):
    config_map: NameReference | None = Field(
        None, description="A ConfigMap whose files are copied into the working folder."
    )
    git: GitSource | None = Field(None, description="A git repository that is checked out.")


class PromotionRule(Model):
    metric: Annotated[str, Field(min_length=1, max_length=250)] = Field(
        description="Metric of the MLflow run that made the version. One that was not logged, or is no finite "
        "number, never passes."
    )
    at_least: float | None = Field(None, description="The metric is this or more.")
    at_most: float | None = Field(None, description="The metric is this or less.")
    better_than: Alias | None = Field(
        None,
        description="An alias of the same model: the metric is strictly better than that of the version it names "
        "now. Where the alias names none yet, nothing has to be beaten.",
    )
    higher_is_better: bool | None = Field(
        None, description="Whether more of the metric is better; goes with betterThan."
    )


class Promote(Model):
    alias: Alias = Field(description="Alias that moves to the new version, as in champion.")
    when: Annotated[list[PromotionRule], Field(max_length=20)] = Field(
        default_factory=list, description="Rules that must all hold. None: every success is promoted."
    )


class ExpectedModel(Model):
    name: ShortText = Field(description="Registered model that the run is expected to make a version of.")
    promote: Promote | None = Field(
        None,
        description="Moves an alias to the version of a run that succeeded, if its metrics are good enough.",
    )


class Objective(Model):
    metric: ShortText = Field(description="Name of the metric that the main run logs.")
    higher_is_better: bool = Field(True, description="Whether more of it is better; false for a loss.")


class TrainingRunSpec(Model):
    image: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None, description="Image to train in: any with an MLflow client in it. Defaults to the chart's."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = Field(
        None, description="As in a container."
    )
    command: Words | None = Field(None, description="Entry point, as in a container.")
    args: Words | None = Field(None, description="Its arguments; $(PARAM_name) stands for a parameter.")
    working_dir: Annotated[str, Field(max_length=1024)] | None = Field(
        None, description="Working folder; with a source, the folder the source is mounted at."
    )
    params: Annotated[dict[str, MapValue], Field(max_length=100)] | None = Field(
        None,
        description="Parameters: each becomes the environment variable PARAM_<name> and a tag of the MLflow "
        "runs.",
    )
    env: Annotated[list[EnvVar], Field(max_length=100)] | None = Field(
        None, description="Environment, as in a container."
    )
    env_from: Annotated[list[EnvFromSource], Field(max_length=32)] | None = Field(
        None, description="Environment from ConfigMaps and Secrets, as in a container."
    )
    resources: ResourceRequirements | None = Field(None, description="CPU, memory and devices.")
    volumes: Annotated[list[Volume], Field(max_length=32)] | None = Field(
        None, description="More volumes, for data: claims, NFS, Secrets, ConfigMaps, empty folders."
    )
    volume_mounts: Annotated[list[VolumeMount], Field(max_length=32)] | None = Field(
        None, description="Where the container sees them, as in a container."
    )
    experiment: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        None, description="MLflow experiment; a script's own set_experiment wins."
    )
    tags: Annotated[dict[str, MapValue], Field(max_length=100)] | None = Field(
        None, description="Tags set on every MLflow run that the Job starts."
    )
    source: Source | None = Field(None, description="Where the code comes from, if it is not in the image.")
    model: ExpectedModel | None = Field(None, description="What the run is expected to register.")
    objective: Objective | None = Field(
        None, description="The metric that the METRIC column shows, and by which runs are compared."
    )
    backoff_limit: Annotated[int, Field(ge=0, le=100)] = Field(
        0, description="How often a failed attempt is tried again. Disruptions do not count."
    )
    active_deadline_seconds: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Seconds from start after which the run is stopped and has failed."
    )
    nodes: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None,
        description="Number of nodes to train on together: so many pods, with MASTER_ADDR, MASTER_PORT, WORLD_SIZE, "
        "RANK, NODE_RANK and torchrun's defaults (PET_*) in their environment. All succeed, or the run has failed.",
    )
    pod_template: PodTemplate | None = Field(
        None,
        description="An overlay, {metadata, spec}, that is merged strategically into the pod: nodeSelector, "
        "tolerations, affinity, priorityClassName, sidecars and whatever else a pod has. The container that trains is "
        "called train. restartPolicy may not be set.",
    )
    storage: Storage | None = Field(None, description="The shared volume.")
    suspend: bool = Field(
        False,
        description="While true, no pod of it runs: the Job is suspended, and starts anew when this is false "
        "again. Under Kueue (label kueue.x-k8s.io/queue-name) it does nothing: Kueue alone decides. May change.",
    )
    pending_deadline_seconds: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Seconds in which a pod has to start, from its creation (without a pod, from the Job's start), "
        "or the run has failed. Does not count while it is suspended. May change.",
    )
    ttl_seconds_after_finished: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="Seconds after its end when the TrainingRun itself is deleted, and with it its Job and pods; "
        "MLflow keeps what came out. Never, if not set. What applies it again from Git trains again. May change.",
    )


class TemplateMeta(Model):
    labels: Annotated[dict[str, ShortLabel], Field(max_length=64)] | None = Field(
        None, description="Labels of each TrainingRun."
    )
    annotations: Annotated[dict[str, MapValue], Field(max_length=64)] | None = Field(
        None, description="Annotations of each TrainingRun."
    )


class RunTemplate(Model):
    """What the TrainingRuns are made from that another resource owns."""

    metadata: TemplateMeta | None = Field(None, description="Labels and annotations of each TrainingRun.")
    spec: TrainingRunSpec = Field(description="What each TrainingRun runs, as in a TrainingRun.")


class Run(Model):
    run_id: Text = Field(description="Id of the MLflow run.")
    name: Text | None = Field(None, description="Its name.")
    status: Text | None = Field(None, description="Its status in MLflow.")


class Metric(Model):
    name: Text = Field(description="Name of the metric.")
    value: Text = Field(description="Its last value, as a decimal number, or as NaN or Infinity.")


class ModelVersion(Model):
    name: Text = Field(description="Name of the registered model.")
    version: Text = Field(description="Its version.")
    run_id: Text = Field(description="Id of the MLflow run that registered it.")


class TrainingRunStatus(Model):
    phase: Phase = Field("Pending", description="Where the run is, derived from the conditions.")
    reason: Text | None = Field(None, description="Why, as one CamelCase word.")
    message: Text | None = Field(None, description="Why, as a sentence.")
    observed_generation: int | None = Field(None, description="metadata.generation that status speaks of.")
    conditions: list[Condition] = Field(
        default_factory=list,
        description="Stalled (it waits for somebody to act), Suspended, Complete, Failed, Finished (either), "
        "ModelRegistered, Promoted, LogStored, RegistryReachable.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    job_name: Text | None = Field(None, description="Name of the Job.")
    job_uid: Text | None = Field(None, alias="jobUID", description="UID of the Job: it is made once.")
    attempts: int | None = Field(None, description="Pods that were started and have ended or run.")
    disrupted_pods: Annotated[list[Text], Field(max_length=DISRUPTIONS_MAX + 1)] | None = Field(
        None, description="Pods that a disruption ended; they do not count as failed attempts."
    )
    start_time: datetime | None = Field(None, description="When the Job started, or was resumed last.")
    completion_time: datetime | None = Field(None, description="When the Job ended.")
    duration: Text | None = Field(None, description="From start to end, as in 1m32s.")
    commit: Text | None = Field(None, description="Commit of spec.source.git that was checked out.")
    version: Text | None = Field(None, description="Version registered by the main run.")
    metric: Text | None = Field(
        None,
        description="A metric of the main run, as in accuracy=0.947: the objective's, else the first by name.",
    )
    run_id: Text | None = Field(
        None,
        description="Id of the main MLflow run: the one that made the version, else the last started one that is "
        "nobody's child.",
    )
    run_url: Text | None = Field(None, alias="runURL", description="Its page in the MLflow UI.")
    runs: Annotated[list[Run], Field(max_length=RUNS_MAX)] | None = Field(
        None, description="MLflow runs that the Job started, the first 20."
    )
    runs_total: int | None = Field(None, description="How many MLflow runs there are.")
    metrics: Annotated[list[Metric], Field(max_length=METRICS_MAX)] | None = Field(
        None, description="Metrics of the main run, the first 50 by name and the objective's."
    )
    metrics_total: int | None = Field(None, description="How many metrics there are.")
    model_versions: Annotated[list[ModelVersion], Field(max_length=MODEL_VERSIONS_MAX)] | None = Field(
        None, description="Model versions that the runs registered, the first 20."
    )
    model_versions_total: int | None = Field(None, description="How many versions there are.")


class TrainingRun(Model):
    """A training as one Job that mounts the shared mlruns volume, with what came out of it in status."""

    metadata: ObjectMeta
    spec: TrainingRunSpec
    status: TrainingRunStatus = TrainingRunStatus()
