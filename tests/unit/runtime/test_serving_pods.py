"""What serving pods say of their requests, from a real server on loopback."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from modelcycle.runtime.serving_pods import ServingPods, counted
from modelcycle.serving.observed import Traffic
from prometheus_client import CollectorRegistry, Counter, generate_latest

from tests.builders import a_serving_pod

POD = replace(a_serving_pod("v1-abc", "iris-0").ready().build(), ip="127.0.0.1")


def metrics(**codes: int) -> bytes:
    """As the serving image's own library writes them."""
    registry = CollectorRegistry()
    counter = Counter("modelcycle_requests", "Predictions.", ["model", "code"], registry=registry)
    other = Counter("bentoml_service_request", "Others.", ["code"], registry=registry)
    other.labels("500").inc(99)
    for code, count in codes.items():
        counter.labels("iris", code.removeprefix("_")).inc(count)
    return generate_latest(registry)


def test_errors_are_answers_from_500_on_and_who_has_no_token_does_not_count() -> None:
    assert counted(metrics(_200=7, _401=9, _422=2, _500=1, _503=1).decode()) == Traffic(11, 2)


def test_a_pod_that_has_answered_nothing_has_figures_all_the_same() -> None:
    assert counted(metrics().decode()) == Traffic(0, 0)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=metrics(_200=5, _500=1))

    app = web.Application()
    app.add_routes([web.get("/metrics", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_the_figures_of_all_pods_are_added_up(port: int) -> None:
    pods = ServingPods(port)
    assert await pods.traffic([POD, POD]) == Traffic(12, 2)
    await pods.close()


async def test_without_the_figures_of_one_pod_there_are_none(port: int) -> None:
    pods = ServingPods(port)
    assert await pods.traffic([POD, replace(POD, ip="")]) is None
    assert await pods.traffic([]) is None
    await pods.close()
    gone = ServingPods(1)
    assert await gone.traffic([POD]) is None
    await gone.close()
