"""uvicorn around the edge: loads while it listens, drains on SIGTERM, ends with a verdict."""

import asyncio
import contextlib
import logging
import socket
import time
from pathlib import Path
from types import FrameType

import anyio.to_thread
import uvicorn
from starlette.applications import Starlette

from modelserver.edge import Edge
from modelserver.failures import NotServableNowError
from modelserver.folder import wait_for_model
from modelserver.settings import Settings

log = logging.getLogger(__name__)

# Above the idle time of usual proxies and client pools, so that they close first and no request meets a
# connection that is going away.
KEEP_ALIVE_SECONDS = 75


class Server(uvicorn.Server):
    """Serves one model; `failure` tells afterwards why it could not."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.edge = Edge(settings.model_name, settings.model_version)
        self.failure: Exception | None = None
        self._stop_at = float("inf")
        self._lifespan = contextlib.AsyncExitStack()
        super().__init__(
            uvicorn.Config(
                self.edge,
                lifespan="off",  # BentoML's own begins when the model is proven
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._bringing_up = asyncio.create_task(self._bring_up())

    async def _bring_up(self) -> None:
        began = time.monotonic()
        try:
            proven = await self._load_and_prove()
        except Exception as error:
            self.failure = error
            self.should_exit = True
            return
        log.info("ready after %.1f s: %s", time.monotonic() - began, proven)

    async def _load_and_prove(self) -> str:
        app = await anyio.to_thread.run_sync(_load, self.settings.model_path, abandon_on_cancel=True)
        limit = self.settings.self_test_timeout
        try:
            with anyio.fail_after(limit):
                proven = await anyio.to_thread.run_sync(_prove, abandon_on_cancel=True)
        except TimeoutError:
            raise NotServableNowError(
                f"The model did not answer its own input example within {limit:g} s. Give the pod more CPU, or "
                "raise MODELCYCLE_SELF_TEST_TIMEOUT_SECONDS."
            ) from None
        await self._lifespan.enter_async_context(app.router.lifespan_context(app))
        self.edge.app = app
        return proven

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Endpoints take a moment to forget this pod: until then it is unready and goes on answering.
        if self.edge.app is None or self.edge.draining:
            self.should_exit = True
        self.edge.draining = True
        self._stop_at = time.monotonic() + self.settings.drain_seconds

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or time.monotonic() >= self._stop_at

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        await self._lifespan.aclose()


def _load(folder: Path) -> Starlette:
    wait_for_model(folder)
    # These imports take seconds: /livez answers meanwhile.
    from modelserver.model import served

    served()
    from modelserver.service import ModelServer

    app: Starlette = ModelServer.to_asgi()  # type: ignore[attr-defined]  # its decorator made it a Service
    return app


def _prove() -> str:
    from modelserver.model import prove, served

    return prove(served())
