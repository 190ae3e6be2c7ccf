"""The BentoML service: its own API in plain rows, and the other protocols mounted beside it."""

import functools
from typing import Any

import bentoml
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from modelserver.model import served
from modelserver.protocols import Receive, Scope, Send, answered, predictions
from modelserver.scoring import score_rows


class _Predictions:
    """An object, as Starlette would give a function a request instead of its scope."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await predictions(scope, receive, send)


PATHS = ("/invocations", "/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer")
_protocols = Starlette(routes=[Route(path, _Predictions()) for path in PATHS])


@bentoml.asgi_app(_protocols)
@bentoml.service(name="modelcycle", logging={"access": {"enabled": False}})
class ModelServer:
    """Predicts by one version of an MLflow model."""

    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]
    async def predict(self, rows: list[Any], params: dict[str, Any] | None = None) -> Any:
        """Predict for rows: objects by column name, or lists of values in the signature's order."""
        # A Response passes through BentoML as it is, which keeps the status and sentence of a refusal.
        work = functools.partial(score_rows, served(), rows, params)
        status, body, headers = await answered(work, size=0)
        named = {name.decode(): value.decode() for name, value in headers}
        return Response(body, status, named, media_type="application/json")
