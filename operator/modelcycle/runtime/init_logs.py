"""What init containers say while they run, asked for seldom."""

from modelcycle.runtime.cluster import ApiError
from modelcycle.runtime.context import Context
from modelcycle.runtime.store import Key
from modelcycle.serving import preparing
from modelcycle.serving.manifests import PREPARE
from modelcycle.serving.observed import Observed

TAIL_LINES = 10


async def last_lines(context: Context, key: Key, observed: Observed) -> str:
    """The end of the log of the candidate's init container, as of some seconds ago; "" where none is at it for long."""
    found = preparing.at_it(observed)
    if found is None:
        context.heard.pop(key, None)
        return ""
    pod, since = found
    uid, at, text = context.heard.get(key, ("", since, ""))
    if uid != pod.uid:
        at, text = since, ""
    if (context.clock() - at).total_seconds() < preparing.EVERY_SECONDS:
        return text
    text = await _read(context, key.namespace, pod.name) or text
    context.heard[key] = (pod.uid, context.clock(), text)
    return text


async def _read(context: Context, namespace: str, pod: str) -> str:
    try:
        pieces = [piece async for piece in context.cluster.log(namespace, pod, PREPARE, TAIL_LINES)]
    except ApiError:
        return ""  # it has ended by now, or its kubelet does not answer
    return preparing.last_lines(b"".join(pieces).decode(errors="replace"))
