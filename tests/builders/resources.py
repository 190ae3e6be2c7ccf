"""The operator's own kinds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from modelcycle.api import API_VERSION
from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.api.trainingrun import TrainingRun
from modelcycle.api.trainingschedule import TrainingSchedule
from modelcycle.api.trainingsweep import TrainingSweep
from modelcycle.plan import Body
from modelcycle.serving import revision as revisions
from modelcycle.serving.revision import Revision

from tests.builders.base import DEFAULTS, MODEL, NAMESPACE, NOW, Built, ago, condition, stored, wire_time
from tests.builders.registry import a_version, path_of


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

    def whose_job_is(self, job: Built) -> Self:
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
