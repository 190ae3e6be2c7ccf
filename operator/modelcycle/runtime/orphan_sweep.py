"""Ends the MLflow runs of TrainingRuns that were deleted before they ended, also while nobody watched.

Only runs of this cluster, by its UID, and of the namespaces that are watched: several clusters may share one MLflow.
"""

import asyncio
import json
import logging
import random
import re

from modelcycle import pods
from modelcycle.plan import RUN_LABEL, Body
from modelcycle.runtime.cluster import ApiError, NotFoundError
from modelcycle.runtime.context import Context
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.runtime.resources import PODS, TRAINING_RUNS
from modelcycle.training.orphans import LeftRunning, Successor, is_abandoned

# Anybody who reaches MLflow can write tags: what is no name is nobody's.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{,61}[a-z0-9])?")

logger = logging.getLogger(__name__)


class OrphanSweep:
    """What is seen abandoned at two looks in a row is ended as KILLED."""

    def __init__(self, context: Context, namespaces: tuple[str, ...], seconds: float) -> None:
        self._context = context
        self._namespaces = namespaces
        self._seconds = seconds
        self._abandoned: set[str] = set()

    async def run(self) -> None:
        """Looks again and again until it is cancelled; replicas do not do it together."""
        while True:
            await self.look()
            await asyncio.sleep(self._seconds * random.uniform(1, 1.1))  # noqa: S311 - jitter

    async def look(self) -> None:
        """One look, and the end of what the one before saw abandoned as well."""
        try:
            await self._look()
        except (ApiError, RegistryError) as error:
            logger.info("the sweep is tried again later", extra={"error": str(error)})

    async def _look(self) -> None:
        """MLflow is asked first: whatever has begun a run by then, the API server knows."""
        context = self._context
        if not context.lease.held():
            self._abandoned.clear()
            return
        left = await context.mlflow.left_running(context.defaults.cluster)
        now = {run.run_id for run in left if self._is_watched(run) and await self._is_abandoned(run)}
        for run_id in sorted(now & self._abandoned):
            if not context.lease.held():
                return
            await context.mlflow.end_run(run_id, "KILLED", int(context.clock().timestamp() * 1000))
            logger.info("the MLflow run of a deleted TrainingRun was ended", extra={"run_id": run_id})
        self._abandoned = now - self._abandoned

    def _is_watched(self, run: LeftRunning) -> bool:
        names = _NAME.fullmatch(run.namespace) and _NAME.fullmatch(run.training_run)
        return bool(names) and (not self._namespaces or run.namespace in self._namespaces)

    async def _is_abandoned(self, run: LeftRunning) -> bool:
        """What the store knows to be there need not be asked for; what it does not know is looked for live."""
        known = self._context.store.get(TRAINING_RUNS.kind, run.namespace, run.training_run)
        if known and known.uid == run.uid and not _is_finished(json.loads(known.item)):
            return False
        cluster, successor = self._context.cluster, None
        try:
            found = await cluster.get(TRAINING_RUNS, run.namespace, run.training_run)
            created = pods.timestamp(found["metadata"]["creationTimestamp"])
            successor = Successor(found["metadata"]["uid"], created, _is_finished(found))
        except NotFoundError:
            pass
        selector = f"{RUN_LABEL}={run.training_run}"
        living = [pods.project(body) async for body in cluster.list(PODS, run.namespace, selector)]
        return is_abandoned(run, successor, living)


def _is_finished(body: Body) -> bool:
    return "completionTime" in body.get("status", {})
