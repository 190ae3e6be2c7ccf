"""What a pass works with."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from modelcycle.defaults import Defaults
from modelcycle.plan import Refusal
from modelcycle.runtime.cluster import Cluster
from modelcycle.runtime.echo import Echo
from modelcycle.runtime.errands import Errands
from modelcycle.runtime.lease import Lease
from modelcycle.runtime.mlflow import Mlflow
from modelcycle.runtime.registry_watch import RegistryWatch
from modelcycle.runtime.resources import Resource
from modelcycle.runtime.serving_pods import ServingPods
from modelcycle.runtime.store import Key, Store
from modelcycle.runtime.turns import Turns

ChildId = tuple[str, str, str]  # UID of its owner, kind, name


def utc_now() -> datetime:
    """In whole seconds, as Kubernetes stores times."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class Context:
    """
    Attributes:
        refusals: the API server's last noes, by the children that it did not take, until they are taken or not
            wanted any more.
        absent: resources that the cluster does not have: they are neither listed nor watched.
        doubts: objects whose copy in the store may be behind, by the resource that they matter to: they are
            read live before its next pass.
        serving_changed: set when another version answers the clients of a ModelDeployment, or one is gone.
        heard: of each ModelDeployment whose candidate is being prepared, the pod's UID, when its init container's
            log was read last, and what that said.
    """

    cluster: Cluster
    store: Store
    mlflow: Mlflow
    registry: RegistryWatch
    serving_pods: ServingPods
    errands: Errands
    lease: Lease
    echo: Echo
    defaults: Defaults
    pod_name: str
    wake: Callable[[Key], None]
    clock: Callable[[], datetime] = utc_now
    absent: tuple[Resource, ...] = ()
    refusals: dict[Key, dict[ChildId, Refusal]] = field(default_factory=dict)
    doubts: dict[Key, set[tuple[Resource, str]]] = field(default_factory=dict)
    heard: dict[Key, tuple[str, datetime, str]] = field(default_factory=dict)
    turns: Turns = field(default_factory=Turns)
    serving_changed: asyncio.Event = field(default_factory=asyncio.Event)

    def doubt(self, key: Key, resource: Resource, name: str) -> None:
        self.doubts.setdefault(key, set()).add((resource, name))

    def wake_others(self, key: Key, woken: Iterable[Key]) -> None:
        """What a pass over key has taken in concerns others as well, and no watch will tell them again."""
        for other in set(woken) - {key}:
            self.wake(other)
