"""What of a run does not start, since when, and what is said of it."""

from typing import Any

import pytest
from modelcycle.api.trainingrun import TrainingRunStatus
from modelcycle.plan import Plan
from modelcycle.pods import Told
from modelcycle.training.observed import Observed, Results
from modelcycle.training.plan import plan
from modelcycle.training.waiting import EVENTS_AGAIN_SECONDS, WAITING_GRACE_SECONDS, unexplained

from tests.builders.base import NOW, ago
from tests.builders.children import JobBuilder, PodBuilder, a_job, a_job_pod
from tests.builders.resources import TrainingRunBuilder, a_training_run
from tests.builders.seen import a_run_seen

RUN = a_training_run()
HURRIED = RUN.with_spec(pendingDeadlineSeconds=60)
JOB = a_job().running(since=ago(90))
QUOTA = Told("FailedCreate", 'Error creating: pods "iris-1-x" is forbidden: exceeded quota: none', ago(80))
NO_MOUNT = Told(
    "FailedMount", 'MountVolume.SetUp failed for volume "keys" : secret "keys" not found', ago(20)
)
LEAVING = a_job_pod().running().on_node("worker-2")


def seen(run: TrainingRunBuilder, job: JobBuilder = JOB, *pods: PodBuilder, **more: Any) -> Observed:
    return a_run_seen(run, job, pods, **more)


def said(observed: Observed) -> TrainingRunStatus:
    status = plan(observed, NOW).status
    assert isinstance(status, TrainingRunStatus)
    return status


# Why nothing starts, by Events.


@pytest.mark.parametrize(
    ("observed", "asked_about"),
    [
        pytest.param(seen(RUN), "job-uid", id="there is no pod"),
        pytest.param(seen(RUN, a_job()), "", id="the Job has not started"),
        pytest.param(seen(RUN, a_job().running(since=ago(3))), "", id="the Job has just started"),
        pytest.param(
            seen(RUN, JOB, a_job_pod().created(ago(20))), "pod-iris-1-abcde-uid", id="the kubelet is quiet"
        ),
        pytest.param(seen(RUN, JOB, a_job_pod().created(ago(3))), "", id="the pod is new"),
        pytest.param(
            seen(RUN, JOB, a_job_pod().created(ago(20)).unschedulable()), "", id="the scheduler says why"
        ),
        pytest.param(seen(RUN, JOB, a_job_pod().running()), "", id="it runs"),
        pytest.param(seen(RUN, JOB, a_job_pod().running().deleting()), "", id="the last pod has not ended"),
        pytest.param(seen(RUN, JOB.suspended()), "", id="it is suspended"),
        pytest.param(seen(RUN, a_job().complete()), "", id="it is over"),
    ],
)
def test_events_are_asked_for_when(observed: Observed, asked_about: str) -> None:
    assert unexplained(observed, NOW) == asked_about


@pytest.mark.parametrize(
    ("observed", "reason", "message"),
    [
        pytest.param(
            seen(RUN, told=QUOTA), "FailedCreate", f"Its pod cannot be made: {QUOTA.message}", id="quota"
        ),
        pytest.param(
            seen(RUN, JOB, a_job_pod().created(ago(30)), told=NO_MOUNT),
            "FailedMount",
            f"The pod does not start: {NO_MOUNT.message}",
            id="a volume that cannot be mounted",
        ),
    ],
)
def test_what_only_events_tell_is_said_in_their_words(observed: Observed, reason: str, message: str) -> None:
    status = said(observed)
    assert (status.phase, status.reason, status.message) == ("Pending", reason, message)


def test_an_event_that_comes_again_in_other_words_is_not_written_again() -> None:
    first = said(seen(RUN, told=QUOTA))
    again = Told("FailedCreate", 'Error creating: pods "iris-1-y" is forbidden: exceeded quota: none', ago(1))
    made = plan(seen(RUN.with_status(**first.wire()), told=again), NOW)
    assert made.status
    assert made.status.wire() == first.wire()
    assert made.look_again is None


def test_an_event_of_an_earlier_time_says_nothing() -> None:
    assert plan(seen(RUN, told=Told("FailedCreate", "old", ago(100))), NOW).status is None
    failed = a_job_pod().created(ago(85)).ended(1)
    assert plan(seen(RUN, JOB, failed, told=Told("FailedCreate", "old", ago(86))), NOW).status is None


def test_while_nobody_says_why_events_are_asked_for_again() -> None:
    assert plan(seen(RUN), NOW) == Plan(look_again=EVENTS_AGAIN_SECONDS)


# The pending deadline.


