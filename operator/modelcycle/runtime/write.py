"""Carries out a plan: status first, then children, then events, which nobody waits for."""

import logging
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeVar

from modelcycle.api import API_VERSION
from modelcycle.plan import Body, Event, Patch, Plan, Refusal
from modelcycle.runtime.cluster import ApiError, ConflictError, NotFoundError, RefusedError, UnavailableError
from modelcycle.runtime.context import ChildId, Context
from modelcycle.runtime.hindrances import child_id
from modelcycle.runtime.metrics import WRITES
from modelcycle.runtime.resources import ACCESSORIES, BY_KIND, EVENTS, OPTIONAL, Resource
from modelcycle.runtime.store import Key

NOTE_MAX_LENGTH = 1024
CONTROLLER = "modelcycle.dev/operator"

T = TypeVar("T")
logger = logging.getLogger(__name__)


class LeaseLostError(Exception):
    """Another replica may be acting: this one must not write."""


class RefusedChildError(Exception):
    """The API server did not take a child; why is in the context's refusals, for the next pass to judge."""


async def carry_out(context: Context, key: Key, body: Body, plan: Plan) -> None:
    """Writes what differs. body: the resource as it was observed.

    Raises:
        RefusedChildError: a child was refused: look at the resource again, at once.
        ConflictError: the world has moved on: look again.
    """
    status = None if plan.status is None else plan.status.wire()
    if status is None or status == body.get("status"):
        await _act(context, key, body, plan)
        return
    await _write_status(context, BY_KIND[key.kind], key, body, status)
    try:
        await _act(context, key, body, plan)
    except Exception:
        await _post_events(context, body, plan.events)
        raise
    await _post_events(context, body, plan.events)


async def _act(context: Context, key: Key, body: Body, plan: Plan) -> None:
    """The writes on children."""
    _forget_refusals(context, key, body, plan)
    for child in plan.creates:
        answer = await _made(context, BY_KIND[child["kind"]], key, body, child)
        _judge(context, key, child_id(child), answer)
    for patch in plan.patches:
        answer = await _patched(context, BY_KIND[patch.ref.kind], key, patch)
        _judge(context, key, _patch_id(body, patch), answer)
    for ref in plan.deletes:
        target = BY_KIND[ref.kind]
        gone = context.cluster.delete(target, key.namespace, ref.name, ref.uid, ref.resource_version)
        await _written(context, key, target, ref.name, "delete", gone)
        for woken in context.store.bury(target, key.namespace, ref.name, ref.uid):
            context.wake(woken)


