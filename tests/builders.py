"""Builders of everything that the tests talk about: `a_training_run().expecting("iris").finished()`.

Each step answers a new builder and leaves the old one as it was. `.body()` is the object as the API server
sends it; `.build()` is what the operator makes of that body, by its own projections. Times are relative to NOW.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from modelcycle import pods
from modelcycle.api import API_VERSION, GROUP
from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.api.trainingrun import TrainingRun
from modelcycle.api.trainingschedule import TrainingSchedule
from modelcycle.api.trainingsweep import TrainingSweep
from modelcycle.defaults import Defaults
from modelcycle.errand import Outcome
from modelcycle.plan import DEPLOYMENT_LABEL, MANAGED_BY, REVISION_LABEL, RUN_LABEL, Body, Refusal
from modelcycle.pods import Pod, Told
from modelcycle.registry import Files, Origin, RegisteredModel, Resolution, Version
from modelcycle.serving import manifests as serving_manifests
from modelcycle.serving import observed as serving
from modelcycle.serving import revision as revisions
from modelcycle.serving.revision import Revision
from modelcycle.training import job as training_job
from modelcycle.training import observed as training

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NAMESPACE = "team"
MODEL = "iris"
CLUSTER = "cluster-uid"

DEFAULTS = Defaults(
    tracking_uri="http://mlflow:5000",
    ui_url="https://mlflow.example.org",
    train_image="modelcycle/train:1",
    serve_image="modelcycle/serve:1",
    image_pull_policy="IfNotPresent",
    claim_name="mlruns",
    mount_path="/mlruns",
    registry_secret="",
    cluster=CLUSTER,
)


def ago(seconds: float) -> datetime:
    """A time before NOW; with negative seconds, one after it."""
    return NOW - timedelta(seconds=seconds)


def wire_time(at: datetime) -> str:
    """As Kubernetes writes times."""
    return at.isoformat().replace("+00:00", "Z")


def merged(body: Body, change: Mapping[str, Any]) -> Body:
    """The body with a JSON merge patch applied, objects deeply, everything else replaced; None removes."""
    out = dict(body)
    for key, value in change.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, Mapping):
            below = out.get(key)
            out[key] = merged(below if isinstance(below, dict) else {}, value)
        else:
            out[key] = value
    return out


def stored(body: Body, uid: str = "", version: int = 1, created: datetime = NOW) -> Body:
    """What the API server answers to a POST of the body."""
    metadata = {
        "uid": uid or f"{body['kind'].lower()}-{body['metadata']['name']}-uid",
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": wire_time(created),
    }
    return merged(body, {"metadata": metadata})


def condition(kind: str, status: str = "True", reason: str = "Because", since: datetime = NOW) -> Body:
    """A condition on the wire."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "",
        "lastTransitionTime": wire_time(since),
    }


@dataclass(frozen=True)
class Built:
    """An object under construction."""

    content: Body

    def body(self) -> Body:
        """As the API server sends it; a copy that may be changed."""
        return deepcopy(self.content)

    def but(self, **change: Any) -> Self:
        """With a JSON merge patch applied."""
        return replace(self, content=merged(self.content, change))

    def named(self, name: str) -> Self:
        return self.but(metadata={"name": name})

    def in_namespace(self, namespace: str) -> Self:
        return self.but(metadata={"namespace": namespace})

    def with_uid(self, uid: str) -> Self:
        return self.but(metadata={"uid": uid})

    def of_version(self, resource_version: int) -> Self:
        return self.but(metadata={"resourceVersion": str(resource_version)})

    def of_generation(self, generation: int) -> Self:
        return self.but(metadata={"generation": generation})

    def created(self, at: datetime) -> Self:
        return self.but(metadata={"creationTimestamp": wire_time(at)})

    def labelled(self, labels: Mapping[str, str]) -> Self:
        return self.but(metadata={"labels": labels})

    def owned_by(self, kind: str, name: str, uid: str) -> Self:
        owner = {"apiVersion": API_VERSION, "kind": kind, "name": name, "uid": uid, "controller": True}
        return self.but(metadata={"ownerReferences": [owner]})

    def deleting(self, at: datetime = NOW) -> Self:
        return self.but(metadata={"deletionTimestamp": wire_time(at)})

    def with_spec(self, **fields: Any) -> Self:
        """Fields of spec by their names on the wire."""
        return self.but(spec=fields)

    def with_status(self, **fields: Any) -> Self:
        """Fields of status by their names on the wire."""
        return self.but(status=fields)


