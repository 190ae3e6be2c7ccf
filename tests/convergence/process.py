"""The operator's process: its real passes, polls and relists, advanced one request at a time."""

import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from modelcycle.errand import Answer, Errand, Outcome
from modelcycle.plan import VERSION_LABEL, Body
from modelcycle.pods import Pod
from modelcycle.runtime import asking, relist
from modelcycle.runtime.cluster import ApiError
from modelcycle.runtime.context import Context
from modelcycle.runtime.echo import Echo
from modelcycle.runtime.errands import Errands
from modelcycle.runtime.examples import Rows
from modelcycle.runtime.handlers import take_event
from modelcycle.runtime.lease import Lease
from modelcycle.runtime.orphan_sweep import OrphanSweep
from modelcycle.runtime.reconcile import AT_ONCE, reconcile
from modelcycle.runtime.registry_watch import RegistryWatch
from modelcycle.runtime.resources import DEPLOYMENTS, ENDPOINT_SLICES, MODEL_DEPLOYMENTS, OWN, PODS, WATCHED
from modelcycle.runtime.serving_pods import NoAnswerError, ServingPods
from modelcycle.runtime.serving_tags import ServingTags
from modelcycle.runtime.store import Key, Store
from modelcycle.serving.observed import Traffic

from tests.builders.base import DEFAULTS
from tests.convergence.cluster import ApiServer, MemoryCluster, in_flight
from tests.convergence.controllers import ready
from tests.convergence.registry import ERRS, ROWS, MemoryRegistry

POLL, RELIST = Key("the registry is polled", "", ""), Key("all is listed again", "", "")
ORPHANS, TAGS = Key("orphans are looked for", "", ""), Key("where versions serve is told", "", "")
BACKOFF_SECONDS = 1.0
# So often may a pass ask to be repeated at once while nothing changes.
REPEATS_MAX = 3
KINDS = {resource.kind for resource in OWN}


