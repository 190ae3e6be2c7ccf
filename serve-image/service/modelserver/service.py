"""The BentoML service: its own API in plain rows, and MLflow's scoring protocol mounted beside it."""

from typing import Any

import bentoml
from starlette.applications import Starlette
from starlette.routing import Route

from modelserver.model import served
from modelserver.scoring import answer, invocations, score_rows

_mlflow_protocol = Starlette(routes=[Route("/invocations", invocations, methods=["POST"])])


@bentoml.asgi_app(_mlflow_protocol)
@bentoml.service(name="modelcycle", logging={"access": {"enabled": False}})
class ModelServer:
    """Predicts by one version of an MLflow model."""

    @bentoml.api(route="/predict")  # type: ignore[untyped-decorator]
    async def predict(self, rows: list[Any], params: dict[str, Any] | None = None) -> Any:
        """Predict for rows: objects by column name, or lists of values in the signature's order."""
        # A Response passes through BentoML as it is, which keeps the status and sentence of a refusal.
        return await answer(lambda: score_rows(served(), rows, params))
