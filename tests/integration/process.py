"""The operator, in a thread of the test."""

import asyncio
import contextlib
import os
import threading
import urllib.request
from dataclasses import replace

from modelcycle.runtime import operator
from modelcycle.settings import Settings

from tests.integration.apiserver import ApiServer, free_ports
from tests.integration.kube import PATIENCE_SECONDS, eventually
from tests.integration.mlflow_server import MlflowServer

WEBHOOK_SECRET = "signed with this"


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
