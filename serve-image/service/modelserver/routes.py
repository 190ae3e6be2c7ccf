"""Which of the server's own routes a path is; every other path is BentoML's."""

from enum import StrEnum


class Route(StrEnum):
    """The server's own routes; those that predict are named as the metrics name them."""

    LIVE = "live"
    READY = "ready"
    METRICS = "metrics"
    OPENAPI = "openapi"
    V2 = "v2"
    V2_MODEL = "v2 model"
    NO_SUCH_MODEL = "no such model"
    BENTOML = "bentoml"
    INVOCATIONS = "/invocations"
    PREDICT = "/predict"
    INFER = "/v2/infer"


PREDICTING = (Route.INVOCATIONS, Route.PREDICT, Route.INFER)

_EXACT = {
    "/livez": Route.LIVE,
    "/healthz": Route.LIVE,
    "/v2/health/live": Route.LIVE,
    "/readyz": Route.READY,
    "/v2/health/ready": Route.READY,
    "/metrics": Route.METRICS,
    "/openapi.json": Route.OPENAPI,
    "/v2": Route.V2,
    "/invocations": Route.INVOCATIONS,
    "/predict": Route.PREDICT,
}
_OF_A_MODEL = {"": Route.V2_MODEL, "ready": Route.READY, "infer": Route.INFER}


def route(path: str, name: str, version: str) -> Route:
    """The route of `path` on the server of version `version` of the model `name`."""
    exact = _EXACT.get(path)
    if exact or not path.startswith("/v2/models/"):
        return exact or Route.BENTOML
    rest = path.removeprefix("/v2/models/")
    if rest != name and not rest.startswith(f"{name}/"):
        return Route.NO_SUCH_MODEL
    rest = rest.removeprefix(name).removeprefix("/")
    rest = rest.removeprefix(f"versions/{version}").removeprefix("/")
    return _OF_A_MODEL.get(rest, Route.NO_SUCH_MODEL)