class MemoryServingPods(ServingPods):
    """Clients ask each pod once a second, unless they are idle; the operator asks as well."""

    def __init__(self, registry: MemoryRegistry, server: ApiServer) -> None:
        super().__init__()
        self._registry, self._server = registry, server

    async def traffic(self, pods: Iterable[Pod]) -> Traffic | None:
        await in_flight()
        asked = list(pods)
        if not asked or self._registry.quiet:
            return None
        requests = sum(self._clients(pod) + self._registry.exercised[pod.uid] for pod in asked)
        return Traffic(requests, requests // 2 if self._behaviour(asked[0]) == ERRS else 0)

    async def predict(self, pod: Pod, rows: Rows, probe: Literal["parity", "canary"], token: str) -> Answer:
        await in_flight()
        there = self._server.find("Pod", pod.name)
        if self._registry.mute or there is None or not ready(there):
            raise NoAnswerError(f"{pod.name} does not answer.")
        self._registry.exercised[pod.uid] += 1
        await in_flight()
        # That of every other version differs in every fourth row.
        answers = [row % 3 for row in range(ROWS)]
        if int(pod.label(VERSION_LABEL)) in self._registry.odd:
            answers = [label + 1 if row % 4 == 0 else label for row, label in enumerate(answers)]
        return Answer(500 if self._behaviour(pod) == ERRS else 200, answers, "It raises.")

    async def pause(self, seconds: float) -> None:
        await in_flight()

    def _clients(self, pod: Pod) -> int:
        return 0 if self._registry.idle else int((self._server.now - pod.created).total_seconds())

    def _behaviour(self, pod: Pod) -> str:
        return self._registry.behaviour[int(pod.label(VERSION_LABEL))]


async def _greet() -> bool:
    return True


class Process:
    """From its start to its crash. Starting, it lists everything.

    Attributes:
        woken: what is to be worked on; `timers`: when it will be; `tasks`: what is being worked on.
        replicas, promotions, parities, strategies, seen, endpoints: by name of a ModelDeployment, what its last pass
            has known at any time: the replicas, the promotion and the strategy wanted and whether parity is, the UIDs
            of Deployments and ready pods, and the pods that clients are led to.
        pods: UIDs of those that it knew at the pass's start.
    """

    def __init__(self, cluster: MemoryCluster, registry: MemoryRegistry) -> None:
        self.server = cluster.server
        self.woken: set[Key] = set()
        self.timers: dict[Key, datetime] = {}
        self.tasks: dict[Key, Coroutine[Any, Any, float | None]] = {}
        self.replicas: dict[str, set[int]] = {}
        self.pods: dict[str, set[str]] = {}
        self.promotions: dict[str, set[str]] = {}
        self.seen: dict[str, set[str]] = {}
        self.endpoints: dict[str, set[str]] = {}
        self.parities: dict[str, set[bool]] = {}
        self.strategies: dict[str, list[Body]] = {}
        self._repeats: Counter[tuple[Key, int]] = Counter()
        self.context = Context(
            cluster=cluster,
            store=Store(),
            mlflow=registry,
            registry=RegistryWatch(registry, DEFAULTS.mount_path, 5, self.woken.add, _greet),
            serving_pods=MemoryServingPods(registry, self.server),
            errands=Errands(self._run, self.woken.add, self._begin),
            lease=Lease(cluster, "modelcycle", "", "operator-1"),
            echo=Echo(lambda: self.server.now.timestamp()),
            defaults=DEFAULTS,
            pod_name="operator-1",
            wake=self.woken.add,
            clock=lambda: self.server.now,
        )
        self.orphans = OrphanSweep(self.context, (), 60)
        self.serving_tags = ServingTags(self.context, (), 60)
        self.server.events.clear()
        self.finish(RELIST)
        for resource in OWN:
            self.woken.update(self.context.store.keys(resource))

    async def _run(self, key: Key, errand: Errand) -> Outcome:
        try:
            return await asking.carry_out(self.context, key, errand)
        except Exception as error:
            # The operator would log it and go on; this passes by what it catches.
            pytest.fail(f"pods cannot be asked: {error!r}")

    def _begin(self, key: Key, work: Coroutine[Any, Any, None]) -> Callable[[], object]:
        """Beside the passes over the key."""
        beside = Key(f"pods of a {key.kind} are asked", key.namespace, key.name)
        self.tasks[beside] = work

        def stop() -> None:
            if self.tasks.get(beside) is work:
                del self.tasks[beside]
                work.close()

        return stop

    def work(self) -> list[Key]:
        """What can go on now: one task a key."""
        return sorted(self.woken | set(self.tasks), key=str)

    def finish(self, key: Key) -> None:
        while self.advance(key):
            pass

    def advance(self, key: Key) -> bool:
        """Works on until the next request is sent or answered; whether there is more to do."""
        if key not in self.tasks:
            self.woken.discard(key)
            self.timers.pop(key, None)
            self.promotions[key.name], self.parities[key.name] = set(), set()
            self.strategies[key.name] = []
            self.pods[key.name] = {entry.uid for entry in self.context.store.children(PODS, key)}
            self.replicas[key.name], self.seen[key.name], self.endpoints[key.name] = set(), set(), set()
            self.tasks[key] = self._start(key)
        if key.kind in KINDS:
            self._note(key)
        try:
            self.tasks[key].send(None)
        except StopIteration as done:
            self._ended(key, done.value)
        except ApiError:
            del self.tasks[key]
            self.timers[key] = self.server.now + timedelta(seconds=BACKOFF_SECONDS)
        return key in self.tasks

    def _note(self, key: Key) -> None:
        store = self.context.store
        if deployment := store.get(MODEL_DEPLOYMENTS.kind, key.namespace, key.name):
            spec = json.loads(deployment.item)["spec"]
            self.replicas[key.name].add(spec["replicas"])
            self.promotions[key.name].add(spec.get("promotion", "Automatic"))
            self.parities[key.name].add("parity" in spec)
            self.strategies[key.name].append(spec.get("strategy", {}))
        self.seen[key.name] |= {entry.uid for entry in store.children(DEPLOYMENTS, key)}
        self.seen[key.name] |= {entry.uid for entry in store.children(PODS, key) if entry.item.ready}
        slices = [entry.item for entry in store.children(ENDPOINT_SLICES, key)]
        of_clients = [pod for one in slices if one.service == key.name for pod in one.pods]
        self.endpoints[key.name] |= {name for name, is_ready in of_clients if is_ready}

    def _start(self, key: Key) -> Coroutine[Any, Any, Any]:
        if key == POLL:
            return self.context.registry.poll()
        if key == RELIST:
            return relist.everything(self.context, ())
        if key == ORPHANS:
            return self.orphans.look()
        if key == TAGS:
            return self.serving_tags.look()
        return reconcile(self.context, key)

    def _ended(self, key: Key, look_again: float | None) -> None:
        del self.tasks[key]
        if look_again is None:
            return
        self.timers[key] = self.server.now + timedelta(seconds=look_again)
        if look_again == AT_ONCE:
            self._repeats[key, self.server.version] += 1
            assert self._repeats[key, self.server.version] <= REPEATS_MAX, f"{key} spins"
            self.fire_timers()

    def fire_timers(self) -> None:
        due = {key for key, at in self.timers.items() if at <= self.server.now}
        self.woken |= due
        for key in due:
            del self.timers[key]

    def see(self, kind: str) -> None:
        """The watch delivers the oldest event of the kind that is under way."""
        resource = next(resource for resource in WATCHED if resource.kind == kind)
        self.woken.update(take_event(self.context, resource, *self.server.events[kind].pop(0)))

    def crash(self) -> None:
        for task in self.tasks.values():
            task.close()
        self.tasks.clear()
