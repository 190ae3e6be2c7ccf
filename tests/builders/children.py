"""What Kubernetes makes of them: Jobs, pods, Deployments and Services."""

from datetime import datetime
from typing import Any, Self

from modelcycle import pods
from modelcycle.plan import DEPLOYMENT_LABEL, MANAGED_BY, REVISION_LABEL, RUN_LABEL, Body
from modelcycle.pods import Pod
from modelcycle.serving import manifests as serving_manifests
from modelcycle.serving import observed as serving
from modelcycle.training import job as training_job
from modelcycle.training import observed as training

from tests.builders.base import DEFAULTS, NAMESPACE, NOW, Built, condition, stored, wire_time
from tests.builders.resources import (
    ModelDeploymentBuilder,
    TrainingRunBuilder,
    a_model_deployment,
    a_training_run,
)


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
