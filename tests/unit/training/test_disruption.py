"""Pods that the cluster ended for reasons of its own."""

import pytest
from modelcycle.api.trainingrun import DISRUPTIONS_MAX, TrainingRunStatus
from modelcycle.plan import Plan
from modelcycle.training.observed import Results
from modelcycle.training.plan import plan

from tests.builders.base import NOW, ago
from tests.builders.children import PodBuilder, a_job, a_job_pod
from tests.builders.resources import TrainingRunBuilder, a_training_run
from tests.builders.seen import a_run_seen

RUN = a_training_run()
JOB = a_job().running(since=ago(90))


def disrupted(name: str) -> PodBuilder:
    return a_job_pod(name).created(ago(60)).running().disrupted().deleting()


def known(*names: str) -> TrainingRunBuilder:
    return RUN.with_status(disruptedPods=list(names))


def said(made: Plan) -> TrainingRunStatus:
    assert isinstance(made.status, TrainingRunStatus)
    return made.status


def test_a_disruption_is_recorded_before_its_pod_is_gone() -> None:
    made = plan(a_run_seen(RUN, JOB, (disrupted("a"),)), NOW)
    status = said(made)
    assert (status.phase, status.reason, status.disrupted_pods) == ("Pending", "Disrupted", ["a"])
    assert "ended by EvictionByEvictionAPI" in (status.message or "")
    assert "(1 of at most 10)" in (status.message or "")
    assert [event.reason for event in made.events] == ["Disrupted"]


def test_a_disruption_is_counted_once_and_nothing_more_is_said_of_it() -> None:
    status = said(plan(a_run_seen(RUN, JOB, (disrupted("a"),)), NOW))
    run = RUN.with_status(**status.wire())
    assert plan(a_run_seen(run, JOB, (disrupted("a"),)), NOW).status is None
    assert said(plan(a_run_seen(run, JOB, (disrupted("b"),)), NOW)).disrupted_pods == ["a", "b"]


def test_the_next_pod_is_another_attempt_though_the_disrupted_one_is_gone() -> None:
    status = said(plan(a_run_seen(known("a"), JOB, (a_job_pod("b").running(),)), NOW))
    assert (status.phase, status.attempts, status.disrupted_pods) == ("Running", 2, ["a"])


@pytest.mark.parametrize(
    "pod",
    [
        pytest.param(a_job_pod().running().deleting(), id="somebody deleted it"),
        pytest.param(a_job_pod().ended(1), id="it failed"),
        pytest.param(a_job_pod().disrupted().ended(0), id="it had done its work"),
    ],
)
def test_a_pod_is_not_disrupted_when(pod: PodBuilder) -> None:
    status = plan(a_run_seen(RUN, JOB, (pod,)), NOW).status
    assert status is None or said(Plan(status=status)).disrupted_pods is None


NAMES = [str(number) for number in range(DISRUPTIONS_MAX)]


def test_as_many_disruptions_as_allowed_are_no_failure() -> None:
    status = said(plan(a_run_seen(known(*NAMES[1:]), JOB, (disrupted("last"),)), NOW))
    assert (status.phase, len(status.disrupted_pods or ())) == ("Pending", DISRUPTIONS_MAX)


@pytest.mark.parametrize("more", [1, 5])
def test_one_more_is(more: int) -> None:
    pods = tuple(disrupted(f"more-{number}") for number in range(more))
    status = said(plan(a_run_seen(known(*NAMES), JOB, pods, results=Results()), NOW))
    assert (status.phase, status.reason) == ("Failed", "TooManyDisruptions")
    assert len(status.disrupted_pods or ()) == DISRUPTIONS_MAX + 1
    assert "EvictionByEvictionAPI" in (status.message or "")


def test_a_job_that_ended_well_all_the_same_is_complete() -> None:
    run = known(*NAMES, "last")
    pods = (a_job_pod().ended(0),)
    assert said(plan(a_run_seen(run, a_job().complete(), pods, results=Results()), NOW)).phase == "Succeeded"
