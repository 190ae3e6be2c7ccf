"""What serving pods themselves say, asked for at their addresses."""

import asyncio
import json
from collections.abc import Iterable
from typing import Literal

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from modelcycle.errand import Answer
from modelcycle.pods import Pod
from modelcycle.runtime.examples import Rows
from modelcycle.runtime.reading import at_most
from modelcycle.serving.manifests import PORT
from modelcycle.serving.observed import Traffic

TIMEOUT_SECONDS, PREDICT_SECONDS = 3, 30
ANSWER_MAX_BYTES, SAID_MAX_LENGTH = 8 * 2**20, 300
# On requests of the operator's own; its value says what for.
PROBE_HEADER = "X-Modelcycle-Probe"
_REQUESTS = "modelcycle_requests"


class NoAnswerError(Exception):
    """A pod does not answer now; the message is a sentence."""


class ServingPods:
    """The pods that serve models."""

    def __init__(self, port: int = PORT) -> None:
        self._port = port
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def traffic(self, pods: Iterable[Pod]) -> Traffic | None:
        """What all of them have answered; None if one of them does not say."""
        told = await asyncio.gather(*(self._traffic_of(pod) for pod in pods))
        known = [one for one in told if one is not None]
        if not told or len(known) < len(told):
            return None
        return Traffic(sum(one.requests for one in known), sum(one.errors for one in known))

    async def _traffic_of(self, pod: Pod) -> Traffic | None:
        try:
            return counted(await self._get(pod, "/metrics")) if pod.ip else None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
            return None

    async def predict(self, pod: Pod, rows: Rows, probe: Literal["parity", "canary"], token: str) -> Answer:
        """What a pod answers to rows, as to any client. Raises NoAnswerError where it has no time for them."""
        headers = {"Content-Type": rows.content_type, PROBE_HEADER: probe}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        timeout = aiohttp.ClientTimeout(total=PREDICT_SECONDS)
        request = self._client().post(
            self._url(pod, "/invocations"), data=rows.body, headers=headers, timeout=timeout
        )
        try:
            async with request as answer:
                status, body = answer.status, await at_most(ANSWER_MAX_BYTES, answer.content)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            what = str(error) or type(error).__name__
            raise NoAnswerError(f"Pod {pod.name} does not answer: {what}.") from error
        return _answer(pod, status, body)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _get(self, pod: Pod, path: str) -> str:
        async with self._client().get(self._url(pod, path)) as answer:
            answer.raise_for_status()
            return await answer.text()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout)
        return self._session

    def _url(self, pod: Pod, path: str) -> str:
        host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
        return f"http://{host}:{self._port}{path}"


def _answer(pod: Pod, status: int, body: bytes) -> Answer:
    """Of MLflow's scoring protocol. Raises NoAnswerError."""
    if status in (401, 403) or status > 500:
        raise NoAnswerError(f"Pod {pod.name} answers {status}.")
    if status != 200:
        return Answer(status, said=" ".join(body.decode(errors="replace").split())[:SAID_MAX_LENGTH])
    try:
        return Answer(status, json.loads(body)["predictions"])
    except (ValueError, RecursionError, KeyError, TypeError):
        raise NoAnswerError(f"Pod {pod.name} answers {len(body)} bytes that are no predictions.") from None


def counted(metrics: str) -> Traffic:
    """The serving image's own counter, in Prometheus' text format: what a client did wrong says nothing.

    Raises ValueError.
    """
    requests = errors = 0.0
    for family in text_string_to_metric_families(metrics):
        if family.name != _REQUESTS:
            continue
        for sample in family.samples:
            if sample.name == f"{_REQUESTS}_total":
                code = sample.labels.get("code", "")
                requests += 0 if code.startswith("4") else sample.value
                errors += sample.value if code.startswith("5") else 0
    return Traffic(int(requests), int(errors))
