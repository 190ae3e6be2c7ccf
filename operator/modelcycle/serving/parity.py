"""Whether two versions answer the same rows alike."""

import json
import math
from dataclasses import dataclass
from typing import Any, Literal

from modelcycle.api.modeldeployment import Parity

SHOWN_MAX_LENGTH = 60


@dataclass(frozen=True)
class Judgement:
    """message: the figures, as a sentence."""

    verdict: Literal["Passed", "Failed", "Inconclusive"]
    message: str
    rows: int | None = None
    changed: int | None = None


def judge(parity: Parity, before: Any, after: Any) -> Judgement:
    """By the `predictions` of MLflow's scoring protocol: those of what serves, and those of the candidate."""
    old, new = rows(before), rows(after)
    if few := too_few(parity, old):
        return few
    if len(old) != len(new):
        return Judgement("Inconclusive", f"Of {len(old)} rows it answered {len(new)}.")
    columns, others = _columns(old), _columns(new)
    if columns and others and columns != others:
        return Judgement("Inconclusive", f"It answers in other columns: {others} instead of {columns}.")
    changed = [at for at, (a, b) in enumerate(zip(old, new, strict=True)) if not alike(parity, a, b)]
    share, most = len(changed) / len(old), parity.max_changed_fraction
    first = next((f"; first: row {at + 1}: {_shown(old[at])} → {_shown(new[at])}" for at in changed), "")
    figures = (
        f"{len(changed)} of {len(old)} rows changed ({100 * share:.3g} %, at most {100 * most:.3g} %){first}."
    )
    verdict: Literal["Passed", "Failed"] = "Failed" if share > most else "Passed"
    return Judgement(verdict, figures, len(old), len(changed))


def too_few(parity: Parity, answers: list[Any]) -> Judgement | None:
    """The judgement where there are fewer rows than it takes."""
    if len(answers) >= parity.min_rows:
        return None
    message = (
        f"{len(answers)} rows are too few to compare, spec.parity.minRows is {parity.min_rows}: log the model with a "
        "longer input_example, or name a file with more rows in spec.parity.examples."
    )
    return Judgement("Inconclusive", message)


def rows(predictions: Any) -> list[Any]:
    """One entry a row. Named outputs, which come as lists by name, make a row of each position."""
    if isinstance(predictions, list):
        return predictions
    if isinstance(predictions, dict) and predictions:
        columns = list(predictions.values())
        if all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns):
            return [dict(zip(predictions, row, strict=True)) for row in zip(*columns, strict=True)]
    return [predictions]


def alike(parity: Parity, a: Any, b: Any) -> bool:
    """Numbers within the tolerance, all else the same. NaN, which JSON has as null, is like NaN.

    Whole numbers are labels as often as not, so for two of them the relative tolerance does not count.
    """
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(parity, a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(alike(parity, x, y) for x, y in zip(a, b, strict=True))
    if not _is_number(a) or not _is_number(b):
        return type(a) is type(b) and bool(a == b)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if isinstance(a, int) and isinstance(b, int):
        return abs(a - b) <= parity.absolute_tolerance
    return math.isclose(a, b, rel_tol=parity.relative_tolerance, abs_tol=parity.absolute_tolerance)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _columns(answers: list[Any]) -> str:
    """What all rows have in common of their form, or "" where they differ in it."""
    forms = {_form(answer) for answer in answers}
    return forms.pop() if len(forms) == 1 else ""


def _form(answer: Any) -> str:
    if isinstance(answer, dict):
        return ", ".join(sorted(answer))
    return f"{len(answer)} a row" if isinstance(answer, list) else "one a row"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN_MAX_LENGTH else f"{text[: SHOWN_MAX_LENGTH - 1]}…"
