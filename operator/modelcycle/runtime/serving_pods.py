"""What serving pods themselves say, asked for at their addresses."""

import asyncio
from collections.abc import Iterable

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from modelcycle.pods import Pod
from modelcycle.serving.manifests import PORT
from modelcycle.serving.observed import Traffic

TIMEOUT_SECONDS = 3
_REQUESTS = "modelcycle_requests"


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

    async def _get(self, pod: Pod, path: str) -> str:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout)
        host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
        async with self._session.get(f"http://{host}:{self._port}{path}") as answer:
            answer.raise_for_status()
            return await answer.text()


def counted(metrics: str) -> Traffic:
    """The serving image's own counter, in Prometheus' text format. Raises ValueError."""
    requests = errors = 0.0
    for family in text_string_to_metric_families(metrics):
        if family.name != _REQUESTS:
            continue
        for sample in family.samples:
            # A request without a valid token has not met the model: it says nothing of it.
            if sample.name == f"{_REQUESTS}_total" and sample.labels.get("code") != "401":
                requests += sample.value
                errors += sample.value if sample.labels.get("code", "").startswith("5") else 0
    return Traffic(int(requests), int(errors))