@pytest.mark.parametrize(
    ("observed", "look_again"),
    [
        pytest.param(seen(HURRIED, a_job().running(since=ago(50))), 10, id="no pod: from the Job's start"),
        pytest.param(
            seen(HURRIED, JOB, a_job_pod().created(ago(55)).unschedulable()), 5, id="from the pod's creation"
        ),
        pytest.param(
            seen(HURRIED, JOB, a_job_pod().created(ago(3))), WAITING_GRACE_SECONDS - 3, id="first why"
        ),
        pytest.param(seen(HURRIED, a_job()), None, id="the Job has not started"),
        pytest.param(seen(HURRIED, JOB, a_job_pod().created(ago(80)).running()), None, id="it runs"),
    ],
)
def test_the_pending_deadline_is_not_over_yet(observed: Observed, look_again: float | None) -> None:
    made = plan(observed, NOW)
    assert made.look_again == look_again
    assert made.status is None or said(observed).phase != "Failed"


@pytest.mark.parametrize(
    ("observed", "words"),
    [
        pytest.param(
            seen(
                HURRIED,
                JOB,
                a_job_pod().created(ago(60)).unschedulable("0/3 nodes are available."),
                results=Results(),
            ),
            "No node can take the pod: 0/3 nodes are available.",
            id="the scheduler's words",
        ),
        pytest.param(
            seen(
                HURRIED,
                JOB,
                a_job_pod().created(ago(60)).waiting("ErrImagePull", "no such"),
                results=Results(),
            ),
            "nodes may pull it. no such",
            id="the kubelet's words",
        ),
        pytest.param(
            seen(HURRIED, told=QUOTA, results=Results()), QUOTA.message, id="the Job controller's words"
        ),
        pytest.param(seen(HURRIED, results=Results()), "Nothing says why.", id="nobody's words"),
        pytest.param(
            seen(
                RUN.with_spec(pendingDeadlineSeconds=1),
                a_job().running(since=ago(2)),
                told=QUOTA,
                results=Results(),
            ),
            "Nothing says why.",
            id="an Event of another time",
        ),
        pytest.param(
            seen(
                HURRIED,
                JOB,
                a_job_pod("a").running(),
                a_job_pod("b").created(ago(61)).unschedulable("no GPU"),
                results=Results(),
            ),
            "no GPU",
            id="one of several pods has not started",
        ),
    ],
)
def test_a_run_that_has_not_started_in_time_fails_with(observed: Observed, words: str) -> None:
    status = said(observed)
    assert (status.phase, status.reason) == ("Failed", "PendingDeadlineExceeded")
    assert (status.message or "").startswith("It has not started within spec.pendingDeadlineSeconds (")
    assert words in (status.message or "")


def test_the_words_that_were_said_outlast_their_event() -> None:
    before = said(seen(RUN, told=QUOTA))
    status = said(seen(HURRIED.with_status(**before.wire()), results=Results()))
    assert QUOTA.message in (status.message or "")


@pytest.mark.parametrize(
    ("run", "job"),
    [
        pytest.param(HURRIED, JOB.suspended(), id="it is being resumed"),
        pytest.param(HURRIED.with_spec(suspend=True), JOB, id="it is being suspended"),
        pytest.param(HURRIED.with_spec(suspend=True), JOB.suspended(), id="it is suspended"),
        pytest.param(
            HURRIED, JOB.suspended().with_spec(suspend=False), id="its controller has not resumed it yet"
        ),
        pytest.param(HURRIED, JOB.queued().suspended(), id="Kueue has not admitted it"),
    ],
)
def test_the_pending_deadline_does_not_count_while(run: TrainingRunBuilder, job: JobBuilder) -> None:
    made = plan(seen(run, job, results=Results()), NOW)
    assert made.status is None or made.status.wire()["phase"] == "Suspended"
    assert made.look_again in (None, EVENTS_AGAIN_SECONDS), "it is looked at without an end"


def test_a_job_that_waits_between_two_attempts_is_not_late() -> None:
    failed = a_job_pod().created(ago(89)).ended(1)
    made = plan(seen(HURRIED, JOB, failed, results=Results()), NOW)
    assert (made.status, made.look_again) == (None, EVENTS_AGAIN_SECONDS)


# A node that is lost.


def test_a_pod_that_should_be_gone_is_on_a_lost_node() -> None:
    status = said(seen(RUN, JOB, LEAVING.deleting(ago(WAITING_GRACE_SECONDS))))
    assert (status.phase, status.reason) == ("Pending", "NodeLost")
    assert "`kubectl delete node worker-2`" in (status.message or "")


def test_a_pod_that_goes_in_its_grace_is_waited_for() -> None:
    made = plan(seen(RUN, JOB, LEAVING.deleting(ago(-20))), NOW)
    assert made == Plan(look_again=20 + WAITING_GRACE_SECONDS)
    assert plan(seen(RUN, JOB, LEAVING.ended(1).deleting(ago(100))), NOW).status is None


def test_nothing_is_deleted_by_force() -> None:
    made = plan(seen(HURRIED, JOB, LEAVING.deleting(ago(1000)), results=Results()), NOW)
    assert (made.deletes, made.patches) == ((), ())