class TrainingRunBuilder(Built):
    def build(self) -> TrainingRun:
        return TrainingRun.model_validate(self.body())

    def in_image(self, image: str) -> Self:
        return self.with_spec(image=image)

    def with_params(self, **params: str) -> Self:
        return self.with_spec(params=params)

    def with_tags(self, tags: Mapping[str, str]) -> Self:
        return self.with_spec(tags=tags)

    def from_config_map(self, name: str) -> Self:
        return self.with_spec(source={"configMap": {"name": name}})

    def from_git(self, url: str = "https://example.org/flowers.git", **more: str) -> Self:
        """more: the other fields of source.git, by their names on the wire."""
        return self.with_spec(source={"git": {"url": url, **more}})

    def on_claim(self, name: str) -> Self:
        return self.with_spec(storage={"claimName": name})

    def on_nodes(self, nodes: int) -> Self:
        return self.with_spec(nodes=nodes)

    def overlaid(self, metadata: Body | None = None, **spec: Any) -> Self:
        """spec.podTemplate, with nulls as they are."""
        made = self.with_spec()
        made.content["spec"]["podTemplate"] = {"metadata": metadata or {}, "spec": spec}
        return made

    def in_queue(self, queue: str) -> Self:
        """Kueue decides when it runs."""
        return self.labelled({"kueue.x-k8s.io/queue-name": queue})

    def expecting(self, model: str = MODEL) -> Self:
        """spec.model: the registered model that the run is expected to make a version of."""
        return self.with_spec(model={"name": model})

    def whose_job_is(self, job: "JobBuilder") -> Self:
        """status names the Job, as it does from the first status write on."""
        metadata = job.content["metadata"]
        return self.with_status(jobName=metadata["name"], jobUID=metadata["uid"])

    def finished(self, kind: str = "Complete", reason: str = "JobComplete") -> Self:
        conditions = [condition(kind, reason=reason), condition("Finished", reason=kind)]
        phase = "Succeeded" if kind == "Complete" else "Failed"
        return self.with_status(
            phase=phase, reason=reason, conditions=conditions, completionTime=wire_time(NOW)
        )


def a_training_run(name: str = "iris-1") -> TrainingRunBuilder:
    """One that nobody has looked at yet."""
    body = {
        "apiVersion": API_VERSION,
        "kind": "TrainingRun",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"backoffLimit": 0},
    }
    return TrainingRunBuilder(stored(body, uid=f"{name}-uid"))


class TrainingScheduleBuilder(Built):
    def build(self) -> TrainingSchedule:
        return TrainingSchedule.model_validate(self.body())

    def a_run(self, due: datetime) -> TrainingRunBuilder:
        """The TrainingRun that it has made at a time."""
        name, uid = self.content["metadata"]["name"], self.content["metadata"]["uid"]
        run = a_training_run(f"{name}-{int(due.timestamp()) // 60}").created(due)
        return run.owned_by("TrainingSchedule", name, uid)


def a_training_schedule(name: str = "nightly", schedule: str = "0 * * * *") -> TrainingScheduleBuilder:
    """An hourly one, that was made a day ago and nobody has looked at yet."""
    body = {
        "apiVersion": API_VERSION,
        "kind": "TrainingSchedule",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"schedule": schedule, "template": {"spec": {"args": ["logs registers"]}}},
    }
    return TrainingScheduleBuilder(stored(body, created=ago(86400)))


