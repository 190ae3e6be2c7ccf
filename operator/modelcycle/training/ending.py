"""Whether a run has come to its end, and to which: by its Job, or although its Job would go on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from modelcycle.training import disruption, failure, waiting
from modelcycle.training.observed import Observed
from modelcycle.training.suspension import held


@dataclass(frozen=True)
class Ending:
    """message: "" is for what came out of the run to say."""

    kind: Literal["Complete", "Failed"]
    reason: str
    message: str


def ending(observed: Observed, now: datetime) -> Ending | None:
    """None while it goes on, and for a run without a Job."""
    job = observed.job
    if job is None:
        return None
    if job.outcome == "Complete":
        return Ending("Complete", "JobComplete", "")
    if job.outcome == "Failed":
        why = failure.explain(job, observed.pods)
        return Ending("Failed", why.reason, why.message)
    if held(job) or job.suspend != observed.run.spec.suspend:
        return None
    ended = disruption.too_many(observed) or waiting.too_long(observed, job, now)
    return Ending("Failed", ended.reason, ended.message) if ended else None
