"""ModelDeployment: what serves a registered model, and follows it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from modelcycle.api import GROUP
from modelcycle.api.meta import (
    Condition,
    EnvFromSource,
    EnvVar,
    IntOrString,
    Model,
    ObjectMeta,
    ResourceRequirements,
    ShortText,
    Storage,
    Text,
)
from modelcycle.api.pod import PodTemplate
from modelcycle.api.way_in import Auth, Route

NAME_MAX_LENGTH = 40
REJECTED_MAX, HISTORY_MAX = 10, 50

# In a Deployment's annotations: "<version or revision>", or the same and "/<any token>" to say it again.
APPROVE, RETRY = f"{GROUP}/approve", f"{GROUP}/retry"

RECORDED_MAX_LENGTH = 16384

Step = Literal[
    "Recording",
    "Draining",
    "Starting",
    "Proving",
    "Comparing",
    "AwaitingApproval",
    "Canary",
    "Switching",
    "Settling",
]


class Latest(Model):
    pass


class FollowedModel(Model):
    name: ShortText = Field(description="Name of the registered model.")
    version: IntOrString | None = Field(None, description="Follow this version.")
    alias: ShortText | None = Field(None, description="Follow what this alias points to. Recommended.")
    latest: Latest | None = Field(
        None,
        description="Follow the highest version that is READY, also one that a failed attempt registered.",
    )


class CanaryStep(Model):
    weight: Annotated[int, Field(ge=1, le=100)] = Field(
        description="Percent of the requests that the new version is to answer: exact with route.gateway. By the ratio "
        "of pods it is at most a half, and what it really is stands in status.candidate.weight."
    )
    pause_seconds: Annotated[int, Field(ge=0, le=86400)] = Field(
        60, description="How long the step lasts, from the moment clients reach its pods."
    )


class Canary(Model):
    steps: Annotated[list[CanaryStep], Field(min_length=1, max_length=20)] = Field(
        description="Shares, rising from step to step; after the last one it takes over."
    )
    max_error_rate: Annotated[float, Field(ge=0, le=1)] = Field(
        0.01, description="Share of its answers with a status of 500 and above over which it is rejected."
    )
    min_requests: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        20, description="Answers of a step without which its error rate says nothing."
    )


class Strategy(Model):
    type: Literal["BlueGreen", "Canary", "Recreate"] = Field(
        "BlueGreen",
        description="BlueGreen: the new version's pods are ready before clients reach them, the old ones go "
        "afterwards. Canary: it answers a growing share of the requests first. Recreate: the old pods go first, and come back if the new version is rejected.",
    )
    canary: Canary | None = Field(None, description="The steps of type Canary.")
    recreate_when_unschedulable: bool = Field(
        False,
        description="With BlueGreen: a version for whose pods no node had room for a minute, or the volume, as another "
        "node has it, takes the place of the old one, as with Recreate.",
    )


class Requirement(Model):
    metric: ShortText = Field(description="Metric of the MLflow run that registered the version.")
    at_least: float | None = Field(None, description="The metric may not be lower.")
    at_most: float | None = Field(None, description="The metric may not be higher.")


class Parity(Model):
    max_changed_fraction: Annotated[float, Field(ge=0, le=1)] = Field(
        description="Share of the rows that the new version may answer otherwise than the one that serves."
    )
    absolute_tolerance: Annotated[float, Field(ge=0)] = Field(
        0, description="How far two numbers may lie apart that count as the same."
    )
    relative_tolerance: Annotated[float, Field(ge=0, le=1)] = Field(
        0.001,
        description="The same as a share of the larger of them. Not for whole numbers, which are often labels.",
    )
    min_rows: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        20, description="Rows without which the comparison says nothing."
    )
    examples: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None,
        description="Path of a JSON, CSV or Parquet file with the rows, in the version's model folder or among the "
        "artifacts of its run. Defaults to the model's own input example.",
    )


class SelfTest(Model):
    mode: Literal["Predict", "Load"] = Field(
        "Predict",
        description="Predict: a pod answers the model's own input example before it is ready. Load: for models "
        "whose predict has side effects, loading is enough.",
    )
    timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(
        30, description="Seconds that the answer to the example may take."
    )


class Autoscaling(Model):
    min_replicas: Annotated[int, Field(ge=1, le=1000)] = Field(1, description="The fewest pods.")
    max_replicas: Annotated[int, Field(ge=1, le=1000)] = Field(description="The most pods.")
    target_cpu_utilization_percentage: Annotated[int, Field(ge=1, le=1000)] = Field(
        80,
        alias="targetCPUUtilizationPercentage",
        description="The CPU that pods are to use on average, as a percentage of what resources.requests names.",
    )


class Batching(Model):
    max_batch_size: Annotated[int, Field(ge=2, le=65536)] = Field(
        32, description="Rows that the model is given at once, at most."
    )
    max_latency_ms: Annotated[int, Field(ge=1, le=10000)] = Field(
        10, description="Milliseconds that a request waits for others, at most."
    )


class ModelDeploymentSpec(Model):
    model: FollowedModel = Field(description="What is followed: exactly one of version, alias and latest.")
    replicas: Annotated[int, Field(ge=0, le=1000)] = Field(1, description="Pods of the serving version.")
    image: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        None, description="Image to serve with. Defaults to the chart's."
    )
    resources: ResourceRequirements | None = Field(None, description="CPU, memory and devices of a pod.")
    env: Annotated[list[EnvVar], Field(max_length=100)] | None = Field(
        None, description="Environment of the serving container."
    )
    env_from: Annotated[list[EnvFromSource], Field(max_length=32)] | None = Field(
        None, description="Environment from ConfigMaps and Secrets, as in a container."
    )
    pod_template: PodTemplate | None = Field(
        None,
        description="Merged into the pod that the operator makes, as a strategic merge patch: nodeSelector, "
        "tolerations, affinity, imagePullSecrets and the like. The container is named serve.",
    )
    autoscaling: Autoscaling | None = Field(
        None, description="A HorizontalPodAutoscaler that sets replicas by the CPU that the pods use."
    )
    route: Route | None = Field(
        None, description="An Ingress or HTTPRoute by which clients outside of the cluster reach the model."
    )
    auth: Auth | None = Field(None, description="Predictions are answered to those who have a token.")
    storage: Storage | None = Field(None, description="The shared volume.")
    requirements: Literal["Install", "Image"] = Field(
        "Install",
        description="Install: what the model imports and the image lacks, or holds in another version, is "
        "installed once into the volume's cache. Image: the image is taken as it is.",
    )
    self_test: SelfTest = Field(SelfTest(), description="How a pod proves that it can serve its version.")
    trust: Literal["Any", "NoPickle"] = Field(
        "Any",
        description="NoPickle: models that run code while they are loaded (pickle, cloudpickle) are refused.",
    )
    batching: Batching | None = Field(
        None,
        description="Rows of several requests are predicted in one call of the model: for models that answer "
        "many rows in hardly more time than one. Off by default.",
    )
    strategy: Strategy = Field(Strategy(), description="How a new version takes over.")
    promotion: Literal["Automatic", "Manual"] = Field(
        "Automatic",
        description="Manual: a version that has proved itself stays warm and gets no clients until the "
        "annotation modelcycle.dev/approve names it.",
    )
    require: Annotated[list[Requirement], Field(max_length=16)] | None = Field(
        None, description="Metrics that a version's run must have, or it is rejected before a pod starts."
    )
    parity: Parity | None = Field(
        None,
        description="Before a version takes over, it is asked the same rows as the one that serves, and is rejected "
        "where too many answers differ.",
    )
    hold: bool = Field(
        False, description="No other version starts or takes over; what serves stays and can be scaled."
    )
    progress_deadline_seconds: Annotated[int, Field(ge=10, le=86400)] = Field(
        600, description="Seconds in which a new version must have proved itself, or it is rejected."
    )
    keep_previous_seconds: Annotated[int, Field(ge=10, le=86400)] = Field(
        60, description="Seconds the previous version stays warm after clients have left it."
    )
    revision_history_limit: Annotated[int, Field(ge=1, le=HISTORY_MAX)] = Field(
        5, description="How many former versions status.history keeps."
    )


IDENTITY = "Which entry of the registry it is: when it was made, in milliseconds, and a hash of its source."


class Lineage(Model):
    """A version as one set of pods serves it, and where it comes from."""

    version: Text = Field(description="Version of the registered model.")
    revision: Text = Field(description="Its revision: version and pod-shaping fields.")
    model: Text | None = Field(None, description="Name of the registered model.")
    run_id: Text | None = Field(None, description="MLflow run that made it.")
    training_run: Text | None = Field(None, description="TrainingRun that made it, as namespace/name.")
    commit: Text | None = Field(None, description="Commit of the code that made it, as its run names it.")


class Serving(Lineage):
    since: datetime | None = Field(None, description="When clients were first answered by it alone.")
    identity: Text | None = Field(None, description=IDENTITY)


class CanaryProgress(Model):
    index: int = Field(0, description="The step that it is in, from 0.")
    since: datetime | None = Field(None, description="When clients reached all of the step's pods.")
    requests: int | None = Field(None, description="Answers of its pods before the step.")
    errors: int | None = Field(None, description="Those among them with a status of 500 and above.")
    exercise: Text | None = Field(None, description="Why sending it its own example gave no figures.")
    asked: datetime | None = Field(
        None,
        description="Since when a Gateway is to lead the step's share to it, and has not confirmed that.",
    )


class Comparison(Model):
    against: Text = Field(description="Revision whose answers its own are compared with.")
    verdict: Literal["Passed", "Failed", "Inconclusive", "Waived"] | None = Field(
        None, description="What came of it. Waived: somebody approved it without figures."
    )
    rows: int | None = Field(None, description="Rows that both answered.")
    changed: int | None = Field(None, description="How many of them it answers otherwise.")
    message: Text | None = Field(None, description="The figures, as a sentence.")
    gates: Text | None = Field(None, description="Hash of the gates that it was judged by.")
    recorded: Annotated[str, Field(max_length=RECORDED_MAX_LENGTH)] | None = Field(
        None, description="What the other one had answered before it went, as JSON."
    )


class Candidate(Lineage):
    step: Step = Field(description="How far the rollout is.")
    started_at: datetime = Field(description="When the rollout started.")
    message: Text | None = Field(None, description="What it waits for.")
    identity: Text | None = Field(None, description=IDENTITY)
    weight: int | None = Field(
        None,
        description="Percent of the requests that it answers: by an HTTPRoute's weights, else its share of the ready pods.",
    )
    canary: CanaryProgress | None = Field(None, description="How far its steps are.")
    parity: Comparison | None = Field(None, description="How its answers compare with what serves.")
    in_place: bool | None = Field(None, description="Whether the old pods go before its own can run.")
    unready_since: datetime | None = Field(
        None, description="Since when its pods are not ready, though they had been."
    )
    prior_approval: Text | None = Field(
        None, description="The annotation as it was when the candidate began to wait: it approves nothing."
    )


class Rejected(Model):
    revision: Text = Field(description="Revision that did not prove itself.")
    version: Text = Field(description="Its version.")
    reason: Text = Field(description="Why, as one CamelCase word.")
    message: Text = Field(description="Why, and what to do.")
    at: datetime = Field(description="When it was rejected.")
    gates: Text | None = Field(None, description="Hash of the gates that it met: others are another chance.")


class Past(Lineage):
    until: datetime = Field(description="When the next one took over.")


class ModelDeploymentStatus(Model):
    observed_generation: int | None = Field(None, description="metadata.generation that status speaks of.")
    conditions: list[Condition] = Field(
        default_factory=list,
        description="Ready, UpToDate, Progressing, ModelResolved, RegistryReachable; Routed with spec.route; Autoscaled "
        "and Budgeted where these are wanted and refused.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    serving: Serving | None = Field(None, description="What answers clients.")
    candidate: Candidate | None = Field(None, description="What is being rolled out.")
    rejected: Annotated[list[Rejected], Field(max_length=REJECTED_MAX)] = Field(
        default_factory=list,
        description="What did not prove itself.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["revision"]},
    )
    history: Annotated[list[Past], Field(max_length=HISTORY_MAX)] = Field(
        default_factory=list, description="What served before, the newest first."
    )
    approved: Text | None = Field(None, description="The candidate's revision, once it may take over.")
    retry_handled: Text | None = Field(
        None, description="The annotation modelcycle.dev/retry, as last heeded."
    )
    url: Text | None = Field(
        None,
        description="Where clients reach the model: by spec.route once that leads there, else in the cluster.",
    )
    replicas: int = Field(0, description="Pods of the serving revision.")
    ready_replicas: int = Field(0, description="How many of them are ready.")
    selector: Text | None = Field(None, description="Label selector of the serving revision's pods.")
    reason: Text | None = Field(None, description="Why the rollout is where it is, as one CamelCase word.")
    message: Text | None = Field(None, description="Why, as a sentence.")


class ModelDeployment(Model):
    """Serves a version of a registered model with BentoML and follows the model to its next version."""

    metadata: ObjectMeta
    spec: ModelDeploymentSpec
    status: ModelDeploymentStatus = ModelDeploymentStatus()
