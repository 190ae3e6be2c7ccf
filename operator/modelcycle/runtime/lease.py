"""Replicas take turns by a Lease: only its holder acts."""

import asyncio
import logging
import time
from collections.abc import Callable

from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

from modelcycle.runtime.cluster import ApiError, Cluster
from modelcycle.runtime.metrics import LEADER
from modelcycle.runtime.resources import LEASES

DURATION_SECONDS, RENEW_DEADLINE_SECONDS, RETRY_SECONDS = 15, 10, 2
# A write that starts within the last seconds of the lease could land after another replica has taken over.
MARGIN_SECONDS = 3

logger = logging.getLogger(__name__)


class Lease:
    """Held or not; without a name there is one replica only, and it always acts."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, identity: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._leading = not name
        self._election: LeaderElection | None = None

    def held(self) -> bool:
        """Whether this replica may write now, with time left to finish the write."""
        if not self._leading or self._election is None:
            return self._leading
        age: float = time.time() - self._election.observed_time_milliseconds / 1000
        return age < DURATION_SECONDS - MARGIN_SECONDS

    async def run(self, on_acquired: Callable[[], None]) -> None:
        """Tries to get and keep the lease until it is cancelled, then gives it back."""
        if not self._name:
            LEADER.set(1)
            on_acquired()
            await asyncio.Event().wait()
        try:
            while True:
                await self._term(on_acquired)
        finally:
            await self._release()

    async def _term(self, on_acquired: Callable[[], None]) -> None:
        async def started() -> None:
            self._leading = True
            LEADER.set(1)
            logger.info("this replica acts now", extra={"lease": self._name})
            on_acquired()

        async def stopped() -> None:
            self._leading = False
            LEADER.set(0)
            logger.warning("the lease was lost", extra={"lease": self._name})

        lock = LeaseLock(self._name, self._namespace, self._identity, self._cluster.client)
        config = Config(lock, DURATION_SECONDS, RENEW_DEADLINE_SECONDS, RETRY_SECONDS, started, stopped)
        self._election = LeaderElection(config)
        await self._election.run()

    async def _release(self) -> None:
        """Another replica, or this one restarted, need not wait for the lease to run out."""
        if not self._leading:
            return
        self._leading = False
        LEADER.set(0)
        try:
            body = await self._cluster.get(LEASES, self._namespace, self._name)
            if body.get("spec", {}).get("holderIdentity") == self._identity:
                body["spec"]["holderIdentity"] = None
                await self._cluster.replace(LEASES, self._namespace, self._name, body)
        except ApiError as error:
            logger.info("the lease could not be given back", extra={"error": str(error)})
