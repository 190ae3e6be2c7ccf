"""A real MLflow tracking server."""

import base64
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.integration.apiserver import free_ports
from tests.integration.kube import Body, eventually

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
