"""Looks at the registry again and again; what has changed wakes those who follow it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from modelcycle.api.modeldeployment import FollowedModel
from modelcycle.registry import PENDING, Files, Origin, RegisteredModel, Resolution, Version, locate, resolve
from modelcycle.runtime.metrics import POLL_SECONDS, POLLS
from modelcycle.runtime.mlflow import Mlflow
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.runtime.store import Key

# One lost answer is no outage.
FAILURES_BEFORE_SAYING_SO = 2

logger = logging.getLogger(__name__)


class RegistryWatch:
    """What the registry says of the models that are followed.

    greet is called when the registry answers for the first time and after an outage, until it says that it is done.

    Attributes:
        problem: why it does not answer, as a sentence, or "".
    """

    def __init__(
        self,
        mlflow: Mlflow,
        mount_path: str,
        poll_seconds: float,
        wake: Callable[[Key], None],
        greet: Callable[[], Awaitable[bool]],
    ) -> None:
        self.problem = ""
        self._mlflow = mlflow
        self._mount_path = mount_path
        self._poll_seconds = poll_seconds
        self._wake = wake
        self._followed: dict[Key, str] = {}
        self._seen: dict[str, RegisteredModel] = {}
        self._models: dict[str, RegisteredModel | None] = {}
        self._located: dict[Version, tuple[Files, Origin]] = {}
        self._failures = 0
        self._answered = False
        self._nudged = asyncio.Event()
        self._greet = greet
        self._greeted = False

    def follow(self, key: Key, model: str) -> None:
        """From now on the key is woken when the model changes."""
        if self._followed.get(key) == model:
            return
        self._followed[key] = model
        if model not in self._models:
            self.nudge()

    def unfollow(self, key: Key) -> None:
        self._followed.pop(key, None)

    def nudge(self) -> None:
        """Asks for a look now."""
        self._nudged.set()

    def resolution(self, followed: FollowedModel) -> Resolution | None:
        """What a reference means by the registry's last answer; None if it has not answered about the model."""
        if followed.name not in self._models:
            return None
        return resolve(followed, self._models[followed.name])

    def versions(self, model: str) -> tuple[Version, ...]:
        """All versions of a model, by the registry's last answer."""
        seen = self._models.get(model)
        return seen.versions if seen else ()

    async def files(self, version: Version) -> tuple[Files, Origin]:
        """The folder of a version and where it comes from, by the last answer. Raises RegistryError without one."""
        known = self._located.get(version)
        if known and not known[1].running:
            return known
        try:
            uri = await self._mlflow.download_uri(version)
            found = locate(uri, self._mount_path), await self._mlflow.origin_of(version.run_id)
        except RegistryError:
            if known:
                return known
            raise
        self._located[version] = found
        return found

    def origin_changed(self, run_id: str) -> None:
        """More is known of an MLflow run: whoever follows a model with a version of it asks again."""
        self._located = {v: found for v, found in self._located.items() if v.run_id != run_id}
        models = [model for model in self._models.values() if model]
        names = {model.name for model in models if any(v.run_id == run_id for v in model.versions)}
        for key, name in list(self._followed.items()):
            if name in names:
                self._wake(key)

    async def run(self) -> None:
        """Polls until it is cancelled."""
        while True:
            self._nudged.clear()
            await self.poll()
            try:
                await asyncio.wait_for(self._nudged.wait(), self._poll_seconds)
            except TimeoutError:
                continue

    async def poll(self) -> None:
        """One look: a paged search over all models, and the versions of the followed ones that changed."""
        try:
            with POLL_SECONDS.time():
                changed = await self._look()
        except RegistryError as error:
            self._failed(str(error))
            return
        POLLS.labels("ok").inc()
        self._greeted = self._greeted or await self._greet()
        back = bool(self.problem)
        self._failures, self.problem, self._answered = 0, "", True
        for key, model in list(self._followed.items()):
            if back or model in changed:
                self._wake(key)

    async def _look(self) -> set[str]:
        """Names of the followed models that are not as they were."""
        seen = {model.name: model for model in await self._mlflow.models()}
        changed = set()
        for name in set(self._followed.values()):
            before, fresh = self._models.get(name), seen.get(name)
            as_before = name in self._models and fresh == self._seen.get(name)
            if as_before and not unfinished(before):
                continue
            versions = await self._mlflow.versions(name) if fresh else ()
            self._models[name] = RegisteredModel(name, fresh.aliases, versions) if fresh else None
            if not as_before or self._models[name] != before:
                changed.add(name)
        self._seen = seen
        self._forget(set(self._followed.values()))
        return changed

    def _forget(self, followed: set[str]) -> None:
        for name in set(self._models) - followed:
            del self._models[name]
        current = {version for model in self._models.values() if model for version in model.versions}
        for version in set(self._located) - current:
            del self._located[version]

    def _failed(self, problem: str) -> None:
        POLLS.labels("error").inc()
        self._failures += 1
        self._greeted = False
        if self._answered and self._failures < FAILURES_BEFORE_SAYING_SO:
            return
        first = not self.problem
        # One wording an outage: its details vary from one try to the next.
        self.problem = self.problem or problem
        if not first:
            return
        logger.warning("the registry does not answer", extra={"problem": problem})
        for key in self._followed:
            self._wake(key)


def unfinished(model: RegisteredModel | None) -> bool:
    """Whether a version is still being registered: the search over all models shows the newest ones only."""
    return model is not None and any(version.status == PENDING for version in model.versions)
