"""What the watches have shown: a projection of each object, never its whole body."""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from modelcycle import pods
from modelcycle.api import API_VERSION
from modelcycle.plan import DEPLOYMENT_LABEL, RUN_LABEL, Body
from modelcycle.runtime.resources import (
    ACCESSORIES,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    JOBS,
    OWN,
    PODS,
    SERVICES,
    Resource,
)
from modelcycle.serving.observed import (
    project_accessory,
    project_deployment,
    project_endpoints,
    project_service,
)
from modelcycle.training.observed import project_job

Name = tuple[str, str]  # namespace, name
# So many ends are remembered as can come within the time that an answer is under way.
ENDS_REMEMBERED = 10_000
_OWN_KINDS = frozenset(resource.kind for resource in OWN)


@dataclass(frozen=True)
class Key:
    """One resource of ours: the unit of work."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Entry:
    """One object. controller: the UID of the owner that controls it, or ""; owner: whose child it is."""

    uid: str
    version: int
    controller: str
    owner: Key | None
    item: Any


def _compact(body: Body) -> bytes:
    """Our own resources, as text: a tenth of the memory that the parsed ones take."""
    body = {**body, "metadata": {k: v for k, v in body["metadata"].items() if k != "managedFields"}}
    return json.dumps(body, separators=(",", ":")).encode()


_PROJECTIONS: dict[str, Callable[[Body], Any]] = {
    **{resource.kind: _compact for resource in OWN},
    JOBS.kind: project_job,
    PODS.kind: pods.project,
    DEPLOYMENTS.kind: project_deployment,
    SERVICES.kind: project_service,
    ENDPOINT_SLICES.kind: project_endpoints,
    **{resource.kind: partial(project_accessory, resource.kind) for resource in ACCESSORIES},
}


def owner_of(resource: Resource, metadata: Body) -> Key | None:
    """The resource of ours that an object is a child of: by its labels, or, of one of ours, by its controller.

    A name only narrows: the UID decides.
    """
    namespace = metadata["namespace"]
    if resource in OWN:
        controller = _controller(metadata)
        ours = controller.get("apiVersion") == API_VERSION and controller["kind"] in _OWN_KINDS
        return Key(controller["kind"], namespace, controller["name"]) if ours else None
    labels = metadata.get("labels", {})
    if RUN_LABEL in labels:
        return Key("TrainingRun", namespace, labels[RUN_LABEL])
    if DEPLOYMENT_LABEL in labels:
        return Key("ModelDeployment", namespace, labels[DEPLOYMENT_LABEL])
    return None


def _controller(metadata: Body) -> Body:
    return next((owner for owner in metadata.get("ownerReferences", ()) if owner.get("controller")), {})


def _concerned(resource: Resource, name: Name, owner: Key | None) -> tuple[Key, ...]:
    """Whom a change of an object wakes: itself if it is ours, and whose child it is."""
    own = (Key(resource.kind, *name),) if resource in OWN else ()
    return (*own, *((owner,) if owner else ()))


class Store:
    """All that was seen, by kind and name, and by owner."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[Name, Entry]] = defaultdict(dict)
        self._children: dict[tuple[str, Key], set[Name]] = defaultdict(set)
        self._ends: dict[str, float] = {}  # by UID, the resourceVersion up to which there is no such object

    def put(self, resource: Resource, body: Body) -> tuple[Key, ...]:
        """Takes an object in, from a watch, a list or a write's answer; an older copy changes nothing.

        Returns the resources to wake: none if nothing changed.
        """
        metadata = body["metadata"]
        name: Name = (metadata["namespace"], metadata["name"])
        version = int(metadata["resourceVersion"])
        known = self._objects[resource.kind].get(name)
        if self._ends.get(metadata["uid"], 0) >= version or (known and known.version >= version):
            return ()
        controller, owner = _controller(metadata).get("uid", ""), owner_of(resource, metadata)
        entry = Entry(metadata["uid"], version, controller, owner, _PROJECTIONS[resource.kind](body))
        if known and known.owner and known.owner != owner:
            self._disown(resource, known.owner, name)
        self._objects[resource.kind][name] = entry
        if owner:
            self._children[resource.kind, owner].add(name)
        return _concerned(resource, name, owner)

    def drop(
        self, resource: Resource, namespace: str, name: str, uid: str = "", version: float = 0
    ) -> tuple[Key, ...]:
        """Forgets an object that is gone; with a uid, only that one. Returns the resources to wake.

        version: the resourceVersion of its end: the answer to an earlier write that comes late does not bring it
        back. An object whose labels were lost is gone as well, and may come again.
        """
        known = self._objects[resource.kind].get((namespace, name))
        self._end(uid, version)
        if known is None or (uid and known.uid != uid):
            return ()
        del self._objects[resource.kind][namespace, name]
        if known.owner:
            self._disown(resource, known.owner, (namespace, name))
        return _concerned(resource, (namespace, name), known.owner)

    def bury(self, resource: Resource, namespace: str, name: str, uid: str) -> tuple[Key, ...]:
        """Forgets an object that the watch has not shown to be gone yet: its late events must not bring it back.

        Returns the resources to wake.
        """
        woken = self.drop(resource, namespace, name, uid)
        if woken:
            self._end(uid, math.inf)
        return woken

    def _end(self, uid: str, version: float) -> None:
        self._ends[uid] = max(version, self._ends.get(uid, 0))
        while len(self._ends) > ENDS_REMEMBERED:
            del self._ends[next(iter(self._ends))]

    def _disown(self, resource: Resource, owner: Key, name: Name) -> None:
        names = self._children[resource.kind, owner]
        names.discard(name)
        if not names:
            del self._children[resource.kind, owner]

    def get(self, kind: str, namespace: str, name: str) -> Entry | None:
        return self._objects[kind].get((namespace, name))

    def children(self, resource: Resource, owner: Key) -> list[Entry]:
        names = self._children.get((resource.kind, owner), ())
        return [self._objects[resource.kind][name] for name in sorted(names)]

    def keys(self, resource: Resource) -> list[Key]:
        return [Key(resource.kind, namespace, name) for namespace, name in self._objects[resource.kind]]

    def items(self, resource: Resource) -> Iterable[tuple[Name, Entry]]:
        return list(self._objects[resource.kind].items())
