"""MLflow's webhook: it is kept registered, and what it sends makes the operator look at the registry now."""

import logging
import time
from collections.abc import Callable

from aiohttp import web

from modelcycle.nudge import DELIVERY, EVENTS, TOLERANCE_SECONDS, WEBHOOK_NAME, refusal
from modelcycle.runtime.metrics import NUDGES
from modelcycle.runtime.mlflow import Mlflow
from modelcycle.runtime.mlflow_server import RegistryError

# MLflow's payloads are a few hundred bytes; the secret's owner is the only one who may send more at all.
BODY_MAX = 64 * 1024

logger = logging.getLogger(__name__)


class Nudges:
    """url: of this operator's Service, as MLflow reaches it, or "": then the poll is all there is."""

    def __init__(
        self, url: str, secret: str, nudge: Callable[[], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._secret = secret
        self._nudge = nudge
        self._clock = clock
        self._seen: dict[str, float] = {}

    async def ensure_webhook(self, mlflow: Mlflow) -> None:
        """Registers the webhook, or makes it what it has to be. MLflow can refuse it: then the poll still sees all."""
        if not self._url or not self._secret:
            return
        try:
            await mlflow.ensure_webhook(WEBHOOK_NAME, self._url, self._secret, EVENTS)
        except RegistryError as error:
            logger.warning(
                "MLflow does not take the webhook; changes are seen by the poll", extra={"error": str(error)}
            )

    async def take(self, request: web.Request, acting: bool) -> web.Response:
        """Answers a delivery: 202, or 401 for one that is not MLflow's, 409 for a replay, 503 by a standby."""
        if not acting:
            return self._answer(503, "standby: another replica looks at the registry")
        if not self._secret:
            return self._answer(404, "no webhook is set up")
        if (request.content_length or 0) > BODY_MAX:
            return self._answer(413, "the body is too large")
        if problem := refusal(self._secret, request.headers, await request.read(), self._clock()):
            return self._answer(401, problem)
        delivery, now = request.headers[DELIVERY], self._clock()
        self._seen = {known: at for known, at in self._seen.items() if now - at <= 2 * TOLERANCE_SECONDS}
        if delivery in self._seen:
            return self._answer(409, "this delivery was taken before")
        self._seen[delivery] = now
        self._nudge()
        return self._answer(202, "the registry is looked at")

    def _answer(self, status: int, text: str) -> web.Response:
        NUDGES.labels(str(status)).inc()
        return web.Response(status=status, text=text)
