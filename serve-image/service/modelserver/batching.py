"""Requests that wait together are predicted together: rows of several requests in one call of the model."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

log = logging.getLogger(__name__)

Predict = Callable[[Any], Any]


@dataclass(eq=False)
class Waiting:
    """The rows of one request, and where their predictions go."""

    data: Any
    since: float
    answer: "Future[Any]" = field(default_factory=Future)

    @property
    def kind(self) -> object:
        """Rows of one kind stand in one array, or in one DataFrame."""
        if isinstance(self.data, np.ndarray):
            return self.data.dtype, self.data.shape[1:]
        return tuple(self.data.columns), tuple(self.data.dtypes)


class Batcher:
    """Calls `predict` from one thread on up to `max_rows` rows, no more than `max_latency` seconds late.

    BentoML's own dispatcher is not used: it answers 503 to requests that it expects to be late, also where the
    model would have been in time.
    """

    def __init__(self, predict: Predict, max_rows: int, max_latency: float) -> None:
        self._predict, self._max_rows, self._max_latency = predict, max_rows, max_latency
        self._queue: list[Waiting] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._work, name="batches", daemon=True).start()

    def __call__(self, data: Any) -> Any:
        """The predictions for `data`, of which there is one for each of its rows; raises what predict raises."""
        waiting = Waiting(data, time.monotonic())
        with self._changed:
            self._queue.append(waiting)
            self._changed.notify()
        return waiting.answer.result()

    def _work(self) -> None:
        while True:
            _answer(self._predict, self._next())

    def _next(self) -> list[Waiting]:
        with self._changed:
            self._changed.wait_for(lambda: self._queue)
            due = self._queue[0].since + self._max_latency
            self._changed.wait_for(self._full, timeout=max(0.0, due - time.monotonic()))
            batch = first_batch(self._queue, self._max_rows)
            self._queue = [waiting for waiting in self._queue if waiting not in batch]
            return batch

    def _full(self) -> bool:
        return sum(len(waiting.data) for waiting in self._queue) >= self._max_rows


def first_batch(queue: list[Waiting], max_rows: int) -> list[Waiting]:
    """The oldest request and those that fit beside it; one larger than `max_rows` goes alone."""
    batch, room = [queue[0]], max_rows - len(queue[0].data)
    for waiting in queue[1:]:
        if len(waiting.data) <= room and waiting.kind == queue[0].kind:
            batch.append(waiting)
            room -= len(waiting.data)
    return batch


def _answer(predict: Predict, batch: list[Waiting]) -> None:
    """Every request its own rows; where they cannot be told apart, or one spoils the call, each its own call."""
    if len(batch) > 1:
        try:
            parts = split(
                predict(_together([waiting.data for waiting in batch])), [len(w.data) for w in batch]
            )
        except Exception:
            parts = None
        if parts is not None:
            for waiting, part in zip(batch, parts, strict=True):
                waiting.answer.set_result(part)
            return
    for waiting in batch:
        try:
            waiting.answer.set_result(predict(waiting.data))
        except BaseException as error:
            waiting.answer.set_exception(error)


def _together(parts: list[Any]) -> Any:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    import pandas as pd

    return pd.concat(parts, ignore_index=True)


def split(predictions: Any, counts: list[int]) -> list[Any] | None:
    """`predictions` for `counts` rows each; None where there is not one for each row."""
    whole = getattr(predictions, "iloc", predictions)
    if not isinstance(predictions, list | np.ndarray) and whole is predictions:
        return None
    if len(predictions) != sum(counts):
        return None
    ends = np.cumsum(counts).tolist()
    parts = [whole[end - count : end] for end, count in zip(ends, counts, strict=True)]
    # A request's DataFrame or Series begins with row 0.
    return [part.reset_index(drop=True) if hasattr(part, "reset_index") else part for part in parts]
