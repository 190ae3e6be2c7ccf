"""What serving pods say of their requests, from a real server on loopback."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web
from modelcycle.errand import Answer
from modelcycle.runtime.examples import Rows
from modelcycle.runtime.serving_pods import PROBE_HEADER, NoAnswerError, ServingPods, counted
from modelcycle.serving.observed import Traffic
from prometheus_client import CollectorRegistry, Counter, generate_latest

from tests.builders.children import a_serving_pod

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


def test_errors_are_answers_from_500_on_and_a_client_s_own_mistakes_do_not_count() -> None:
    assert counted(metrics(_200=7, _401=9, _422=2, _499=3, _500=1, _503=1).decode()) == Traffic(9, 2)


def test_a_pod_that_has_answered_nothing_has_figures_all_the_same() -> None:
    assert counted(metrics().decode()) == Traffic(0, 0)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A pod's own server."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=metrics(_200=5, _500=1))

    async def predict(request: web.Request) -> web.Response:
        """As the test's rows say: status and body. The headers come back as a prediction."""
        status, _, said = (await request.text()).partition(" ")
        headers = [request.headers[name] for name in ("Content-Type", PROBE_HEADER, "Authorization")]
        said = said or json.dumps({"predictions": headers})
        return web.Response(status=int(status), text=said)

    app = web.Application()
    app.add_routes([web.get("/metrics", answer), web.post("/invocations", predict)])
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


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("200", Answer(200, ["text/csv", "parity", "Bearer secret"])),
        ("422 no  such\ncolumn", Answer(422, said="no such column")),
        ("500 " + 1000 * "x", Answer(500, said=300 * "x")),
    ],
)
async def test_a_pod_is_asked_as_a_client_would_and_the_request_says_what_for(
    port: int, said: str, answer: Answer
) -> None:
    pods = ServingPods(port)
    assert await pods.predict(POD, Rows(said.encode(), "text/csv"), "parity", "secret") == answer
    await pods.close()


@pytest.mark.parametrize(
    "said", ["401", "503", "504 late", "200 no JSON", "200 []", '200 {"labels": [1]}', "200 " + 10**5 * "["]
)
async def test_what_is_no_answer_may_be_one_later(port: int, said: str) -> None:
    pods = ServingPods(port)
    with pytest.raises(NoAnswerError, match="Pod iris-0 answers"):
        await pods.predict(POD, Rows(said.encode(), "text/csv"), "canary", "secret")
    await pods.close()


async def test_a_pod_that_is_gone_does_not_answer() -> None:
    pods = ServingPods(1)
    with pytest.raises(NoAnswerError, match="Pod iris-0 does not answer"):
        await pods.predict(POD, Rows(b"200", "text/csv"), "canary", "secret")
    await pods.close()