class TrainingSweepBuilder(Built):
    def build(self) -> TrainingSweep:
        return TrainingSweep.model_validate(self.body())

    def promoting(self, *rules: Body) -> Self:
        model = {"name": MODEL, "promote": {"alias": "champion", "when": list(rules)}}
        return self.with_spec(template={"spec": {"model": model}})

    def a_run(self, index: int, outcome: str = "", **metrics: float) -> TrainingRunBuilder:
        """A TrainingRun that it has made: under way, or Complete or Failed. Its version is 100 + index."""
        name, uid = self.content["metadata"]["name"], self.content["metadata"]["uid"]
        run = a_training_run(f"{name}-{index}").owned_by("TrainingSweep", name, uid)
        if not outcome:
            return run
        run = run.finished(outcome, "JobComplete" if outcome == "Complete" else "CommandFailed")
        if outcome == "Failed":
            return run.with_status(message="The command ended with exit code 1.")
        registered = [*run.content["status"]["conditions"], condition("ModelRegistered")]
        listed = [{"name": name, "value": str(value)} for name, value in metrics.items()]
        number = 100 + index
        return run.with_status(
            metrics=listed, version=str(number), runId=f"run-{number}", conditions=registered
        )


def a_training_sweep(name: str = "tune") -> TrainingSweepBuilder:
    """A grid of four points for accuracy, one run after another, that nobody has looked at yet."""
    body = {
        "apiVersion": API_VERSION,
        "kind": "TrainingSweep",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "params": {"C": {"values": ["1", "2", "3", "4"]}},
            "objective": {"metric": "accuracy", "higherIsBetter": True},
            "parallelism": 1,
            "template": {"spec": {"model": {"name": MODEL}, "params": {"C": "0", "seed": "7"}}},
        },
    }
    return TrainingSweepBuilder(stored(body))


class ModelDeploymentBuilder(Built):
    def build(self) -> ModelDeployment:
        return ModelDeployment.model_validate(self.body())

    def following_alias(self, alias: str, model: str = MODEL) -> Self:
        return self._following(model, alias=alias)

    def following_version(self, version: int | str, model: str = MODEL) -> Self:
        return self._following(model, version=version)

    def following_latest(self, model: str = MODEL) -> Self:
        return self._following(model, latest={})

    def _following(self, model: str, **reference: Any) -> Self:
        nothing = {"alias": None, "version": None, "latest": None}
        return self.with_spec(model={"name": model} | nothing).with_spec(model=reference)

    def with_replicas(self, replicas: int) -> Self:
        return self.with_spec(replicas=replicas)

    def on_claim(self, name: str) -> Self:
        return self.with_spec(storage={"claimName": name})

    def revision(self, number: int) -> Revision:
        """The revision of a version of MODEL, as this object's spec shapes it."""
        version = a_version(number)
        name = revisions.name(self.build(), DEFAULTS, version)
        return Revision(name, version, path_of(number), "")


def a_model_deployment(name: str = "iris") -> ModelDeploymentBuilder:
    """One that follows iris@champion with one replica, and that nobody has looked at yet."""
    body = {
        "apiVersion": API_VERSION,
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "model": {"name": MODEL, "alias": "champion"},
            "replicas": 1,
            "strategy": {"type": "BlueGreen"},
            "progressDeadlineSeconds": 600,
            "keepPreviousSeconds": 60,
        },
    }
    return ModelDeploymentBuilder(stored(body, uid=f"{name}-uid"))


