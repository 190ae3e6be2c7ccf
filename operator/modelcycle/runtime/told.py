"""What the cluster's own parts say of an object in Events."""

from modelcycle.pods import Told, foremost, project_event
from modelcycle.runtime.context import Context
from modelcycle.runtime.resources import EVENTS


async def foremost_warning(context: Context, namespace: str, uid: str) -> Told | None:
    """The warning about the object of that UID that says why it does not get on."""
    about = f"regarding.uid={uid},type=Warning"
    return foremost([project_event(e) async for e in context.cluster.list(EVENTS, namespace, "", about)])
