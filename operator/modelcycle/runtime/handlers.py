"""kopf as the shell: its watches fill the store and wake the queue, and nothing else of it is used."""

from collections.abc import Callable
from typing import Any

import kopf

from modelcycle.plan import MANAGED_BY
from modelcycle.runtime.context import Context
from modelcycle.runtime.metrics import WATCH_EVENTS
from modelcycle.runtime.resources import BY_KIND, CHILDREN, MADE, MODEL_DEPLOYMENTS, OWN, WATCHED, Resource
from modelcycle.runtime.store import Key

SELECTOR = ",".join(f"{name}={value}" for name, value in MANAGED_BY.items())


def settings() -> kopf.OperatorSettings:
    """No events, no finalizers, no annotations; the API server filters what is not ours."""
    out = kopf.OperatorSettings()
    out.posting.enabled = False
    out.scanning.disabled = True
    out.watching.chunk_size = 500
    # Ask for a new stream now and then: an ended connection is noticed even where no bookmark comes.
    out.watching.server_timeout = 600
    out.queueing.idle_timeout = 1
    for child in CHILDREN:
        out.watching.label_selectors[f"{child.plural}.{child.group}" if child.group else child.plural] = (
            SELECTOR
        )
    return out


def registry(context: Context) -> kopf.OperatorRegistry:
    """One low-level handler a resource, and the login."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    for resource in WATCHED:
        if resource in context.absent:
            continue
        kopf.on.event(
            resource.group, resource.version, resource.plural, id=resource.plural, registry=handlers
        )(_handler(context, resource))
    return handlers


def _handler(context: Context, resource: Resource) -> Callable[..., Any]:
    async def take(event: Any, **_: Any) -> None:
        WATCH_EVENTS.labels(resource.kind).inc()
        for key in take_event(context, resource, event["type"], event["object"]):
            context.wake(key)

    return take


def take_event(context: Context, resource: Resource, kind: str | None, body: Any) -> tuple[Key, ...]:
    """Takes one event into the store; answers the resources to wake: none if nothing changed."""
    metadata = body["metadata"]
    key = Key(resource.kind, metadata["namespace"], metadata["name"])
    if kind == "DELETED":
        if resource in OWN:
            context.echo.gone(key)
            context.registry.unfollow(key)
            context.refusals.pop(key, None)
        end = int(metadata["resourceVersion"])
        woken = context.store.drop(resource, key.namespace, key.name, metadata["uid"], end)
        if resource in MADE:
            # A child goes with its owner: whether that lives is asked before the child is made again.
            for owner in set(woken) - {key}:
                context.doubt(owner, BY_KIND[owner.kind], owner.name)
        return woken
    if resource in OWN:
        context.echo.seen(key, int(metadata["resourceVersion"]))
    if resource == MODEL_DEPLOYMENTS:
        context.registry.follow(key, body["spec"]["model"]["name"])
    return context.store.put(resource, body)
