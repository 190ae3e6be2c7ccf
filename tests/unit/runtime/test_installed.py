"""Kinds that a cluster may lack, from a real server on loopback that answers as the API server does."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration
from modelcycle.runtime.cluster import Cluster
from modelcycle.runtime.installed import InstalledError, absent, wait_for
from modelcycle.runtime.resources import HTTP_ROUTES


class Discovery:
    """
    Attributes:
        kinds: those of the Gateway API that are there; None: its group is not.
        turns: the statuses of the next answers.
    """

    kinds: list[str] | None = None
    turns: list[int]

    def __init__(self) -> None:
        self.turns = []

    async def answer(self, _: web.Request) -> web.Response:
        status = self.turns.pop(0) if self.turns else 200 if self.kinds is not None else 404
        if status != 200:
            return web.Response(status=status, text="404 page not found")
        return web.json_response({"resources": [{"name": kind} for kind in self.kinds or ["httproutes"]]})


@pytest.fixture
def discovery() -> Discovery:
    return Discovery()


@pytest.fixture
async def cluster(discovery: Discovery) -> AsyncIterator[Cluster]:
    app = web.Application()
    app.add_routes([web.get("/apis/gateway.networking.k8s.io/v1", discovery.answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    connected = Cluster(ApiClient(Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")))
    yield connected
    await connected.close()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("kinds", "lacking"),
    [(None, (HTTP_ROUTES,)), (["gateways"], (HTTP_ROUTES,)), (["gateways", "httproutes"], ())],
)
async def test_what_the_api_server_does_not_know_is_absent(
    cluster: Cluster, discovery: Discovery, kinds: list[str] | None, lacking: tuple[object, ...]
) -> None:
    discovery.kinds = kinds
    assert await absent(cluster) == lacking


async def test_the_operator_starts_again_when_a_kind_has_come(cluster: Cluster, discovery: Discovery) -> None:
    discovery.turns = [503, 404, 200]
    with pytest.raises(InstalledError, match="HTTPRoute is installed now"):
        await wait_for(cluster, (HTTP_ROUTES,), period=0)
    assert discovery.turns == []


async def test_where_all_is_there_nothing_is_waited_for(cluster: Cluster) -> None:
    await wait_for(cluster, ())
