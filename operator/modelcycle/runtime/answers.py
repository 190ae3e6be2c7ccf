"""Answers what a plan wants to know first."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace

from modelcycle.plan import RUN_LABEL, CollectResults, KeepLogs, Nominate, Question, ReadChampions
from modelcycle.runtime import champions, observe_runs
from modelcycle.runtime.cluster import ApiError, NotFoundError, RefusedError
from modelcycle.runtime.context import Context
from modelcycle.runtime.mlflow import ARTIFACT_MAX_BYTES
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.runtime.resources import PODS
from modelcycle.runtime.store import Key
from modelcycle.runtime.write import LeaseLostError
from modelcycle.training.observed import LogsKept, Observed
from modelcycle.training.pod import CONTAINER

# A log up to this size stays in memory, a longer one goes to a file.
MEMORY_BYTES, PIECE_BYTES = 64 * 1024, 64 * 1024
# No log is begun later than this after the first one of the same Job.
LOGS_SECONDS = 30


async def answer(context: Context, key: Key, observed: Observed, question: Question) -> Observed | None:
    """What was observed, with the answer; None if it is another one's turn, after which this one is woken.

    Raises ApiError, LeaseLostError.
    """
    match question:
        case CollectResults():
            return await _with_results(context, key, observed)
        case KeepLogs():
            return replace(observed, logs=await _keep(context, key, question))
        case ReadChampions():
            return await _with_champions(context, key, observed)
        case Nominate():
            raise AssertionError("a TrainingRun nominates nothing")


async def _with_results(context: Context, key: Key, observed: Observed) -> Observed:
    """Which attempts failed decides what counts, and the watch of pods can be behind that of Jobs."""
    if context.registry.problem:
        return replace(observed, registry_problem=context.registry.problem)
    async for body in context.cluster.list(PODS, key.namespace, f"{RUN_LABEL}={key.name}"):
        context.store.put(PODS, body)
    try:
        results = await context.mlflow.results(observed.run.metadata.uid)
    except RegistryError as error:
        return replace(observed, registry_problem=str(error))
    return replace(observed, results=results, pods=observe_runs.pods_of(context, key, observed.job))


async def _with_champions(context: Context, key: Key, observed: Observed) -> Observed | None:
    """Of the runs that may move an alias of one model, one at a time is judged."""
    model = observed.run.spec.model
    if model and not context.turns.take(model.name, key):
        return None
    try:
        return replace(observed, champions=await champions.of_model(context.mlflow, model))
    except RegistryError as error:
        return replace(observed, results=None, registry_problem=str(error))


async def _keep(context: Context, key: Key, question: KeepLogs) -> LogsKept:
    """The newest logs first; the first failure ends it."""
    started = context.clock()
    kept: list[str] = []
    for pod in reversed(question.pods):
        if (context.clock() - started).total_seconds() > LOGS_SECONDS:
            return LogsKept(tuple(kept), "Not all logs were kept: it took too long.")
        if not context.lease.held():
            raise LeaseLostError("the lease is not held")
        try:
            if await _keep_one(context, key.namespace, pod, question.run_id):
                kept.append(pod)
        except (ApiError, RegistryError) as error:
            return LogsKept(tuple(kept), f"The log of pod {pod} was not kept: {error}")
    return LogsKept(tuple(kept))


async def _keep_one(context: Context, namespace: str, pod: str, run_id: str) -> bool:
    """Whether there was anything to keep."""
    with Tail(ARTIFACT_MAX_BYTES) as tail:
        try:
            async for piece in context.cluster.log(namespace, pod, CONTAINER):
                tail.add(piece)
        except NotFoundError:
            return False
        except RefusedError as error:
            if error.code != 400:  # 400: the container has not started
                raise
        if tail.size:
            await context.mlflow.put_artifact(run_id, f"logs/{pod}.log", tail.size, tail.pieces())
        return tail.size > 0


class Tail:
    """The last bytes of a stream, in a file that is written round and round: many at once take no memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen = 0
        self._file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> "Tail":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def size(self) -> int:
        return min(self._seen, self._limit)

    def add(self, piece: bytes) -> None:
        while piece:
            at = self._seen % self._limit
            now, piece = piece[: self._limit - at], piece[self._limit - at :]
            self._file.seek(at)
            self._file.write(now)
            self._seen += len(now)

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of it, the oldest bytes first."""
        start = self._seen % self._limit if self._seen > self._limit else 0
        for begin, end in ((start, self.size), (0, start)):
            self._file.seek(begin)
            while begin < end and (piece := self._file.read(min(PIECE_BYTES, end - begin))):
                yield piece
                begin += len(piece)
