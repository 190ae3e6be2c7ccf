"""Whether a run's Job may run, and who decides that."""

import pytest
from modelcycle.api.trainingrun import TrainingRunStatus
from modelcycle.conditions import find
from modelcycle.plan import Patch, Plan, Ref
from modelcycle.training.job import job
from modelcycle.training.observed import QUEUE_LABEL, Observed, Results
from modelcycle.training.plan import plan

from tests.builders.base import DEFAULTS, NOW, ago
from tests.builders.children import a_job, a_job_pod
from tests.builders.resources import TrainingRunBuilder, a_training_run
from tests.builders.seen import a_run_seen

RUN = a_training_run()
SUSPEND = RUN.with_spec(suspend=True)
QUEUED = RUN.labelled({QUEUE_LABEL: "gpus"})
JOB = a_job().running(since=ago(90))
POD = a_job_pod().created(ago(60))


def said(observed: Observed) -> TrainingRunStatus:
    status = plan(observed, NOW).status
    assert isinstance(status, TrainingRunStatus)
    return status


def suspended(status: TrainingRunStatus) -> tuple[str, str]:
    found = find(status.conditions, "Suspended")
    return (found.status, found.reason) if found else ("", "")


@pytest.mark.parametrize(
    ("run", "suspend"),
    [
        pytest.param(RUN, None, id="not at all"),
        pytest.param(SUSPEND, True, id="its user wants it"),
        pytest.param(QUEUED, True, id="Kueue will admit it"),
    ],
)
def test_a_job_is_born_suspended_when(run: TrainingRunBuilder, suspend: bool | None) -> None:
    assert job(run.build(), DEFAULTS)["spec"].get("suspend") is suspend


def test_kueues_label_is_on_the_job_and_not_on_its_pods() -> None:
    body = job(QUEUED.build(), DEFAULTS)
    assert body["metadata"]["labels"][QUEUE_LABEL] == "gpus"
    assert QUEUE_LABEL not in body["spec"]["template"]["metadata"]["labels"]


@pytest.mark.parametrize(
    ("observed", "suspend"),
    [
        pytest.param(a_run_seen(SUSPEND, JOB, (POD.running(),)), True, id="suspended while it runs"),
        pytest.param(a_run_seen(SUSPEND, a_job()), True, id="suspended before it has started"),
        pytest.param(a_run_seen(RUN, JOB.suspended()), False, id="resumed"),
    ],
)
def test_the_users_wish_is_brought_to_the_job_as_it_was_observed(observed: Observed, suspend: bool) -> None:
    ref = Ref("Job", "iris-1", "job-uid", "1")
    assert plan(observed, NOW) == Plan(patches=(Patch(ref, {"spec": {"suspend": suspend}}),))


@pytest.mark.parametrize("run", [QUEUED, QUEUED.with_spec(suspend=True)])
@pytest.mark.parametrize("of_job", [JOB.queued(), JOB.queued().suspended()])
def test_of_a_job_in_a_queue_kueue_alone_suspends_and_resumes(
    run: TrainingRunBuilder, of_job: object
) -> None:
    assert plan(a_run_seen(run, of_job), NOW).patches == ()  # type: ignore[arg-type]


def test_a_job_that_is_suspended_is_a_suspended_run() -> None:
    status = said(a_run_seen(SUSPEND, JOB.suspended()))
    assert (status.phase, status.reason, status.job_uid) == ("Suspended", "Suspended", "job-uid")
    assert suspended(status) == ("True", "Suspended")


def test_nothing_is_said_while_the_pods_of_a_suspended_job_are_being_taken_away() -> None:
    assert plan(a_run_seen(SUSPEND, JOB.with_spec(suspend=True), (POD.running(),)), NOW) == Plan()


def test_a_run_in_a_queue_names_it_and_says_that_its_own_suspend_does_nothing() -> None:
    assert "its queue is 'gpus'" in (said(a_run_seen(QUEUED, JOB.queued().suspended())).message or "")
    status = said(a_run_seen(QUEUED.with_spec(suspend=True), JOB.queued().suspended()))
    assert status.reason == "Queued"
    assert "spec.suspend does nothing here" in (status.message or "")


def test_a_second_look_at_a_suspended_run_says_nothing_new() -> None:
    first = said(a_run_seen(SUSPEND, JOB.suspended()))
    again = plan(a_run_seen(SUSPEND.with_status(**first.wire()), JOB.suspended()), NOW)
    assert again.status
    assert again.status.wire() == first.wire()
    assert again.events == ()


@pytest.mark.parametrize(
    ("observed", "phase"),
    [
        pytest.param(a_run_seen(RUN, JOB, (POD.running(),)), "Running", id="its pod runs"),
        pytest.param(a_run_seen(RUN, JOB, (POD.unschedulable(),)), "Pending", id="its pod cannot be placed"),
        pytest.param(a_run_seen(RUN, JOB), "Pending", id="its pod takes long to come"),
        pytest.param(a_run_seen(RUN, a_job().complete(), results=Results()), "Succeeded", id="it has ended"),
    ],
)
def test_a_resumed_run_is_not_suspended_any_more_when(observed: Observed, phase: str) -> None:
    before = said(a_run_seen(SUSPEND, JOB.suspended()))
    run = observed.run.model_copy(update={"status": before})
    status = said(Observed(run, DEFAULTS, observed.job, observed.pods, results=observed.results))
    assert status.phase == phase
    assert suspended(status) == ("False", "Resumed")