class JobBuilder(Built):
    def build(self) -> training.Job:
        return training.project_job(self.body())

    def suspended(self) -> Self:
        """As its spec wants it, and its controller has done it."""
        return self.with_spec(suspend=True).with_status(active=0, conditions=[condition("Suspended")])

    def queued(self, queue: str = "gpus") -> Self:
        """Under Kueue."""
        return self.labelled({training.QUEUE_LABEL: queue})

    def running(self, since: datetime = NOW) -> Self:
        return self.with_status(startTime=wire_time(since), active=1)

    def complete(self, since: datetime = NOW, at: datetime = NOW) -> Self:
        ended = condition("Complete", reason="CompletionsReached", since=at)
        return self.with_status(
            startTime=wire_time(since), active=0, completionTime=wire_time(at), conditions=[ended]
        )

    def failed(
        self,
        reason: str = "BackoffLimitExceeded",
        message: str = "Job has reached the specified backoff limit",
        since: datetime = NOW,
        at: datetime = NOW,
    ) -> Self:
        ended = condition("Failed", reason=reason, since=at) | {"message": message}
        return self.with_status(startTime=wire_time(since), active=0, conditions=[ended])


def a_job(run: TrainingRunBuilder | None = None, uid: str = "job-uid") -> JobBuilder:
    """The Job of a run, as it is just after it was made."""
    run = run or a_training_run()
    return JobBuilder(stored(training_job.job(run.build(), DEFAULTS), uid=uid))


class PodBuilder(Built):
    """A pod with one container, "main"."""

    def build(self) -> Pod:
        return pods.project(self.body())

    def running(self) -> Self:
        return self._in_phase("Running", state={"running": {"startedAt": wire_time(NOW)}})

    def ready(self) -> Self:
        return self.running()._with_condition(condition("Ready"))

    def waiting(self, reason: str, message: str = "") -> Self:
        return self._in_phase("Pending", state={"waiting": {"reason": reason, "message": message}})

    def unschedulable(self, message: str = "0/1 nodes are available: 1 Insufficient cpu.") -> Self:
        said = condition("PodScheduled", "False", "Unschedulable") | {"message": message}
        return self._with_condition(said)

    def ended(self, exit_code: int, message: str = "", reason: str = "", at: datetime | None = None) -> Self:
        """Its container ended for good, as a Job's does."""
        phase = "Failed" if exit_code else "Succeeded"
        terminated = _terminated(exit_code, message, reason)
        return self._in_phase(
            phase, state={"terminated": terminated | ({"finishedAt": wire_time(at)} if at else {})}
        )

    def crashed(self, exit_code: int, times: int = 1, message: str = "", reason: str = "") -> Self:
        """Its container ended and waits to be started again, as a Deployment's does."""
        waiting = {
            "waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}
        }
        last = {"terminated": _terminated(exit_code, message, reason)}
        return self._in_phase("Running", state=waiting, lastState=last, restartCount=times)

    def initialized(self, name: str, exit_code: int = 0, message: str = "") -> Self:
        """An init container has ended; with another exit code than 0, for good, and the pod with it."""
        ended = {"name": name, "state": {"terminated": _terminated(exit_code, message, "")}}
        failed = {"phase": "Failed"} if exit_code else {}
        return self.with_status(initContainerStatuses=[ended], **failed)

    def initializing(self, name: str, since: datetime = NOW) -> Self:
        """An init container runs."""
        running = {"name": name, "restartCount": 0, "state": {"running": {"startedAt": wire_time(since)}}}
        return self.with_status(initContainerStatuses=[running])

    def evicted(self, message: str = "The node was low on resource: memory.") -> Self:
        return self.but(status={"phase": "Failed", "reason": "Evicted", "message": message})

    def disrupted(self) -> Self:
        """A drain ends it."""
        return self._with_condition(condition("DisruptionTarget", reason="EvictionByEvictionAPI"))

    def on_node(self, node: str) -> Self:
        return self.with_spec(nodeName=node)

    def _in_phase(self, phase: str, **container: Any) -> Self:
        statuses = [{"name": "main", "restartCount": 0, **container}]
        return self.with_status(phase=phase, containerStatuses=statuses)

    def _with_condition(self, said: Body) -> Self:
        known = self.content.get("status", {}).get("conditions", [])
        return self.with_status(conditions=[*(c for c in known if c["type"] != said["type"]), said])


def _terminated(exit_code: int, message: str, reason: str) -> Body:
    return {
        "exitCode": exit_code,
        "reason": reason or ("Error" if exit_code else "Completed"),
        "message": message,
    }


