"""One test's namespace: a real API server and a real MLflow; the tests play kubelet and controllers."""

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes.dynamic.exceptions import NotFoundError

from tests.integration.apiserver import ApiServer, kubectl
from tests.integration.kube import Body, Kube, eventually
from tests.integration.mlflow_server import MlflowServer
from tests.integration.process import Operator


@dataclass
class World:
    """One test's own namespace in the shared world."""

    server: ApiServer
    kube: Kube
    mlflow: MlflowServer
    operator: Operator
    namespace: str

    def apply(self, kind: str, name: str, spec: Body) -> Body:
        body = {
            "apiVersion": "modelcycle.dev/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": spec,
        }
        return self.kube.create(body, self.namespace)

    def run(self, name: str, **spec: Any) -> Body:
        return self.apply("TrainingRun", name, spec)

    def deployment(self, name: str, model: Body, **spec: Any) -> Body:
        return self.apply("ModelDeployment", name, {"model": model, "keepPreviousSeconds": 10, **spec})

    def get(self, kind: str, name: str) -> Body:
        return self.kube.get(kind, self.namespace, name)

    def status(self, kind: str, name: str) -> Body:
        return self.get(kind, name).get("status") or {}

    def condition(self, kind: str, name: str, which: str) -> Body:
        return next((c for c in self.status(kind, name).get("conditions") or () if c["type"] == which), {})

    def claim(self, name: str = "mlruns") -> None:
        spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
        self.kube.create(
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec},
            self.namespace,
        )

    def job(self, name: str) -> Body:
        """The Job of a TrainingRun, once it is there."""
        return eventually(lambda: self.get("Job", name), f"Job {name}")

    def pod_of(self, owner: Body, name: str, **status: Any) -> Body:
        """Plays the controller: a pod from the owner's template, with the status given."""
        template = owner["spec"]["template"]
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": template["metadata"]["labels"],
                "ownerReferences": [
                    {**reference, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
                ],
            },
            "spec": {k: v for k, v in template["spec"].items() if v is not None},
        }
        made = self.kube.create(body, self.namespace)
        self.pod_status(name, **status)
        return made

    def pod_status(self, name: str, **status: Any) -> None:
        """Plays the kubelet."""
        self.kube.patch_status("Pod", self.namespace, name, status)

    def end_job(self, name: str, outcome: str, reason: str = "", succeeded: int = 1) -> None:
        """Plays the Job controller: Complete or Failed."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        met = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[outcome]
        count: Body = (
            {"succeeded": succeeded, "completionTime": at} if outcome == "Complete" else {"failed": 1}
        )
        condition: Body = {
            "status": "True",
            "lastTransitionTime": at,
            "reason": reason or outcome,
            "message": "",
        }
        conditions = [{**condition, "type": met}, {**condition, "type": outcome}]
        status = {"startTime": at, "active": 0, **count, "conditions": conditions}
        self.kube.patch_status("Job", self.namespace, name, status)

    def train_here(self, job: Body, pod: str, script: Path) -> None:
        """As run_here, by this interpreter; it has to succeed."""
        done = self.run_here(job, pod, sys.executable, script)
        assert done.returncode == 0, done.stderr

    def run_here(self, job: Body, pod: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Plays the kubelet: runs a command with the environment of the Job's container."""
        environment = {"POD_NAME": pod}
        for variable in job["spec"]["template"]["spec"]["containers"][0]["env"]:
            if variable.get("value") is not None:
                environment[variable["name"]] = variable["value"].replace("$(POD_NAME)", pod)
        return subprocess.run(
            command,
            env={**os.environ, **environment, "MLFLOW_DISABLE_TELEMETRY": "true"},
            capture_output=True,
            text=True,
            check=False,
        )

    def ready_pods(self, deployment: Body, count: int = 1) -> list[str]:
        """Plays the Deployment controller and the kubelet: pods that have become ready."""
        names = [f"{deployment['metadata']['name']}-{i}" for i in range(count)]
        for name in names:
            self.pod_of(deployment, name, **READY)
        self.count_ready(deployment, count)
        return names

    def count_ready(self, deployment: Body, count: int = 1) -> None:
        """Plays the Deployment controller."""
        counted = {"observedGeneration": 1, "replicas": count, "readyReplicas": count}
        self.kube.patch_status("Deployment", self.namespace, deployment["metadata"]["name"], counted)

    def endpoints(self, service: str, *pods: str) -> None:
        """Plays the EndpointSlice controller."""
        name = f"{service}-slice"
        with contextlib.suppress(NotFoundError):
            self.kube.delete("EndpointSlice", self.namespace, name)
        labels = self.get("Service", service)["metadata"]["labels"]
        body = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {**labels, "kubernetes.io/service-name": service}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 3000}],
            "endpoints": [
                {
                    "addresses": ["10.1.2.3"],
                    "conditions": {"ready": True},
                    "targetRef": {"kind": "Pod", "name": pod, "namespace": self.namespace},
                }
                for pod in pods
            ],
        }
        self.kube.create(body, self.namespace)

    def revision(self, name: str, version: int) -> Body:
        """The Deployment of a version, once it is there."""

        def look() -> Body | None:
            prefix = f"{name}-v{version}-"
            found = self.kube.list("Deployment", self.namespace)
            return next((d for d in found if d["metadata"]["name"].startswith(prefix)), None)

        return eventually(look, f"a Deployment of version {version}")

    def selected(self, name: str) -> str:
        """The revision that clients reach, or ""."""
        try:
            return str(self.get("Service", name)["spec"]["selector"]["modelcycle.dev/revision"])
        except NotFoundError:
            return ""

    def kubectl(
        self, *words: str, body: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """kubectl in this namespace, as the administrator."""
        return kubectl(self.server, "--namespace", self.namespace, *words, text=body, check=check)

    def events(self, name: str) -> set[str]:
        found = self.kube.list("Event", self.namespace)
        return {event["reason"] for event in found if event["involvedObject"]["name"] == name}


READY: Body = {
    "phase": "Running",
    "conditions": [{"type": "Ready", "status": "True"}],
    "containerStatuses": [
        {
            "name": "serve",
            "image": "",
            "imageID": "",
            "ready": True,
            "restartCount": 0,
            "state": {"running": {}},
        }
    ],
}


def container(name: str, restarts: int = 0, **state: Any) -> Body:
    """One entry of containerStatuses in a state: running={}, waiting={...} or terminated={...}."""
    status = {"name": name, "image": "", "imageID": "", "ready": False, "restartCount": restarts}
    return {**status, "state": state}
