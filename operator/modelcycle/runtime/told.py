"""What the cluster's own parts say of an object in Events."""

from modelcycle.pods import Told, project_event
from modelcycle.runtime.context import Context
from modelcycle.runtime.resources import EVENTS


async def newest_warning(context: Context, namespace: str, uid: str) -> Told | None:
    """The newest warning about the object of that UID."""
    about = f"regarding.uid={uid},type=Warning"
    told = [project_event(e) async for e in context.cluster.list(EVENTS, namespace, "", about)]
    return max(told, key=lambda event: event.at, default=None)