def a_pod(name: str = "pod-1") -> PodBuilder:
    """One that has just been made."""
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {}},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Pending"},
    }
    return PodBuilder(stored(body))


def a_job_pod(name: str = "iris-1-abcde", job_uid: str = "job-uid", run: str = "iris-1") -> PodBuilder:
    return a_pod(name).labelled({**MANAGED_BY, RUN_LABEL: run}).owned_by("Job", run, job_uid)


def a_node_pod(rank: int, name: str = "") -> PodBuilder:
    """The pod of one of several nodes."""
    pod = a_job_pod(name or f"iris-1-{rank}-abcde")
    return pod.labelled({"batch.kubernetes.io/job-completion-index": str(rank)})


def a_serving_pod(revision: str, name: str = "", deployment: str = "iris") -> PodBuilder:
    """A pod of one revision. Named after the revision, unless it is given another name."""
    labels = {**MANAGED_BY, DEPLOYMENT_LABEL: deployment, REVISION_LABEL: revision}
    return a_pod(name or f"{deployment}-{revision}-0").labelled(labels)


class RevisionDeploymentBuilder(Built):
    def build(self) -> serving.RevisionDeployment:
        return serving.project_deployment(self.body())

    def with_replicas(self, replicas: int) -> Self:
        return self.with_spec(replicas=replicas).counting(replicas)

    def counting(self, ready: int, generation: int = 1) -> Self:
        """So many pods are ready, says its controller, which has seen this generation of it."""
        return self.with_status(observedGeneration=generation, readyReplicas=ready)

    def without_pods_because(self, message: str) -> Self:
        """Its pods are refused, by a quota or by pod security."""
        said = condition("ReplicaFailure", reason="FailedCreate") | {"message": message}
        return self.with_status(conditions=[said])


def a_revision_deployment(
    deployment: ModelDeploymentBuilder | None = None, number: int = 1
) -> RevisionDeploymentBuilder:
    """The apps/v1 Deployment that serves a version of MODEL. Its controller counts all its pods as ready."""
    deployment = deployment or a_model_deployment()
    made = deployment.build()
    revision = deployment.revision(number)
    body = serving_manifests.revision_deployment(made, DEFAULTS, revision, made.spec.replicas)
    return RevisionDeploymentBuilder(stored(body)).counting(body["spec"]["replicas"])


class ClientServiceBuilder(Built):
    def build(self) -> serving.ClientService:
        return serving.project_service(self.body())


def a_client_service(
    deployment: ModelDeploymentBuilder | None = None, number: int = 1
) -> ClientServiceBuilder:
    """The Service that clients use, with a selector that names the revision of a version."""
    deployment = deployment or a_model_deployment()
    revision = deployment.revision(number).name
    return ClientServiceBuilder(stored(serving_manifests.client_service(deployment.build(), revision)))


def a_version(number: int = 1, name: str = MODEL, status: str = "READY") -> Version:
    """A model version whose MLflow run is run-<number>."""
    return Version(
        name=name,
        number=number,
        created=1_700_000_000_000 + number,
        source=f"models:/m-{number}",
        run_id=f"run-{number}",
        status=status,
    )


def path_of(number: int) -> str:
    """Where the files of a version of MODEL lie."""
    return f"/mlruns/1/models/m-{number}/artifacts"


def a_registered_model(*versions: Version, name: str = MODEL, **aliases: int) -> RegisteredModel:
    return RegisteredModel(name, aliases, versions)


def an_mlflow_run(
    run_id: str = "run-1",
    start: int = 1,
    parent: str = "",
    pod: str = "iris-1-abcde",
    status: str = "FINISHED",
    commit: str = "",
    **metrics: float,
) -> training.MlflowRun:
    """A run in MLflow that a pod of a Job started. start: milliseconds since the epoch."""
    return training.MlflowRun(run_id, f"name of {run_id}", status, start, parent, pod, metrics, commit=commit)


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
