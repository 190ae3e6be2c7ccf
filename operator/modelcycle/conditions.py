"""Conditions, as the Kubernetes API conventions have them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from modelcycle.api.meta import TEXT_MAX_LENGTH, Condition

Truth = Literal["True", "False", "Unknown"]


def truth(holds: bool | None) -> Truth:
    """`None` is Unknown."""
    if holds is None:
        return "Unknown"
    return "True" if holds else "False"


def cut(text: str) -> str:
    """As much of a text as a field of status takes: the API server refuses a longer one, and all of status."""
    return text if len(text) <= TEXT_MAX_LENGTH else f"{text[: TEXT_MAX_LENGTH - 1]}…"


class Conditions:
    """The conditions of one status, judged anew.

    lastTransitionTime moves with the condition's status only; a type that is not judged anew is kept as it
    was, unless it is dropped.
    """

    def __init__(self, before: Iterable[Condition], generation: int, now: datetime) -> None:
        self._conditions = {condition.type: condition for condition in before}
        self._generation = generation
        self._now = now

    def judge(self, kind: str, holds: bool | None, reason: str, message: str = "") -> None:
        before = self._conditions.get(kind)
        status = truth(holds)
        since = before.last_transition_time if before and before.status == status else self._now
        self._conditions[kind] = Condition(
            type=kind,
            status=status,
            reason=reason,
            message=cut(message),
            last_transition_time=since,
            observed_generation=self._generation,
        )

    def drop(self, kind: str) -> None:
        self._conditions.pop(kind, None)

    def all(self) -> list[Condition]:
        return list(self._conditions.values())


def find(conditions: Sequence[Condition], kind: str) -> Condition | None:
    return next((condition for condition in conditions if condition.type == kind), None)


def is_true(conditions: Sequence[Condition], kind: str) -> bool:
    condition = find(conditions, kind)
    return condition is not None and condition.status == "True"
