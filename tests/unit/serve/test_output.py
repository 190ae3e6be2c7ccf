"""Which answers fit a signature, by MLflow's own signatures of what was promised."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from modelserver.output import misfit

NUMBERS = np.array([0.0, 1.0])
LABELS = np.array(["setosa", "virginica"], dtype=object)
TABLE = np.zeros((2, 3))
FRAME = pd.DataFrame({"label": ["a", "b"], "score": [0.1, 0.9]})


def judged(answer: Any, promise: Any) -> str:
    signature = infer_signature(pd.DataFrame({"x": [1.0]}), promise)
    return misfit(answer, signature.outputs.to_dict())


@pytest.mark.parametrize(
    ("answer", "promise"),
    [
        pytest.param(NUMBERS, NUMBERS, id="an array"),
        pytest.param(np.array([0, 1]), NUMBERS, id="integers where floats are promised"),
        pytest.param(NUMBERS.astype("float32"), NUMBERS, id="shorter floats"),
        pytest.param(LABELS, np.array(["a", "b"]), id="labels as objects"),
        pytest.param(np.zeros((9, 3)), TABLE, id="more rows"),
        pytest.param(NUMBERS, pd.Series([1.0], name="y"), id="an array where a named series is promised"),
        pytest.param(NUMBERS.reshape(2, 1), pd.Series([1.0]), id="a table of one column"),
        pytest.param(pd.DataFrame({"y": NUMBERS}), NUMBERS, id="a frame of one column"),
        pytest.param(pd.Series(NUMBERS), NUMBERS, id="a series"),
        pytest.param(FRAME, FRAME, id="a frame"),
        pytest.param(FRAME.assign(more=1), FRAME, id="a frame with one column more"),
        pytest.param(FRAME.to_numpy(), FRAME, id="the values of a frame"),
        pytest.param({"a": NUMBERS}, {"a": NUMBERS}, id="named arrays"),
        pytest.param(pd.to_datetime(["2026-11-23"]), pd.Series(pd.to_datetime(["2020-01-01"])), id="times"),
        pytest.param([0.0, 1.0], NUMBERS, id="a list, of which little is known"),
        pytest.param([{"a": 1}], [{"a": 1}], id="objects"),
        pytest.param(np.array([None, "a"], dtype=object), LABELS, id="a label that is missing"),
    ],
)
def test_an_answer_fits(answer: Any, promise: Any) -> None:
    assert judged(answer, promise) == ""


@pytest.mark.parametrize(
    ("answer", "promise", "says"),
    [
        pytest.param(TABLE, NUMBERS, "it has the shape (2, 3) where (-1,) is promised", id="another rank"),
        pytest.param(np.zeros((2, 4)), TABLE, "where (-1, 3) is promised", id="another width"),
        pytest.param(LABELS, NUMBERS, "it holds text where numbers are promised", id="text for numbers"),
        pytest.param(
            NUMBERS, np.array(["a"]), "it holds numbers where text are promised", id="numbers for text"
        ),
        pytest.param(FRAME[["label"]], FRAME, "it lacks ['score']", id="a column is missing"),
        pytest.param(FRAME.assign(score="a"), FRAME, "its column 'score' holds text", id="a column of text"),
        pytest.param(TABLE, FRAME, "(2, 3) where 2 columns are promised", id="too many columns"),
        pytest.param(TABLE, pd.Series([1.0]), "where 1 columns are promised", id="a table for a series"),
        pytest.param({"b": NUMBERS}, {"a": NUMBERS}, "it lacks ['a']", id="another name"),
        pytest.param({"a": TABLE}, {"a": NUMBERS}, "its column 'a' has the shape", id="a named array's rank"),
    ],
)
def test_an_answer_does_not_fit(answer: Any, promise: Any, says: str) -> None:
    assert says in judged(answer, promise)


def test_a_signature_without_outputs_promises_nothing() -> None:
    assert misfit(NUMBERS, []) == ""
