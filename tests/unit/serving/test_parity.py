"""Whether two versions answer the same rows alike."""

import math
from typing import Any

import pytest
from modelcycle.api.modeldeployment import Parity
from modelcycle.serving.parity import alike, judge, rows


def parity(most: float = 0.05, **more: Any) -> Parity:
    return Parity(max_changed_fraction=most, min_rows=more.pop("min_rows", 1), **more)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        pytest.param(1, 1, True, id="the same label"),
        pytest.param(1, 2, False, id="another label"),
        pytest.param(100_000, 100_001, False, id="whole numbers are labels, however large"),
        pytest.param("setosa", "setosa", True, id="the same word"),
        pytest.param("setosa", "virginica", False, id="another word"),
        pytest.param("1", 1, False, id="a word is no number"),
        pytest.param(True, 1, False, id="nor is a truth value"),
        pytest.param(1.0, 1.0009, True, id="within the relative tolerance"),
        pytest.param(1.0, 1.0011, False, id="outside of it"),
        pytest.param(1.0009, 1.0, True, id="whichever comes first"),
        pytest.param(0.0, 1e-12, False, id="nothing is near zero without an absolute tolerance"),
        pytest.param(1, 1.0009, True, id="a whole number that the other gives as a fraction"),
        pytest.param(None, None, True, id="NaN, as JSON has it"),
        pytest.param(None, 1.0, False, id="NaN where there was a number"),
        pytest.param(math.nan, math.nan, True, id="NaN, as Python reads it"),
        pytest.param(math.nan, 1.0, False, id="NaN beside a number"),
        pytest.param(math.inf, math.inf, True, id="infinity"),
        pytest.param(math.inf, 1e308, False, id="infinity beside a large number"),
        pytest.param([0.1, 0.9], [0.1, 0.9], True, id="a row of several numbers"),
        pytest.param([0.1, 0.9], [0.2, 0.8], False, id="one of several is another"),
        pytest.param([1], [1, 2], False, id="one more"),
        pytest.param({"a": 1}, {"a": 1}, True, id="by name"),
        pytest.param({"a": 1}, {"b": 1}, False, id="by another name"),
    ],
)
def test_two_answers_to_a_row_are_alike_or_not(a: Any, b: Any, same: bool) -> None:
    assert alike(parity(), a, b) == same


@pytest.mark.parametrize(
    ("a", "b", "same"), [(7, 9, True), (7, 10, False), (0.0, 2.0, True), (0.0, 2.1, False)]
)
def test_the_absolute_tolerance_counts_for_every_number(a: float, b: float, same: bool) -> None:
    assert alike(parity(absolute_tolerance=2), a, b) == same


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        pytest.param([1, 2], [1, 2], id="a list has a row each"),
        pytest.param({"a": [1, 2], "b": [3, 4]}, [{"a": 1, "b": 3}, {"a": 2, "b": 4}], id="named outputs"),
        pytest.param({"a": [1, 2], "b": [3]}, [{"a": [1, 2], "b": [3]}], id="names of different lengths"),
        pytest.param({}, [{}], id="an empty object is one answer"),
        pytest.param("hello", ["hello"], id="a text is one answer"),
    ],
)
def test_predictions_in_whatever_form_are_rows(predictions: Any, expected: list[Any]) -> None:
    assert rows(predictions) == expected


FORTY = [1] * 40


@pytest.mark.parametrize(
    ("changed", "most", "verdict", "figures"),
    [
        (0, 0.0, "Passed", "0 of 40 rows changed (0 %, at most 0 %)."),
        (1, 0.0, "Failed", "1 of 40 rows changed (2.5 %, at most 0 %); first: row 3: 1 → 2."),
        (2, 0.05, "Passed", "2 of 40 rows changed (5 %, at most 5 %); first: row 3: 1 → 2."),
        (7, 0.05, "Failed", "7 of 40 rows changed (17.5 %, at most 5 %); first: row 3: 1 → 2."),
        (38, 1.0, "Passed", "38 of 40 rows changed (95 %, at most 100 %); first: row 3: 1 → 2."),
    ],
)
def test_more_changed_rows_than_allowed_fail(changed: int, most: float, verdict: str, figures: str) -> None:
    after = [1, 1, *[2] * changed, *FORTY][:40]
    judged = judge(parity(most), FORTY, after)
    assert (judged.verdict, judged.rows, judged.changed, judged.message) == (verdict, 40, changed, figures)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        pytest.param([1] * 19, [1] * 19, "19 rows are too few to compare", id="too few rows"),
        pytest.param(FORTY, [1] * 39, "Of 40 rows it answered 39.", id="fewer answers"),
        pytest.param(
            [[1, 2]] * 40, [[1, 2, 3]] * 40, "other columns: 3 a row instead of 2 a row", id="a column more"
        ),
        pytest.param(
            [{"a": 1}] * 40, [{"b": 1}] * 40, "other columns: b instead of a", id="a column of another name"
        ),
        pytest.param(
            FORTY, [[1]] * 40, "other columns: 1 a row instead of one a row", id="lists for numbers"
        ),
    ],
)
def test_what_cannot_be_compared_is_inconclusive(before: Any, after: Any, says: str) -> None:
    judged = judge(parity(min_rows=20), before, after)
    assert judged.verdict == "Inconclusive"
    assert says in judged.message
    assert judged.changed is None


def test_rows_of_different_lengths_are_compared_one_by_one() -> None:
    judged = judge(parity(), [[1], [1, 2]], [[1], [1, 2, 3]])
    assert (judged.verdict, judged.changed) == ("Failed", 1)


def test_a_long_answer_is_cut_in_the_message() -> None:
    judged = judge(parity(), ["a" * 1000], ["b" * 1000])
    assert len(judged.message) < 250