async def _write_status(context: Context, resource: Resource, key: Key, body: Body, status: Body) -> None:
    metadata = body["metadata"]
    change = {
        "apiVersion": API_VERSION,
        "kind": key.kind,
        "metadata": {name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion")},
        "spec": body["spec"],
        "status": status,
    }
    request = context.cluster.replace_status(resource, key.namespace, key.name, change)
    answer = await _written(context, key, resource, key.name, "status", request)
    # The watch can be faster than the answer: then the echo has come back already.
    if woken := context.store.put(resource, answer):
        context.echo.expect(key, int(answer["metadata"]["resourceVersion"]))
        context.wake_others(key, woken)


def _forget_refusals(context: Context, key: Key, owner: Body, plan: Plan) -> None:
    """Those of what is not wanted any more."""
    wanted = {*map(child_id, plan.creates), *(_patch_id(owner, patch) for patch in plan.patches)}
    known = context.refusals.pop(key, {})
    if still := {child: refusal for child, refusal in known.items() if child in wanted}:
        context.refusals[key] = still


def _patch_id(owner: Body, patch: Patch) -> ChildId:
    return owner["metadata"]["uid"], patch.ref.kind, patch.ref.name


def _judge(context: Context, key: Key, child: ChildId, answer: Body | Refusal) -> None:
    """A no that is new is judged by the next pass before anything else is written; an old one stops nothing."""
    others = context.refusals.pop(key, {})
    before = others.pop(child, None)
    now = {**others, child: answer} if isinstance(answer, Refusal) else others
    if now:
        context.refusals[key] = now
    if not isinstance(answer, Refusal):
        _take_in(context, BY_KIND[child[1]], answer)
    elif before is None or before.reason != answer.reason:
        raise RefusedChildError(answer.message)


async def _patched(context: Context, resource: Resource, key: Key, patch: Patch) -> Body | Refusal:
    ref = patch.ref
    change = {**patch.body, "metadata": {"uid": ref.uid, "resourceVersion": ref.resource_version}}
    request = context.cluster.patch(resource, key.namespace, ref.name, change)
    try:
        return await _written(context, key, resource, ref.name, "patch", request)
    except RefusedError as error:
        if resource not in ACCESSORIES:
            raise
        return refused({"kind": ref.kind}, error.code, error.message)


async def _made(context: Context, resource: Resource, key: Key, owner: Body, child: Body) -> Body | Refusal:
    """The child as it is now, also where an earlier pass made it; or why it was not made."""
    try:
        request = context.cluster.create(resource, key.namespace, child)
        return await _written(context, key, resource, child["metadata"]["name"], "create", request)
    except RefusedError as error:
        return refused(child, error.code, error.message)
    except NotFoundError as error:
        if resource not in OPTIONAL or error.reason == "NotFound":  # its namespace has gone
            raise
        return not_installed(resource)
    except ConflictError as error:
        if error.reason != "AlreadyExists":
            raise
    existing = await context.cluster.get(resource, key.namespace, child["metadata"]["name"])
    return name_taken(owner, child, existing) or existing


def refused(child: Body, code: int, message: str) -> Refusal:
    """What a 403 or 422 to a child's creation means. Rights and quotas can change; a wrong object stays wrong."""
    kind = child["kind"]
    if code == 403:
        return Refusal("Forbidden", f"The API server does not let the {kind} be made: {message}", final=False)
    return Refusal(f"{kind}Refused", f"The API server refuses the {kind}: {message}", final=True)


def not_installed(resource: Resource) -> Refusal:
    """A kind that the API server does not have."""
    message = (
        f"The cluster does not have the kind {resource.kind} ({resource.group}/{resource.version}): install the "
        "Gateway API, https://gateway-api.sigs.k8s.io, or name an ingressClassName."
    )
    return Refusal("GatewayAPINotInstalled", message, final=False)


def name_taken(owner: Body, child: Body, existing: Body) -> Refusal | None:
    """None if the existing object is ours; else what to do about it. Nothing of it is touched."""
    kind, name = child["kind"], child["metadata"]["name"]
    controller: Body = next(
        (o for o in existing["metadata"].get("ownerReferences", ()) if o.get("controller")), {}
    )
    if controller.get("uid") == owner["metadata"]["uid"]:
        return None
    if controller.get("kind") == owner["kind"] and controller.get("name") == owner["metadata"]["name"]:
        message = f"The {kind} {name!r} of a deleted {owner['kind']} of the same name is still going away."
        return Refusal("WaitingForDeletion", message, final=False)
    message = f"There is a {kind} {name!r} that is somebody else's: delete it, or use another name. It is left alone."
    return Refusal("NameTaken", message, final=False)


def _take_in(context: Context, resource: Resource, answer: Body) -> None:
    """Our own write need not wait for its echo: the next pass sees it now."""
    for woken in context.store.put(resource, answer):
        context.wake(woken)


async def _written(
    context: Context, key: Key, resource: Resource, name: str, verb: str, request: Awaitable[T]
) -> T:
    """A lost answer leaves open whether there was a write, and a conflict says that the store is behind."""
    try:
        return await _counted(context, resource, verb, request)
    except (ConflictError, NotFoundError, UnavailableError) as error:
        if error.reason != "AlreadyExists":
            context.doubt(key, resource, name)
        raise


async def _counted(context: Context, resource: Resource, verb: str, request: Awaitable[T]) -> T:
    if not context.lease.held():
        getattr(request, "close", lambda: None)()
        raise LeaseLostError("the lease is not held")
    try:
        answer = await request
    except ApiError:
        WRITES.labels(resource.kind, verb, "error").inc()
        raise
    WRITES.labels(resource.kind, verb, "ok").inc()
    return answer


async def _post_events(context: Context, body: Body, events: tuple[Event, ...]) -> None:
    """An Event that cannot be written is only logged: status says the same."""
    metadata = body["metadata"]
    for event in events:
        at = datetime.now(UTC)
        note = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name']}.{int(at.timestamp() * 1e6):x}",
                "namespace": metadata["namespace"],
            },
            "eventTime": at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "type": event.type,
            "reason": event.reason,
            "action": event.reason,
            "note": event.message[:NOTE_MAX_LENGTH],
            "regarding": {
                "apiVersion": body["apiVersion"],
                "kind": body["kind"],
                **{name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion")},
            },
            "reportingController": CONTROLLER,
            "reportingInstance": context.pod_name,
        }
        try:
            await _counted(
                context, EVENTS, "create", context.cluster.create(EVENTS, metadata["namespace"], note)
            )
        except (ApiError, LeaseLostError) as error:
            logger.info("an Event was not written", extra={"reason": event.reason, "error": str(error)})
