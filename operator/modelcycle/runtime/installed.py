"""Kinds that a cluster may lack, as those of the Gateway API: what is not there is not watched."""

import asyncio
import logging
import random

from modelcycle.runtime.cluster import ApiError, Cluster
from modelcycle.runtime.resources import OPTIONAL, Resource

PERIOD_SECONDS = 60.0

logger = logging.getLogger(__name__)


class InstalledError(Exception):
    """A kind has come: the operator has to start again to watch it."""


async def absent(cluster: Cluster) -> tuple[Resource, ...]:
    """Those that the API server does not know now. Raises ApiError."""
    return tuple([resource for resource in OPTIONAL if not await cluster.has(resource)])


async def wait_for(cluster: Cluster, lacking: tuple[Resource, ...], period: float = PERIOD_SECONDS) -> None:
    """Raises InstalledError when one of them is there. Until then what needs it is tried again and says so."""
    while lacking:
        await asyncio.sleep(period * random.uniform(0.9, 1.1))  # noqa: S311 - replicas do not start again together
        try:
            still = await absent(cluster)
        except ApiError as error:
            logger.info("whether more is installed is not known", extra={"error": str(error)})
            continue
        if come := [resource.kind for resource in lacking if resource not in still]:
            raise InstalledError(f"{', '.join(come)} is installed now: the operator starts again to watch it")
