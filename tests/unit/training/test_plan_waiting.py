"""A run whose pods do not start says why."""

import pytest
from modelcycle.api.trainingrun import TrainingRunStatus
from modelcycle.plan import Plan
from modelcycle.training.waiting import WAITING_GRACE_SECONDS

from tests.builders.base import ago
from tests.builders.children import PodBuilder, a_job_pod
from tests.builders.seen import a_run_seen
from tests.unit.training.runs import JOB, POD, RUN, planned, status_of


@pytest.mark.parametrize(
    ("pod", "reason", "says"),
    [
        pytest.param(
            POD.unschedulable("0/1 nodes are available: 1 Insufficient cpu."),
            "Unschedulable",
            "No node can take the pod: 0/1 nodes are available: 1 Insufficient cpu.",
            id="no node can take it",
        ),
        pytest.param(
            POD.waiting("ImagePullBackOff", 'Back-off pulling image "nope"'),
            "ImagePullFailed",
            "The image cannot be pulled: check its name, and that the nodes may pull it. "
            'Back-off pulling image "nope"',
            id="its image cannot be pulled",
        ),
        pytest.param(
            POD.waiting("CreateContainerConfigError", 'configmap "code" not found'),
            "CreateContainerConfigError",
            'The pod does not start: configmap "code" not found',
            id="its ConfigMap is missing",
        ),
        pytest.param(
            POD.waiting("CreateContainerError"),
            "CreateContainerError",
            "The pod does not start: CreateContainerError",
            id="the kubelet says no more",
        ),
    ],
)
def test_a_pod_that_does_not_start_says_why_when(pod: PodBuilder, reason: str, says: str) -> None:
    made = planned(a_run_seen(RUN, JOB, (pod,)))
    assert isinstance(made.status, TrainingRunStatus)
    assert (made.status.phase, made.status.reason, made.status.message) == ("Pending", reason, says)
    assert made.status.job_uid == "job-uid"
    assert [(event.type, event.reason) for event in made.events] == [("Warning", reason)]


def test_a_pod_that_waits_for_a_moment_only_is_not_written_about() -> None:
    made = planned(a_run_seen(RUN, JOB, (a_job_pod().created(ago(4)).unschedulable(),)))
    assert made == Plan(look_again=WAITING_GRACE_SECONDS - 4)


def test_a_pod_that_has_waited_long_enough_is_written_about() -> None:
    pod = a_job_pod().created(ago(WAITING_GRACE_SECONDS)).unschedulable()
    assert status_of(a_run_seen(RUN, JOB, (pod,))).reason == "Unschedulable"


def test_another_trouble_than_before_is_said_in_its_own_words() -> None:
    run = RUN.with_status(**status_of(a_run_seen(RUN, JOB, (POD.unschedulable(),))).wire())
    status = status_of(a_run_seen(run, JOB, (POD.waiting("ErrImagePull", "not found"),)))
    assert (status.reason, (status.message or "")[-9:]) == ("ImagePullFailed", "not found")


def test_the_two_wordings_of_an_image_that_cannot_be_pulled_are_one_write_and_one_event() -> None:
    first = status_of(a_run_seen(RUN, JOB, (POD.waiting("ErrImagePull", "not found"),)))
    run = RUN.with_status(**first.wire())
    again = planned(a_run_seen(run, JOB, (POD.waiting("ImagePullBackOff", "Back-off pulling image"),)))
    assert again.status
    assert again.status.wire() == first.wire()
    assert again.events == ()


def test_a_pod_that_goes_away_tells_nothing() -> None:
    assert planned(a_run_seen(RUN, JOB, (POD.running().deleting(),))) == Plan()
