"""The integration tests' world: a real API server and a real MLflow; the tests play kubelet and controllers."""

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from kubernetes import client, config, dynamic
from kubernetes.dynamic.exceptions import NotFoundError
from modelcycle.runtime import operator
from modelcycle.settings import Settings

from tests.integration.apiserver import ApiServer, free_ports, kubectl

PATIENCE_SECONDS = 60
T = TypeVar("T")
Body = dict[str, Any]


def eventually(look: Callable[[], T | None], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Looks again and again until the answer is true; the time limit is for a test that has failed."""
    end = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < end:
        try:
            if seen := look():
                return seen
            last = seen
        except (NotFoundError, KeyError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}; last seen: {last!r}")


class Kube:
    """The API server, as its administrator; objects are plain dictionaries."""

    def __init__(self, server: ApiServer) -> None:
        loaded = client.Configuration()
        config.load_kube_config(str(server.admin), client_configuration=loaded)
        self.api = client.ApiClient(loaded)
        self._dynamic = dynamic.DynamicClient(self.api)

    def _resource(self, kind: str) -> Any:
        ours = ("TrainingRun", "TrainingSchedule", "TrainingSweep", "ModelDeployment")
        group = "modelcycle.dev/v1alpha1" if kind in ours else None
        known = {"Job": "batch/v1", "Deployment": "apps/v1", "EndpointSlice": "discovery.k8s.io/v1"}
        return self._dynamic.resources.get(api_version=group or known.get(kind, "v1"), kind=kind)

    def get(self, kind: str, namespace: str, name: str) -> Body:
        return cast(Body, self._resource(kind).get(name=name, namespace=namespace).to_dict())

    def list(self, kind: str, namespace: str) -> list[Body]:
        return cast("list[Body]", self._resource(kind).get(namespace=namespace).to_dict()["items"])

    def create(self, body: Body, namespace: str) -> Body:
        return cast(Body, self._resource(body["kind"]).create(body=body, namespace=namespace).to_dict())

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self._resource(kind).delete(name=name, namespace=namespace, body={"propagationPolicy": "Background"})

    def patch(self, kind: str, namespace: str, name: str, body: Body) -> Body:
        kinds = "application/merge-patch+json"
        resource = self._resource(kind)
        return cast(
            Body, resource.patch(name=name, namespace=namespace, body=body, content_type=kinds).to_dict()
        )

    def patch_status(self, kind: str, namespace: str, name: str, status: Body) -> None:
        resource = self._resource(kind)
        path = resource.path(name=name, namespace=namespace) + "/status"
        self._dynamic.request(
            "patch", path, body={"status": status}, content_type="application/merge-patch+json"
        )


WEBHOOK_SECRET = "signed with this"
# A Fernet key: 32 bytes, URL-safe base64.
ENCRYPTION_KEY = base64.urlsafe_b64encode(b"0123456789abcdef" * 2).decode()


@dataclass
class MlflowServer:
    """A real MLflow tracking server on loopback, SQLite and files in a folder of its own."""

    folder: Path
    port: int = field(default_factory=lambda: free_ports(1)[0])
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def mlruns(self) -> Path:
        return self.folder / "mlruns"

    def start(self) -> None:
        self.mlruns.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--workers", "1", "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"),
            *("--default-artifact-root", f"file://{self.mlruns}"),
            *("--serve-artifacts", "--artifacts-destination", f"file://{self.mlruns}"),
        ]
        environment = {
            **os.environ,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": ENCRYPTION_KEY,
        }
        with (self.folder / "mlflow.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        eventually(self._healthy, "MLflow answers", 120)

    def _healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "mlflow.log").read_text()[-2000:]
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    def stop(self) -> None:
        if self.process:
            os.killpg(self.process.pid, 15)
            self.process.wait(30)
            self.process = None

    def call(self, method: str, path: str, body: Body | None) -> Body:
        """One request to MLflow's REST API."""
        request = urllib.request.Request(
            f"{self.url}/api/2.0/mlflow/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return cast(Body, json.loads(answer.read()))

    def register(self, model: str, run_id: str = "") -> int:
        """A new version of a model, as a run, if not a new one, has logged it. Answers its number."""
        with contextlib.suppress(urllib.error.HTTPError):
            self.call("POST", "registered-models/create", {"name": model})
        run_id = run_id or self.call("POST", "runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
        run = self.call("GET", f"runs/get?run_id={run_id}", None)["run"]["info"]
        body = {"name": model, "source": f"{run['artifact_uri']}/model", "run_id": run["run_id"]}
        return int(self.call("POST", "model-versions/create", body)["model_version"]["version"])

    def begin_run(self, tags: dict[str, str], **metrics: float) -> str:
        """A run as a script begins it, and does not end it; its id."""
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        body = {"experiment_id": "0", "start_time": int(time.time() * 1000), "tags": pairs}
        run_id = str(self.call("POST", "runs/create", body)["run"]["info"]["run_id"])
        for key, value in metrics.items():
            metric = {"run_id": run_id, "key": key, "value": value, "timestamp": 1}
            self.call("POST", "runs/log-metric", metric)
        return run_id

    def run_status(self, run_id: str) -> str:
        return str(self.call("GET", f"runs/get?run_id={run_id}", {})["run"]["info"]["status"])

    def serves_at(self, model: str, version: int) -> str:
        """What the tags of a version tell of where it serves."""
        found = self.call("GET", f"model-versions/get?name={model}&version={version}", None)["model_version"]
        ours = [tag["value"] for tag in found.get("tags", ()) if tag["key"].startswith("modelcycle.serving.")]
        return "; ".join(ours)

    def artifact(self, run_id: str, path: str) -> bytes:
        """A file among a run's artifacts."""
        uri = str(self.call("GET", f"runs/get?run_id={run_id}", {})["run"]["info"]["artifact_uri"])
        return (Path(uri.removeprefix("file://")) / path).read_bytes()

    def point(self, model: str, alias: str, version: int) -> None:
        """Sets an alias."""
        self.call("POST", "registered-models/alias", {"name": model, "alias": alias, "version": str(version)})


class Operator:
    """The real operator, with kopf, in a thread of this process."""

    def __init__(self, server: ApiServer, mlflow: MlflowServer, namespaces: tuple[str, ...] = ()) -> None:
        self._kubeconfig = str(server.operator)
        self.settings = Settings(
            tracking_uri=mlflow.url,
            train_image="train:test",
            serve_image="serve:test",
            mount_path=str(mlflow.mlruns),
            ui_url="https://mlflow.example.org",
            namespaces=namespaces,
            poll_seconds=0.5,
            orphan_sweep_seconds=0.5,
            port=free_ports(1)[0],
            namespace="modelcycle",
            lease_name="modelcycle-operator",
            webhook_secret=WEBHOOK_SECRET,
            pod_name="test",
        )
        self.settings = replace(self.settings, webhook_url=f"http://127.0.0.1:{self.settings.port}/nudge")
        self._thread: threading.Thread | None = None
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def start(self) -> None:
        started = threading.Event()
        os.environ["KUBECONFIG"] = self._kubeconfig
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(started)), daemon=True)
        self._thread.start()
        assert started.wait(PATIENCE_SECONDS), "the operator did not start"
        eventually(self.ready, "the operator is ready")

    async def _main(self, started: threading.Event) -> None:
        stop, ready = asyncio.Event(), asyncio.Event()
        self._stop = (asyncio.get_running_loop(), stop)
        started.set()
        await operator.run(self.settings, stop, ready)

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.settings.port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def ready(self) -> bool:
        with contextlib.suppress(OSError):
            return self.get("/readyz") == "ok"
        return False

    def stop(self) -> None:
        assert self._stop is not None
        assert self._thread is not None
        loop, stop = self._stop
        loop.call_soon_threadsafe(stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive(), "the operator did not stop"


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


@contextlib.contextmanager
def audited(server: ApiServer) -> Iterator[Callable[[], list[Body]]]:
    """Collects what the operator's user asked of the API server meanwhile: call the answer for the entries."""
    start = server.audit.stat().st_size

    def entries() -> list[Body]:
        with server.audit.open() as log:
            log.seek(start)
            found = [json.loads(line) for line in log if line.endswith("\n")]
        # Discovery is about no object.
        return [entry for entry in found if "objectRef" in entry]

    yield entries


def writes(entries: list[Body]) -> list[str]:
    """verb and resource of each write that was carried out, Events and the Lease aside."""
    changing = ("create", "update", "patch", "delete")
    out = []
    for entry in entries:
        about = entry["objectRef"]
        done = entry["responseStatus"]["code"] < 300
        if done and entry["verb"] in changing and about["resource"] not in ("events", "leases"):
            sub = f"/{about['subresource']}" if about.get("subresource") else ""
            out.append(f"{entry['verb']} {about['resource']}{sub}")
    return out
