"""/livez, /readyz, /metrics, and /nudge for MLflow's webhook."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from modelcycle.runtime.echo import Echo
from modelcycle.runtime.nudges import Nudges


async def serve(
    port: int, echo: Echo, ready: Callable[[], bool], nudges: Nudges, acting: Callable[[], bool]
) -> web.AppRunner:
    """Starts the server on all addresses of the pod; the caller cleans the runner up."""

    async def livez(_: web.Request) -> web.Response:
        if deaf := echo.deaf_to():
            text = f"a write of {deaf} has not come back through the watch: the watch is deaf"
            return web.Response(status=500, text=text)
        return web.Response(text="ok")

    async def readyz(_: web.Request) -> web.Response:
        return (
            web.Response(text="ok")
            if ready()
            else web.Response(status=503, text="not all resources are seen yet")
        )

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def nudge(request: web.Request) -> web.Response:
        return await nudges.take(request, acting())

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    app.add_routes([web.post("/nudge", nudge)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, None, port).start()
    return runner
