"""Keeps the tags in the registry that tell where versions serve, beside the rollouts and never in their way."""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator

from modelcycle.registry import identity
from modelcycle.runtime.context import Context
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.runtime.resources import MODEL_DEPLOYMENTS
from modelcycle.serving.places import Place, VersionId, tag, told

# So many resources are read before others have their turn.
READ_AT_ONCE = 100

logger = logging.getLogger(__name__)


class ServingTags:
    """Compares the tags with what serves: a tag of a ModelDeployment that was deleted unseen goes as well."""

    def __init__(self, context: Context, namespaces: tuple[str, ...], seconds: float) -> None:
        self._context = context
        self._namespaces = namespaces
        self._seconds = seconds
        self._tag = tag(context.defaults.cluster)

    async def run(self) -> None:
        """Looks whenever what serves has changed, and now and then, until it is cancelled."""
        changed = self._context.serving_changed
        while True:
            changed.clear()
            await self.look()
            try:
                wait = self._seconds * random.uniform(1, 1.1)  # noqa: S311 - jitter
                await asyncio.wait_for(changed.wait(), wait)
            except TimeoutError:
                continue

    async def look(self) -> None:
        """One look, and the writes that it asks for."""
        try:
            await self._look()
        except RegistryError as error:
            logger.info("where versions serve is told later", extra={"error": str(error)})

    async def _look(self) -> None:
        context = self._context
        if not context.lease.held():
            return
        found = await context.mlflow.tagged_versions(self._tag)
        places = [place async for place in self._places()]
        identities = {place.version: place.identity for place in places}
        for version, value in told(places, found, self._is_watched).items():
            if not context.lease.held():
                return
            await self._tell(version, value, identities.get(version, ""))

    async def _tell(self, version: VersionId, value: str, expected: str) -> None:
        mlflow = self._context.mlflow
        if not value:
            await mlflow.delete_version_tag(*version, self._tag)
            return
        # A registry that went back in time can lack it, or have another one of that number.
        entry = await mlflow.version(*version)
        if entry and expected in ("", identity(entry)):
            await mlflow.set_version_tag(*version, self._tag, value)

    async def _places(self) -> AsyncIterator[Place]:
        for at, ((namespace, name), entry) in enumerate(self._context.store.items(MODEL_DEPLOYMENTS)):
            if at % READ_AT_ONCE == READ_AT_ONCE - 1:
                await asyncio.sleep(0)
            serving = json.loads(entry.item).get("status", {}).get("serving") or {}
            if serving.get("model"):
                version = serving["model"], int(serving["version"])
                yield Place(f"{namespace}/{name}", version, serving.get("identity", ""))

    def _is_watched(self, namespace: str) -> bool:
        return not self._namespaces or namespace in self._namespaces
