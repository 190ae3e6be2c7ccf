"""What a plan wants asked of serving pods while no pass waits for it, and what came of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Examples:
    """Rows of a version. path: a file of its folder or its run, or "" for the model's own input example."""

    model: str
    version: str
    run_id: str
    path: str = ""


@dataclass(frozen=True)
class Compare:
    """The rows are posted once to a ready pod of each revision."""

    examples: Examples
    revisions: tuple[str, ...]


@dataclass(frozen=True)
class Exercise:
    """The rows are posted to a revision's ready pods in turn, so many times. since: begin of the canary's step."""

    examples: Examples
    revision: str
    since: datetime
    requests: int = field(compare=False)


Errand = Compare | Exercise


@dataclass(frozen=True)
class Answer:
    """What a pod answered to the rows: predictions with status 200, else what it said."""

    status: int
    predictions: Any = None
    said: str = ""


@dataclass(frozen=True)
class Outcome:
    """
    Attributes:
        answers: by revision, the last one.
        problem: why there is no answer now, as a sentence, or "": another try may have one.
        no_rows: why the version has no rows that could be posted, as a sentence, or "".
    """

    errand: Errand
    answers: Mapping[str, Answer] = field(default_factory=dict)
    problem: str = ""
    no_rows: str = ""
