"""Everybody else in the cluster: the job, deployment and endpoints controllers, kubelets, garbage collection.

Each looks at an object and offers what it would do next; the world decides who acts when.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from modelcycle.plan import REVISION_LABEL, VERSION_LABEL, Body
from modelcycle.pods import timestamp
from modelcycle.serving.manifests import PREPARE
from modelcycle.serving.proof import NEVER_SERVABLE, RESTARTS_MAX
from modelcycle.training.git import CONTAINER
from modelcycle.training.nodes import INDEX

from tests.builders.base import condition, merged, wire_time
from tests.builders.children import JobBuilder, PodBuilder
from tests.convergence.cluster import ApiServer, controller
from tests.convergence.crowding import is_crowded_out, what_is_said
from tests.convergence.registry import (
    CRASHES,
    ERRS,
    GOOD,
    INSTALL_SECONDS,
    INSTALLS,
    ODD,
    UNSERVABLE,
    MemoryRegistry,
)

Action = Callable[[], Any]
COMMIT = "c0ffee" * 6 + "cafe"


class Controllers:
    """
    Attributes:
        outcomes: by UID of the TrainingRun, how its Job ended and the version that its pod registered.
        gateway_works: whether the controller of the Gateway takes HTTPRoutes.
        crowded_out: the revisions of which a pod has had to wait for those of others.
    """

    def __init__(self, server: ApiServer, registry: MemoryRegistry) -> None:
        self.server = server
        self.registry = registry
        self.outcomes: dict[str, tuple[str, str | None]] = {}
        self.gateway_works = True
        self.crowded_out: set[str] = set()
        self._leads: dict[str, dict[str, int]] = {}

    def actions(self) -> list[Action]:
        """All that somebody would do now."""
        bodies = list(self.server.objects.values())
        living = {body["metadata"]["uid"] for body in bodies}
        offers = {
            "Job": self._job,
            "Deployment": self._deployment,
            "Service": self._service,
            "HTTPRoute": self._gateway,
            "Pod": self._kubelet,
        }
        actions: list[Action] = []
        for body in bodies:
            if controller(body) and controller(body) not in living:
                actions.append(partial(self.server.remove, body))
            elif offer := offers.get(body["kind"]):
                actions += offer(body)
        return actions

    def _change(self, body: Body, **change: Any) -> Action:
        return partial(self.server.update, merged(body, change))

    def _new_pod(self, owner: Body, name: str, labels: Mapping[str, str] | None = None) -> Action:
        """A ReplicaSet between a Deployment and its pods would add nothing here."""
        template, metadata = owner["spec"]["template"], owner["metadata"]
        reference = {
            "kind": owner["kind"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "controller": True,
        }
        pod = {
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": {**template["metadata"]["labels"], **(labels or {})},
                "ownerReferences": [reference],
            },
            "spec": template["spec"],
            "status": {"phase": "Pending"},
        }
        return partial(self.server.create, pod)

    def _job(self, job: Body) -> Iterator[Action]:
        if {"Complete", "Failed"} & conditions(job):
            return
        pods, wanted = self.server.owned("Pod", job), job["spec"].get("parallelism", 1)
        phases = [pod["status"]["phase"] for pod in pods]
        if drained := [pod for pod in pods if "DisruptionTarget" in conditions(pod)]:
            # That is no failure, and an evicted pod is gone once it is known.
            yield from (partial(self.server.remove, pod) for pod in drained)
        elif job["spec"].get("suspend"):
            yield from self._suspended(job, pods)
        elif "Suspended" in conditions(job):
            resumed = JobBuilder(job).running(self.server.now).with_status(conditions=[], active=0)
            yield partial(self.server.update, resumed.content)
        elif phases.count("Succeeded") == wanted:
            yield partial(self._end, job, JobBuilder(job).complete(at=self.server.now), pods)
        elif phases.count("Failed") > job["spec"]["backoffLimit"]:
            yield partial(self._end, job, JobBuilder(job).failed(at=self.server.now), pods)
        elif not job.get("status", {}).get("startTime"):
            yield self._change(job, status={"startTime": wire_time(self.server.now)})
        elif len(phases) - phases.count("Failed") < wanted:
            yield from self._make_pod(job, len(pods), {INDEX: str(len(pods))} if wanted > 1 else {})
        elif not job.get("status", {}).get("active"):
            yield self._change(job, status={"active": wanted})

    def _suspended(self, job: Body, pods: list[Body]) -> Iterator[Action]:
        going = [pod for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]
        yield from (partial(self.server.remove, pod) for pod in going)
        if not going and "Suspended" not in conditions(job):
            yield self._change(job, status={"active": 0, "conditions": [condition("Suspended")]})

    def _make_pod(self, job: Body, attempt: int, labels: Mapping[str, str]) -> Iterator[Action]:
        """Each has a name of its own, as the Job controller gives it; one that is refused makes an Event."""
        metadata = job["metadata"]
        if not self.server.refuses_pods:
            yield self._new_pod(job, f"{metadata['name']}-{self.server.version}-{attempt}", labels)
            return
        event: Body = {
            "kind": "Event",
            "metadata": {"name": f"refused-{metadata['uid']}"},
            "type": "Warning",
            "reason": "FailedCreate",
            "note": f"pods {metadata['name']}-{self.server.version} is forbidden: exceeded quota",
            "regarding": {"uid": metadata["uid"]},
            "eventTime": wire_time(self.server.now),
        }
        known = self.server.find("Event", event["metadata"]["name"])
        if known is None:
            yield partial(self.server.create, event)
        elif known["eventTime"] < job["status"]["startTime"]:
            yield self._change(known, eventTime=event["eventTime"])

    def _end(self, job: Body, ended: JobBuilder, pods: list[Body]) -> None:
        """What counts is what the pods of a Job that succeeded have registered. None goes on."""
        outcome = ended.content["status"]["conditions"][0]["type"]
        names = {pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Succeeded"}
        made = [version for run, version in self.registry.logged if run.pod in names and version]
        counted = made if outcome == "Complete" else []
        self.outcomes[controller(job)] = (outcome, str(counted[-1].number) if counted else None)
        self.server.update(ended.content)
        for pod in pods:
            if pod["status"]["phase"] in ("Pending", "Running"):
                self.server.remove(pod)

    def _deployment(self, deployment: Body) -> Iterator[Action]:
        pods, wanted = self.server.owned("Pod", deployment), deployment["spec"]["replicas"]
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(pods),
            "readyReplicas": sum(ready(pod) for pod in pods),
        }
        if deployment.get("status") != status:
            yield self._change(deployment, status=status)
        if len(pods) < wanted:
            yield self._new_pod(deployment, f"{deployment['metadata']['name']}-{self.server.version}")
        if len(pods) > wanted:
            yield partial(self.server.remove, min(pods, key=ready))

    def _service(self, service: Body) -> Iterator[Action]:
        name, selector = service["metadata"]["name"], service["spec"]["selector"].items()
        pods = [pod for pod in self.server.all("Pod") if selector <= pod["metadata"]["labels"].items()]
        endpoints = [
            {"targetRef": {"name": pod["metadata"]["name"]}, "conditions": {"ready": ready(pod)}}
            for pod in pods
        ]
        reference = {"kind": "Service", "name": name, "uid": service["metadata"]["uid"], "controller": True}
        known = self.server.find("EndpointSlice", name)
        if known is None:
            labels = {**service["metadata"]["labels"], "kubernetes.io/service-name": name}
            metadata = {"name": name, "labels": labels, "ownerReferences": [reference]}
            body = {"kind": "EndpointSlice", "metadata": metadata, "endpoints": endpoints}
            yield partial(self.server.create, body)
        elif known["endpoints"] != endpoints:
            yield self._change(known, endpoints=endpoints)

    def _gateway(self, route: Body) -> Iterator[Action]:
        """The controller of the Gateway says what it has taken, and leads requests so from then on."""
        if not route["spec"]:
            return
        (parent,) = route["spec"]["parentRefs"]
        backends = route["spec"]["rules"][0]["backendRefs"]
        found = all(self.server.find("Service", backend["name"]) for backend in backends)
        seen = {"observedGeneration": route["metadata"]["generation"], "message": ""}
        conditions = [
            {**seen, "type": "Accepted", "status": "True", "reason": "Accepted"},
            {**seen, "type": "ResolvedRefs", "status": str(found), "reason": "BackendNotFound"},
        ]
        status = {"parents": [{"parentRef": parent, "controllerName": "x", "conditions": conditions}]}
        if self.gateway_works and route.get("status") != status:
            yield partial(self._takes, route, {b["name"]: b["weight"] for b in backends}, status)

    def _takes(self, route: Body, weights: dict[str, int], status: Body) -> None:
        self._leads[route["metadata"]["uid"]] = weights
        self.server.update(merged(route, {"status": status}))

    def led_to(self, name: str) -> set[str]:
        """The Services that a Gateway leads requests for a ModelDeployment to."""
        route = self.server.find("HTTPRoute", name)
        weights = self._leads.get(route["metadata"]["uid"], {}) if route else {}
        return {service for service, weight in weights.items() if weight}

    def _kubelet(self, pod: Body) -> Iterator[Action]:
        trains = pod["metadata"]["ownerReferences"][0]["kind"] == "Job"
        if pod["status"]["phase"] == "Pending" and trains and self.server.full:
            if not pod["status"].get("conditions"):
                yield self._becomes(PodBuilder(pod).unschedulable())
        elif pod["status"]["phase"] == "Pending" and not trains and is_crowded_out(self.server, pod):
            self.crowded_out.add(pod["metadata"]["labels"][REVISION_LABEL])
            yield from what_is_said(self.server, pod)
        elif pod["status"]["phase"] == "Pending" and not trains and self._behaviour(pod) == INSTALLS:
            yield from self._installing(pod)
        elif pod["status"]["phase"] == "Pending":
            placed = PodBuilder(pod).but(status={"conditions": None})
            yield self._becomes(_initialized(placed).running().with_status(podIP="10.0.0.1"))
        elif trains:
            yield from self._training(pod)
        elif not ready(pod):
            yield from self._serving(pod)

    def _behaviour(self, pod: Body) -> str:
        return self.registry.behaviour[int(pod["metadata"]["labels"][VERSION_LABEL])]

    def _installing(self, pod: Body) -> Iterator[Action]:
        (prepare,) = pod["status"].get("initContainerStatuses") or (None,)
        if prepare is None:
            yield self._becomes(PodBuilder(pod).initializing(PREPARE, self.server.now))
        elif (
            self.server.now - timestamp(prepare["state"]["running"]["startedAt"])
        ).seconds >= INSTALL_SECONDS:
            yield self._becomes(PodBuilder(pod).initialized(PREPARE).running().with_status(podIP="10.0.0.1"))

    def _training(self, pod: Body) -> Iterator[Action]:
        """The pod's arguments say what each attempt does: logs, registers, fails, leaves its run open; its accuracy."""
        (container,) = pod["spec"]["containers"]
        attempt = int(pod["metadata"]["name"].rsplit("-", 1)[1])
        argument = container["args"][min(attempt, len(container["args"]) - 1)]
        for variable in container["env"]:
            argument = argument.replace(f"$({variable['name']})", variable.get("value", ""))
        does = argument.split()
        name = pod["metadata"]["name"]
        if pod["status"]["phase"] != "Running":
            return
        if "logs" in does and not self.registry.has_run_of(name):
            context = next(v["value"] for v in container["env"] if v["name"] == "MLFLOW_RUN_CONTEXT")
            tags = json.loads(context.replace("$(POD_NAME)", name))
            figure = next((float(word) for word in does if word[0] == "0"), None)
            yield partial(self.registry.log, tags, registers="registers" in does, figure=figure)
        else:
            yield partial(self._script_ends, pod, "fails" in does, "leaves" in does)

    def _script_ends(self, pod: Body, fails: bool, leaves: bool) -> None:
        if not leaves:
            self.registry.pod_ends(pod["metadata"]["name"], "FAILED" if fails else "FINISHED")
        self.server.update(PodBuilder(pod).ended(1 if fails else 0).content)

    def _serving(self, pod: Body) -> Iterator[Action]:
        behaviour = self._behaviour(pod)
        (container,) = pod["status"]["containerStatuses"]
        restarts = container["restartCount"]
        if behaviour in (GOOD, INSTALLS, ERRS, ODD):
            yield self._becomes(PodBuilder(pod).ready())
        elif behaviour == UNSERVABLE and not restarts:
            yield self._becomes(PodBuilder(pod).crashed(NEVER_SERVABLE, 1, "It is of no use."))
        elif behaviour == CRASHES and restarts <= RESTARTS_MAX:
            yield self._becomes(PodBuilder(pod).crashed(1, restarts + 1))

    def _becomes(self, pod: PodBuilder) -> Action:
        return partial(self.server.update, pod.content)


def conditions(body: Body) -> set[str]:
    """Those that are true."""
    return {c["type"] for c in body.get("status", {}).get("conditions", ()) if c["status"] == "True"}


def _initialized(pod: PodBuilder) -> PodBuilder:
    """What fetches a source from git leaves the commit."""
    fetches = any("envFrom" in container for container in pod.content["spec"].get("initContainers", ()))
    return pod.initialized(CONTAINER, message=COMMIT) if fetches else pod


def ready(pod: Body) -> bool:
    return "Ready" in conditions(pod)


def stumbled(pod: Body) -> Body:
    """A ready pod that is not any more."""
    return merged(pod, {"status": {"conditions": [condition("Ready", "False")]}})
