"""Requests predicted together: every one its own answer, none lost, and a bad one spoils no other."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from modelserver.batching import Batcher, Waiting, first_batch, split
from modelserver.model import load
from modelserver.scoring import score

from tests.unit.serve.models import scripted


def a_request(*rows: float, dtype: str = "float64") -> Waiting:
    return Waiting(np.array(rows, dtype).reshape(-1, 1), since=0)


class Doubling:
    """A model that doubles, refuses 13, and tells how many rows it was given at once."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, data: Any) -> Any:
        self.seen.append(len(data))
        if 13 in np.asarray(data):
            raise ValueError("unlucky")
        return 2 * np.asarray(data)[:, 0]


def test_every_request_of_many_gets_its_own_answer_and_bad_ones_their_own_error() -> None:
    model = Doubling()
    batched = Batcher(model, max_rows=8, max_latency=0.02)

    def ask(number: int) -> Any:
        try:
            return batched(np.array([[number], [-number]], dtype=float)).tolist()
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(32) as clients:
        answers = list(clients.map(ask, range(500)))
    assert answers == [[2.0 * n, -2.0 * n] if n != 13 else "unlucky" for n in range(500)]
    assert max(model.seen) <= 8
    assert len(model.seen) < 300  # they did go together


def test_a_request_alone_waits_no_longer_than_it_may() -> None:
    assert Batcher(Doubling(), max_rows=100, max_latency=0.001)(np.array([[4.0]])).tolist() == [8.0]


def test_a_full_batch_waits_for_nobody() -> None:
    batched = Batcher(Doubling(), max_rows=4, max_latency=3600)
    with ThreadPoolExecutor(4) as clients:
        answers = list(clients.map(lambda n: batched(np.array([[float(n)]])).tolist(), range(4)))
    assert answers == [[0.0], [2.0], [4.0], [6.0]]


@pytest.mark.parametrize(
    ("queue", "together"),
    [
        ([a_request(1), a_request(2), a_request(3)], [0, 1, 2]),
        ([a_request(1, 2, 3), a_request(4, 5), a_request(6)], [0, 2]),
        ([a_request(*range(9)), a_request(1)], [0]),
        ([a_request(1), a_request(2, dtype="float32"), a_request(3)], [0, 2]),
    ],
    ids=["all", "what fits", "too large for any batch", "of another type"],
)
def test_the_oldest_request_chooses_its_company(queue: list[Waiting], together: list[int]) -> None:
    assert first_batch(queue, max_rows=4) == [queue[index] for index in together]


@pytest.mark.parametrize(
    "predictions",
    [
        np.array([1, 2, 3]),
        [1, 2, 3],
        pd.Series([1, 2, 3]),
        pd.DataFrame({"p": [1, 2, 3]}),
    ],
    ids=lambda predictions: type(predictions).__name__,
)
def test_predictions_are_split_by_rows(predictions: Any) -> None:
    parts = split(predictions, [1, 2])
    assert parts is not None
    assert [np.asarray(part).ravel().tolist() for part in parts] == [[1], [2, 3]]
    assert [list(part.index) for part in parts if isinstance(part, pd.Series | pd.DataFrame)] in (
        [],
        [[0], [0, 1]],
    )


@pytest.mark.parametrize("predictions", [np.array([1.0]), [1], {"p": [1, 2, 3]}, "abc", 3.0])
def test_predictions_that_are_not_one_a_row_are_not_split(predictions: Any) -> None:
    assert split(predictions, [1, 2]) is None


MEAN = """
def predict(self, context, model_input, params=None):
    return {how}
"""


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("[2 * x for x in model_input['x']]", lambda n: f'{{"predictions": [{2.0 * n}]}}'),
        ("[model_input['x'].sum()]", lambda n: f'{{"predictions": [{float(n)}]}}'),
    ],
    ids=["by row", "over all rows"],
)
def test_a_pyfunc_model_answers_the_same_in_batches(
    tmp_path: Path, how: str, expected: Callable[[int], str]
) -> None:
    model = load(scripted(tmp_path / "model", MEAN.format(how=how)))
    model.batch(max_rows=4, max_latency=0.05)
    together = threading.Barrier(4)

    def ask(number: int) -> str:
        together.wait()
        return score(model, {"dataframe_records": [{"x": float(number)}]}).decode()

    with ThreadPoolExecutor(4) as clients:
        assert list(clients.map(ask, range(4))) == [expected(number) for number in range(4)]
