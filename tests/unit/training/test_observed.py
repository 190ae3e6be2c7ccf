"""What is read of a Job."""

from datetime import datetime

import pytest

from tests.builders.base import NOW, ago, condition
from tests.builders.children import JobBuilder, a_job

JOB = a_job()


@pytest.mark.parametrize(
    ("job", "outcome", "reason", "end"),
    [
        pytest.param(JOB, None, "", None, id="new"),
        pytest.param(JOB.running(), None, "", None, id="running"),
        pytest.param(JOB.complete(at=ago(3)), "Complete", "CompletionsReached", ago(3), id="complete"),
        pytest.param(
            JOB.failed("DeadlineExceeded", at=ago(3)), "Failed", "DeadlineExceeded", ago(3), id="failed"
        ),
        pytest.param(
            JOB.running().with_status(conditions=[condition("FailureTarget")]),
            None,
            "",
            None,
            id="failing, with pods that still run",
        ),
        pytest.param(
            JOB.running().with_status(conditions=[condition("Complete", "False")]),
            None,
            "",
            None,
            id="not complete, and says so",
        ),
        pytest.param(
            JOB.complete(at=ago(3)).with_status(conditions=[condition("Complete", since=NOW)]),
            "Complete",
            "Because",
            ago(3),
            id="complete since before it was said",
        ),
    ],
)
def test_the_outcome_of_a_job_that_is(
    job: JobBuilder, outcome: str | None, reason: str, end: datetime | None
) -> None:
    seen = job.build()
    assert (seen.outcome, seen.reason, seen.end_time) == (outcome, reason, end)


def test_a_job_tells_when_it_started_and_how_many_pods_are_at_it() -> None:
    assert (JOB.build().start_time, JOB.build().active) == (None, 0)
    assert (JOB.running(ago(9)).build().start_time, JOB.running().build().active) == (ago(9), 1)


def test_a_job_tells_that_it_goes() -> None:
    assert not JOB.build().deleting
    assert JOB.deleting().build().deleting
