"""Reads live what the store may be behind with."""

from modelcycle.runtime.cluster import NotFoundError
from modelcycle.runtime.context import Context
from modelcycle.runtime.store import Key


async def settle(context: Context, key: Key) -> None:
    """Of all that a pass over the key depends on. Raises ApiError."""
    for resource, name in tuple(context.doubts.get(key, ())):
        try:
            body = await context.cluster.get(resource, key.namespace, name)
            context.wake_others(key, context.store.put(resource, body))
        except NotFoundError:
            if known := context.store.get(resource.kind, key.namespace, name):
                context.wake_others(key, context.store.bury(resource, key.namespace, name, known.uid))
        context.doubts[key].discard((resource, name))
    context.doubts.pop(key, None)
