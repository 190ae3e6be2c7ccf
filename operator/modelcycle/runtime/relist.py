"""Every ten minutes each kind is listed again: an event that was missed heals."""

import asyncio
import logging
import random

from modelcycle.runtime.cluster import ApiError
from modelcycle.runtime.context import Context
from modelcycle.runtime.handlers import SELECTOR, take_event
from modelcycle.runtime.resources import CHILDREN, OWN, Resource

FIRST_SECONDS, PERIOD_SECONDS = 30.0, 600.0

logger = logging.getLogger(__name__)


async def run(context: Context, namespaces: tuple[str, ...]) -> None:
    """Relists until it is cancelled; with jitter, so that kinds and replicas do not do it together.

    The first time is soon: what was deleted between the first list and the watches' start left no event.
    """
    delay = FIRST_SECONDS
    while True:
        await asyncio.sleep(delay * random.uniform(0.9, 1.1))  # noqa: S311 - jitter
        try:
            await everything(context, namespaces)
        except ApiError as error:
            logger.warning("the relist failed and is tried later", extra={"error": str(error)})
        delay = PERIOD_SECONDS


async def everything(context: Context, namespaces: tuple[str, ...]) -> None:
    """Relists every kind. Children first: a resource is woken when all that belongs to it is known."""
    for resource in (*CHILDREN, *OWN):
        if resource in context.absent:
            continue
        for namespace in namespaces or (None,):
            await relist(context, resource, namespace)


async def relist(context: Context, resource: Resource, namespace: str | None) -> None:
    """Compares the store with a fresh list, and wakes whatever differed."""
    before = {
        name: entry.version
        for name, entry in context.store.items(resource)
        if namespace is None or name[0] == namespace
    }
    listed = set()
    async for body in context.cluster.list(resource, namespace, "" if resource in OWN else SELECTOR):
        listed.add((body["metadata"]["namespace"], body["metadata"]["name"]))
        for woken in take_event(context, resource, None, body):
            context.wake(woken)
    for name in set(before) - listed:
        entry = context.store.get(resource.kind, *name)
        # What came while the list was read is newer than the list.
        if entry and entry.version == before[name]:
            for woken in context.store.drop(resource, *name, entry.uid):
                context.wake(woken)
