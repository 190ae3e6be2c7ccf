"""When a TrainingRun that has ended is deleted."""

import pytest
from modelcycle.plan import Plan, Ref
from modelcycle.training.plan import plan

from tests.builders.base import NOW
from tests.builders.children import a_job
from tests.builders.resources import a_training_run
from tests.builders.seen import a_run_seen

FINISHED = a_training_run().finished().of_version(7)
GONE = Plan(deletes=(Ref("TrainingRun", "iris-1", "iris-1-uid", "7"),))


@pytest.mark.parametrize(
    ("ttl", "expected"),
    [
        pytest.param(None, Plan(), id="never, if nobody says when"),
        pytest.param(0, GONE, id="at once"),
        pytest.param(60, Plan(look_again=60), id="when its time is over"),
    ],
)
def test_a_run_that_has_ended_is_deleted(ttl: int | None, expected: Plan) -> None:
    run = FINISHED.with_spec(ttlSecondsAfterFinished=ttl)
    assert plan(a_run_seen(run, a_job().complete()), NOW) == expected
    assert plan(a_run_seen(run), NOW) == expected, "also without its Job"


def test_a_run_under_way_has_no_time_to_live() -> None:
    run = a_training_run().with_spec(ttlSecondsAfterFinished=0)
    assert plan(a_run_seen(run, a_job().running()), NOW).deletes == ()


def test_what_still_runs_of_it_is_stopped_first() -> None:
    run = FINISHED.with_spec(ttlSecondsAfterFinished=0)
    assert plan(a_run_seen(run, a_job().running()), NOW).deletes == (Ref("Job", "iris-1", "job-uid"),)
