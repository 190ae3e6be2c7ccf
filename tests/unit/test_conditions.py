"""Conditions, as the Kubernetes API conventions have them."""

from datetime import datetime

import pytest
from modelcycle.api.meta import TEXT_MAX_LENGTH, Condition
from modelcycle.conditions import Conditions, cut, find, is_true, truth

from tests.builders.base import NOW, ago


def ready(status: str = "True", since: datetime = NOW, generation: int = 1) -> Condition:
    body = {"type": "Ready", "status": status, "reason": "Before", "message": "Before."}
    return Condition.model_validate(body | {"lastTransitionTime": since, "observedGeneration": generation})


def judged(before: Condition | None, holds: bool | None) -> Condition:
    conditions = Conditions([before] if before else [], 2, NOW)
    conditions.judge("Ready", holds, "After", "After.")
    (condition,) = conditions.all()
    return condition


@pytest.mark.parametrize(("holds", "status"), [(True, "True"), (False, "False"), (None, "Unknown")])
def test_a_condition_has_three_values(holds: bool | None, status: str) -> None:
    assert truth(holds) == status
    assert judged(None, holds).status == status


@pytest.mark.parametrize(
    ("before", "holds", "since"),
    [
        pytest.param(None, True, NOW, id="is set with the first judgement"),
        pytest.param(ready("True", ago(60)), True, ago(60), id="stays while status stays"),
        pytest.param(ready("True", ago(60)), False, NOW, id="moves with status"),
        pytest.param(ready("False", ago(60)), None, NOW, id="moves when nobody knows any more"),
        pytest.param(ready("Unknown", ago(60)), None, ago(60), id="stays while nobody knows"),
    ],
)
def test_the_transition_time(before: Condition | None, holds: bool | None, since: datetime) -> None:
    assert judged(before, holds).last_transition_time == since


def test_reason_message_and_generation_are_those_of_the_last_judgement() -> None:
    condition = judged(ready("True", ago(60), generation=1), True)
    assert (condition.reason, condition.message, condition.observed_generation) == ("After", "After.", 2)


def test_what_is_not_judged_anew_stays_as_it_was() -> None:
    conditions = Conditions([ready()], 2, NOW)
    conditions.judge("UpToDate", True, "Serving")
    assert [condition.type for condition in conditions.all()] == ["Ready", "UpToDate"]
    assert conditions.all()[0] == ready()


def test_a_dropped_condition_is_gone() -> None:
    conditions = Conditions([ready()], 2, NOW)
    conditions.drop("Ready")
    conditions.drop("NeverThere")
    assert conditions.all() == []


def test_a_condition_is_found_by_its_type() -> None:
    assert find([ready()], "Ready") == ready()
    assert find([ready()], "UpToDate") is None


@pytest.mark.parametrize(("status", "expected"), [("True", True), ("False", False), ("Unknown", False)])
def test_only_true_is_true(status: str, expected: bool) -> None:
    assert is_true([ready(status)], "Ready") is expected
    assert is_true([], "Ready") is False


@pytest.mark.parametrize("length", [0, TEXT_MAX_LENGTH, TEXT_MAX_LENGTH + 1, 100_000])
def test_a_text_is_cut_to_what_the_api_takes(length: int) -> None:
    text = cut("x" * length)
    assert len(text) == min(length, TEXT_MAX_LENGTH)
    assert text.endswith("…") is (length > TEXT_MAX_LENGTH)


def test_a_condition_takes_a_message_of_any_length() -> None:
    conditions = Conditions([], 1, NOW)
    conditions.judge("Ready", False, "Refused", "x" * 100_000)
    assert len(conditions.all()[0].message) == TEXT_MAX_LENGTH
