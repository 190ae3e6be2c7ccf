"""MLflow in memory: one registered model, the runs that made its versions, and outages."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from modelcycle.registry import Origin, RegisteredModel, Version
from modelcycle.runtime.examples import OWN
from modelcycle.runtime.mlflow import Mlflow
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.serving.places import VersionId
from modelcycle.training.observed import (
    CLUSTER_TAG,
    COMMIT_TAG,
    NAME_TAG,
    NAMESPACE_TAG,
    POD_TAG,
    UID_TAG,
    MlflowRun,
    Results,
)
from modelcycle.training.orphans import RUNNING, LeftRunning

from tests.builders.base import MODEL
from tests.builders.registry import a_version, an_mlflow_run, path_of
from tests.convergence.cluster import in_flight

T = TypeVar("T")
# What becomes of a pod that serves a version.
GOOD, UNSERVABLE, CRASHES, HANGS, ELSEWHERE = "good", "exits 3", "crashes", "hangs", "its files are on S3"
# It becomes ready, and answers one request in two with an error.
ERRS = "errs"
# It becomes ready, and answers a quarter of the rows otherwise than the others do.
ODD = "odd"
# It is good, and its init container is at it for a while.
INSTALLS, INSTALL_SECONDS = "installs", 45
BEHAVIOURS = (GOOD, GOOD, GOOD, INSTALLS, UNSERVABLE, CRASHES, HANGS, ELSEWHERE, ERRS, ODD)
# How many rows its input example has.
ROWS = 20


class MemoryRegistry(Mlflow):
    """
    Attributes:
        up: whether it answers; `stumbles` counts the next requests that it does not answer all the same.
        logged: the MLflow runs of training pods, with the version that each registered.
        pointed: the versions that the operator has pointed an alias to; `figures`: accuracies that were chosen.
        law: judges the end of a run by the operator, by the run's tags; raises AssertionError.
        asked: how many requests there were; `stumbles_at`: the number of one that is not answered.
        odd: versions that answer some rows otherwise than the others do, also after they have broken.
        artifacts: by run id, paths and contents.
        places: by version, the tag that tells where it serves; tagged: how often one was written.
    """

    def __init__(self) -> None:
        super().__init__("http://mlflow:5000")
        self.up, self.stumbles = True, 0
        # Whether serving pods do not say what they have answered.
        self.quiet = False
        # Whether serving pods do not answer the operator.
        self.mute = False
        # Whether clients ask for nothing.
        self.idle = False
        # How many requests of the operator each pod has answered, by UID: the pods count them.
        self.exercised: Counter[str] = Counter()
        self.made: dict[int, Version] = {}
        self.behaviour: dict[int, str] = {}
        self.odd: set[int] = set()
        self.aliases: Mapping[str, int] = {}
        self.pointed: list[int] = []
        self.figures: dict[int, float] = {}
        self.logged: list[tuple[MlflowRun, Version | None]] = []
        self.law: Callable[[dict[str, str]], None]
        self.asked, self.stumbles_at = 0, -1
        self.artifacts: dict[str, dict[str, bytes]] = defaultdict(dict)
        self._status: dict[str, str] = {}
        self.experiments: set[str] = set()
        self._tags: dict[str, dict[str, str]] = {}
        self.places: dict[int, str] = {}
        self.tagged = 0

    def register(self, behaviour: str = GOOD) -> Version:
        # Numbers of versions that a restored backup lacks are not used again: pods are told apart by them.
        version = a_version(len(self.behaviour) + 1)
        self.made[version.number] = version
        self.behaviour[version.number] = behaviour
        if behaviour == ODD:
            self.odd.add(version.number)
        return version

    def log(self, tags: dict[str, str], registers: bool, figure: float | None = None) -> None:
        """A training pod's MLflow run, tagged by its MLFLOW_RUN_CONTEXT. figure: its accuracy."""
        version = self.register() if registers else None
        if version and figure is not None:
            self.figures[version.number] = figure
        run_id = version.run_id if version else f"run-of-{tags[POD_TAG]}"
        logged = self.accuracy_of(version.number) if version else figure or 0.9
        run = an_mlflow_run(run_id, start=len(self.logged), pod=tags[POD_TAG], accuracy=logged)
        self._tags[run_id], self._status[run_id] = tags, RUNNING
        self.logged.append((run, version))

    def accuracy_of(self, number: int) -> float:
        """Of the run that registered a version."""
        return self.figures.get(number, 0.5 if number % 3 == 2 else 0.9)

    def has_run_of(self, pod: str) -> bool:
        return any(run.pod == pod for run, _ in self.logged)

    def pod_ends(self, pod: str, status: str) -> None:
        """The script ends the run that it began."""
        self._status |= {run.run_id: status for run, _ in self.logged if run.pod == pod}

    def runs_of(self, uid: str) -> dict[str, str]:
        """By id, the status of the runs of a TrainingRun; of all of them with ""."""
        return {
            run_id: self._status[run_id] for run_id, tags in self._tags.items() if uid in ("", tags[UID_TAG])
        }

    async def _answer(self, answer: Callable[[], T]) -> T:
        await in_flight()
        self.asked += 1
        if self.asked == self.stumbles_at:
            raise RegistryError("MLflow answers 502.")
        if self.stumbles:
            self.stumbles -= 1
            raise RegistryError("MLflow answers 500.")
        if not self.up:
            raise RegistryError("MLflow does not answer.")
        return answer()

    async def version_file(self, model: str, version: str, path: str, limit: int) -> bytes | None:
        there = path == OWN[0] and int(version) in self.made
        return await self._answer(lambda: b'{"inputs": []}' if there else None)

    async def run_file(self, run_id: str, path: str, limit: int) -> bytes | None:
        return await self._answer(lambda: None)

    async def ensure_experiment(self, name: str) -> None:
        await self._answer(lambda: self.experiments.add(name))

    async def models(self) -> list[RegisteredModel]:
        return await self._answer(self._models)

    def _models(self) -> list[RegisteredModel]:
        """As the registry's search does, it shows the newest version only."""
        newest = tuple(self.made.values())[-1:]
        return [RegisteredModel(MODEL, self.aliases, newest)] if newest else []

    async def versions(self, model: str) -> tuple[Version, ...]:
        return await self._answer(lambda: tuple(self.made.values()))

    async def download_uri(self, version: Version) -> str:
        if self.behaviour[version.number] == ELSEWHERE:
            return await self._answer(lambda: "s3://models/iris")
        return await self._answer(lambda: f"file://{path_of(version.number)}")

    async def origin_of(self, run_id: str) -> Origin:
        tags = await self._answer(lambda: self._tags.get(run_id))
        number = int(run_id.removeprefix("run-")) if run_id.removeprefix("run-").isdigit() else 0
        training_run = f"{tags[NAMESPACE_TAG]}/{tags[NAME_TAG]}" if tags else ""
        return Origin(training_run, self.commit_of(run_id), {"accuracy": self.accuracy_of(number)})

    def commit_of(self, run_id: str) -> str:
        return next((run.commit for run, _ in self.logged if run.run_id == run_id), "")

    async def set_tag(self, run_id: str, key: str, value: str) -> None:
        assert key == COMMIT_TAG
        await self._answer(lambda: self._commit(run_id, value))

    def _commit(self, run_id: str, commit: str) -> None:
        self.logged = [
            (replace(run, commit=commit) if run.run_id == run_id else run, version)
            for run, version in self.logged
        ]

    async def results(self, training_run_uid: str) -> Results:
        return await self._answer(lambda: self._results(training_run_uid))

    def _results(self, uid: str) -> Results:
        logged = [(run, v) for run, v in self.logged if self._tags[run.run_id][UID_TAG] == uid]
        runs = tuple(replace(run, status=self._status[run.run_id]) for run, _ in logged)
        return Results(runs, tuple(v for _, v in logged if v))

    async def left_running(self, cluster: str) -> list[LeftRunning]:
        def left() -> list[LeftRunning]:
            return [
                LeftRunning(run_id, tags[NAMESPACE_TAG], tags[NAME_TAG], tags[UID_TAG])
                for run_id, tags in self._tags.items()
                if self._status[run_id] == RUNNING and tags[CLUSTER_TAG] == cluster
            ]

        return await self._answer(left)

    async def end_run(self, run_id: str, status: str, end_time: int) -> None:
        def end() -> None:
            self.law(self._tags[run_id])
            self._status[run_id] = status

        await self._answer(end)

    async def put_artifact(self, run_id: str, path: str, size: int, content: AsyncIterator[bytes]) -> None:
        whole = b"".join([piece async for piece in content])
        assert len(whole) == size
        await self._answer(lambda: self.artifacts[run_id].update({path: whole}))

    async def aliases_of(self, model: str) -> dict[str, int]:
        return await self._answer(lambda: dict(self.aliases))

    async def version(self, model: str, number: int) -> Version | None:
        return await self._answer(lambda: self.made.get(number))

    async def tagged_versions(self, key: str) -> dict[VersionId, str]:
        there = {number: value for number, value in self.places.items() if number in self.made}
        return await self._answer(lambda: {(MODEL, number): value for number, value in there.items()})

    async def set_version_tag(self, model: str, number: int, key: str, value: str) -> None:
        await self._answer(lambda: self._place(number, value))

    async def delete_version_tag(self, model: str, number: int, key: str) -> None:
        await self._answer(lambda: self._place(number, ""))

    def _place(self, number: int, value: str) -> None:
        self.tagged += 1
        assert self.places.get(number, "") != value, "a tag was written that was there"
        self.places[number] = value

    async def set_alias(self, model: str, alias: str, version: int) -> None:
        await self._answer(lambda: self._point(alias, version))
        await in_flight()

    def _point(self, alias: str, number: int) -> None:
        self.pointed.append(number)
        self.aliases = {**self.aliases, alias: number}
