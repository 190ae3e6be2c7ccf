"""uvicorn around the edge: loads while it listens, drains on SIGTERM, ends with a verdict."""

import asyncio
import contextlib
import gc
import logging
import socket
import sys
import time
from pathlib import Path
from types import FrameType

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette

from modelserver import metrics
from modelserver.cpus import alone
from modelserver.edge import Edge
from modelserver.failures import SelfTestTooSlowError
from modelserver.folder import wait_for_model
from modelserver.gate import gate
from modelserver.imports import one_at_a_time
from modelserver.model import Model, prove, served
from modelserver.requestlog import RequestLog
from modelserver.settings import Settings, of_process
from modelserver.tokens import Guard
from modelserver.tracing import flush, trace_bentoml
from modelserver.workers import Company

log = logging.getLogger(__name__)

# Above the idle time of usual proxies and client pools, so that they close first and no request meets a
# connection that is going away.
KEEP_ALIVE_SECONDS = 75
# Turns of Python's threads while BentoML is imported, in seconds.
BRIEFLY = 0.0005


class Server(uvicorn.Server):
    """Serves one model; `failure` tells afterwards why it could not. Raises NotServableNowError without a token."""

    def __init__(self, settings: Settings, company: Company | None = None) -> None:
        self.settings = settings
        self._company = company
        sample = settings.request_log_sample
        log = RequestLog(sample, settings.request_log_file) if sample else None
        guard = Guard(settings.token_file, settings.own_digest) if settings.token_file else None
        self.edge = Edge(settings.model_name, settings.model_version, settings.max_body_bytes, log, guard)
        self.failure: Exception | None = None
        self._stop_at = float("inf")
        self._lifespan = contextlib.AsyncExitStack()
        super().__init__(
            uvicorn.Config(
                self.edge,
                lifespan="off",  # BentoML's own begins when it has come up
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tasks = [asyncio.create_task(self._bring_up())]
        if self._company:
            self._tasks.append(asyncio.create_task(self._leave_with_parent(self._company)))

    async def _bring_up(self) -> None:
        began = time.monotonic()
        try:
            proven = await self._load_and_prove()
            alone()  # what runs on the event loop itself is short
            if self._company:
                log.info("proven, and waits for the others: a probe meets any of them")
                await self._company.proven()
            self.edge.bentoml = asyncio.get_running_loop().create_future()
            self.edge.model = self._model
            log.info("ready after %.1f s: %s", time.monotonic() - began, proven)
            self.edge.bentoml.set_result(await self._bring_up_bentoml())
        except Exception as error:
            self.failure = error
            self.should_exit = True

    async def _load_and_prove(self) -> str:
        self._model = await anyio.to_thread.run_sync(_load, self.settings.model_path, abandon_on_cancel=True)
        limit = self.settings.self_test_timeout
        try:
            with anyio.fail_after(limit):
                return await anyio.to_thread.run_sync(_prove, abandon_on_cancel=True)
        except TimeoutError:
            raise SelfTestTooSlowError(
                f"The model did not answer its own input example within {limit:g} s. Give the pod more CPU, or "
                "raise selfTest.timeoutSeconds."
            ) from None

    async def _leave_with_parent(self, company: Company) -> None:
        await company.orphaned()
        self.should_exit = True

    async def _bring_up_bentoml(self) -> Starlette:
        # After readiness, as its import takes as long as the model's: predictions do not wait for it, and with
        # short turns they hardly feel it.
        interval = sys.getswitchinterval()
        sys.setswitchinterval(BRIEFLY)
        try:
            app = await anyio.to_thread.run_sync(_import_bentoml, abandon_on_cancel=True)
        finally:
            sys.setswitchinterval(interval)
        await self._lifespan.enter_async_context(app.router.lifespan_context(app))
        # What is loaded now stays: the collector need not look at it again, which took 150 ms a time.
        gc.collect()
        gc.freeze()
        return app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Endpoints take a moment to forget this pod: until then it is unready and goes on answering.
        if self.edge.model is None or self.edge.draining:
            self.should_exit = True
        self.edge.draining = True
        self._stop_at = time.monotonic() + self.settings.drain_seconds

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or time.monotonic() >= self._stop_at

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        await self._lifespan.aclose()
        await anyio.to_thread.run_sync(flush)


def _load(folder: Path) -> Model:
    wait_for_model(folder)
    # Its library's import takes seconds: /livez answers meanwhile.
    model = served()
    gc.freeze()
    return model


def _prove() -> str:
    proven = prove(served(), of_process().self_test)
    model, settings = served(), of_process()
    # The self-test is no request: what it asked is not counted, and waits for nobody.
    model.count_rows = metrics.rows.labels(settings.model_name, settings.model_version).observe
    if settings.batch_max_rows:
        model.batch(settings.batch_max_rows, settings.batch_max_latency)
    else:
        gate().proven_in(model.seconds)
    return proven


def _import_bentoml() -> Starlette:
    with one_at_a_time:
        trace_bentoml()
        from modelserver.service import ModelServer

    app: Starlette = ModelServer.to_asgi()  # type: ignore[attr-defined]  # its decorator made it a Service
    return app
