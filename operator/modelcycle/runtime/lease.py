"""Replicas take turns by a Lease: only its holder acts.

The algorithm is client-go's: a holder renews; anybody else takes the lease when its record has not changed for
its whole duration by their own clock, so that clocks need not agree.
(The kubernetes package has one as well, but its LeaseLock cannot create a Lease in 37.0.2.)
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from modelcycle.plan import Body
from modelcycle.runtime.cluster import ApiError, Cluster, NotFoundError
from modelcycle.runtime.metrics import LEADER
from modelcycle.runtime.resources import LEASES

DURATION_SECONDS, RETRY_SECONDS = 15.0, 2.0
# A write that starts within the last seconds of the lease could land after another replica has taken over.
MARGIN_SECONDS = 3.0

logger = logging.getLogger(__name__)


class Lease:
    """Held or not; without a name there is one replica only, and it always acts."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._held_until = float("-inf")
        self._seen: tuple[str, float] = ("", 0.0)  # resourceVersion, since when

    def held(self) -> bool:
        """Whether this replica may write now, with time left to finish the write."""
        return not self._name or self._clock() < self._held_until - MARGIN_SECONDS

    async def run(self, on_acquired: Callable[[], None]) -> None:
        """Tries to get and keep the lease until it is cancelled, then gives it back."""
        if not self._name:
            LEADER.set(1)
            on_acquired()
            await asyncio.Event().wait()
        try:
            while True:
                was_held = self.held()
                await self.turn()
                if self.held() != was_held:
                    self._changed(on_acquired)
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            await self._give_back()

    def _changed(self, on_acquired: Callable[[], None]) -> None:
        LEADER.set(self.held())
        logger.info(
            "this replica acts now" if self.held() else "another replica acts now",
            extra={"lease": self._name},
        )
        if self.held():
            on_acquired()

    async def turn(self) -> None:
        """One try to take or renew the lease. Trouble with the API server is another try later."""
        started = self._clock()
        try:
            if await self._take():
                self._held_until = started + DURATION_SECONDS
        except ApiError as error:
            logger.info("the lease was not renewed", extra={"lease": self._name, "error": str(error)})

    async def _take(self) -> bool:
        now = datetime.now(UTC)
        try:
            body = await self._cluster.get(LEASES, self._namespace, self._name)
        except NotFoundError:
            new = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._name, "namespace": self._namespace},
                "spec": record({}, self._identity, now),
            }
            await self._cluster.create(LEASES, self._namespace, new)
            return True
        version = body["metadata"]["resourceVersion"]
        if version != self._seen[0]:
            self._seen = (version, self._clock())
        if not may_take(body.get("spec", {}), self._identity, self._clock() - self._seen[1]):
            return False
        body["spec"] = record(body.get("spec", {}), self._identity, now)
        await self._cluster.replace(LEASES, self._namespace, self._name, body)
        return True

    async def _give_back(self) -> None:
        """Another replica, or this one restarted, need not wait for the lease to run out."""
        if not self.held():
            return
        self._held_until = float("-inf")
        LEADER.set(0)
        try:
            body = await self._cluster.get(LEASES, self._namespace, self._name)
            if body["spec"].get("holderIdentity") == self._identity:
                body["spec"]["holderIdentity"] = ""
                await self._cluster.replace(LEASES, self._namespace, self._name, body)
        except ApiError as error:
            logger.info("the lease could not be given back", extra={"error": str(error)})


def may_take(spec: Body, identity: str, unchanged_seconds: float) -> bool:
    """Ours, nobody's, or somebody's who has not renewed it for its whole duration."""
    holder = spec.get("holderIdentity")
    return not holder or holder == identity or unchanged_seconds > spec.get("leaseDurationSeconds", 0)


def record(before: Body, identity: str, now: datetime) -> Body:
    """The Lease's spec once identity holds it."""
    at = now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    renewed = {
        "holderIdentity": identity,
        "leaseDurationSeconds": int(DURATION_SECONDS),
        "renewTime": at,
    }
    if before.get("holderIdentity") == identity:
        return {**before, **renewed}
    transitions = before.get("leaseTransitions", 0) + (1 if before.get("holderIdentity") else 0)
    return {**before, **renewed, "acquireTime": at, "leaseTransitions": transitions}
