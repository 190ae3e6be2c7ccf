"""The layer around BentoML, with an application of one route inside."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from modelserver import routes
from modelserver.edge import Edge
from modelserver.routes import route
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

A_MODEL: Any = object()  # these routes only ask whether there is one


def an_edge(ready: bool = True, model: str = "iris", version: str = "3") -> Edge:
    """An edge whose every other route answers 42."""
    edge = Edge(model, version)
    edge.model = A_MODEL if ready else None
    edge.bentoml = asyncio.get_running_loop().create_future()
    pages = [Route(path, lambda _: PlainTextResponse("42")) for path in ("/", "/predict")]
    edge.bentoml.set_result(Starlette(routes=pages))
    return edge


async def test_bentoml_is_not_asked_for_what_it_does_not_have() -> None:
    status, _, body = await get(an_edge(), "/wp-login.php")
    assert status == 404
    assert b"/openapi.json" in body


async def get(edge: Edge, path: str) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await edge({"type": "http", "path": path, "method": "GET", "headers": []}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize(
    ("ready", "draining", "path", "status"),
    [
        (False, False, "/livez", 200),
        (False, False, "/readyz", 503),
        (False, False, "/predict", 503),
        (True, False, "/livez", 200),
        (True, False, "/readyz", 200),
        (True, False, "/predict", 200),
        (True, True, "/livez", 200),
        (True, True, "/readyz", 503),
        (True, True, "/predict", 200),
    ],
)
async def test_a_pod_is_alive_always_and_ready_between_its_proof_and_sigterm(
    ready: bool, draining: bool, path: str, status: int
) -> None:
    edge = an_edge(ready)
    edge.draining = draining
    answered, headers, body = await get(edge, path)
    assert answered == status
    assert body.strip()
    assert (headers[b"x-model-name"], headers[b"x-model-version"]) == (b"iris", b"3")
    assert headers.get(b"connection") == (b"close" if draining else None)


async def test_a_name_that_is_no_header_value_is_escaped() -> None:
    _, headers, _ = await get(Edge("prix à\r\nX-Evil: 1", "1"), "/livez")
    assert headers[b"x-model-name"] == b"prix %C3%A0%0D%0AX-Evil%3A 1"


async def test_requests_are_counted_by_model_and_code() -> None:
    edge = an_edge(ready=False, model="counted", version="7")
    await get(edge, "/predict")
    edge.model = A_MODEL
    await get(edge, "/predict")
    await get(edge, "/nobody-knows")
    _, _, metrics = await get(edge, "/metrics")
    counted = [
        line
        for line in metrics.decode().splitlines()
        if "requests_total{" in line and 'model="counted"' in line
    ]
    assert counted == [
        'modelcycle_requests_total{code="503",model="counted",path="/predict",version="7"} 1.0',
        'modelcycle_requests_total{code="200",model="counted",path="/predict",version="7"} 1.0',
    ]


async def test_the_page_of_documentation_loads_nothing_from_elsewhere() -> None:
    _, headers, _ = await get(an_edge(), "/")
    assert headers[b"content-security-policy"].startswith(b"default-src 'self'")


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/invocations", routes.Route.INVOCATIONS),
        ("/v2", routes.Route.V2),
        ("/v2/health/ready", routes.Route.READY),
        ("/v2/models/a/b", routes.Route.V2_MODEL),
        ("/v2/models/a/b/infer", routes.Route.INFER),
        ("/v2/models/a/b/versions/3/infer", routes.Route.INFER),
        ("/v2/models/a/b/versions/3", routes.Route.V2_MODEL),
        ("/v2/models/a/b/versions/3/ready", routes.Route.READY),
        ("/v2/models/a/b/versions/4/infer", routes.Route.NO_SUCH_MODEL),
        ("/v2/models/a/infer", routes.Route.NO_SUCH_MODEL),
        ("/docs.json", routes.Route.BENTOML),
    ],
)
def test_a_path_is_a_route_of_the_served_version_alone(path: str, asked: routes.Route) -> None:
    assert route(path, "a/b", "3") == asked
