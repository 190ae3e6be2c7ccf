"""MLflow runs whose process is gone and has not ended them."""

import pytest
from modelcycle.plan import EndRun
from modelcycle.training.observed import Results
from modelcycle.training.orphans import LeftRunning, Successor, close, is_abandoned
from modelcycle.training.plan import plan

from tests.builders.base import NOW, ago
from tests.builders.children import PodBuilder, a_job, a_job_pod
from tests.builders.registry import an_mlflow_run
from tests.builders.resources import a_training_run
from tests.builders.seen import a_run_seen

AT = int(NOW.timestamp() * 1000)
LEFT = an_mlflow_run("left", pod="pod", status="RUNNING")
POD = a_job_pod("pod")


@pytest.mark.parametrize(
    ("counted", "pod", "reason", "end"),
    [
        pytest.param({"left"}, POD.ended(0), "JobComplete", "FINISHED", id="a pod that succeeded"),
        pytest.param({"left"}, None, "JobComplete", "FINISHED", id="a Job that succeeded, its pod is gone"),
        pytest.param((), POD.ended(1), "JobComplete", "FAILED", id="an attempt that failed"),
        pytest.param((), POD.ended(1), "CommandFailed", "FAILED", id="a Job that failed"),
        pytest.param((), POD.ended(137).disrupted(), "JobComplete", "KILLED", id="a drained node's pod"),
        pytest.param((), None, "CommandFailed", "KILLED", id="a pod that was taken away"),
        pytest.param((), POD.ended(137), "DeadlineExceeded", "KILLED", id="a Job that took too long"),
        pytest.param((), None, "JobDeleted", "KILLED", id="a Job that was deleted"),
    ],
)
def test_a_run_left_running_ends_as(counted: set[str], pod: PodBuilder | None, reason: str, end: str) -> None:
    pods = (pod.build(),) if pod else ()
    done = an_mlflow_run("done")
    results, ends = close(Results((LEFT, done)), counted, pods, reason, NOW)
    assert [(write.run_id, write.status, write.end_time) for write in ends] == [("left", end, AT)]
    assert {run.run_id: run.status for run in results.runs} == {"left": end, "done": "FINISHED"}


def test_it_ends_when_its_job_did_together_with_the_outcome() -> None:
    started = a_training_run().whose_job_is(a_job())
    made = plan(
        a_run_seen(started, a_job().failed(at=ago(7)), (POD.ended(1),), results=Results((LEFT,))), NOW
    )
    assert made.registry == (EndRun("left", "FAILED", AT - 7000),)
    assert made.status
    assert made.status.wire()["runs"][0]["status"] == "FAILED"


RUN = LeftRunning("run", "team", "iris-1", "old-uid")


@pytest.mark.parametrize(
    ("successor", "pods", "abandoned"),
    [
        pytest.param(None, (), True, id="all of it is gone"),
        pytest.param(Successor("old-uid", NOW), (), False, id="its TrainingRun is there"),
        pytest.param(Successor("old-uid", NOW, True), (), True, id="its TrainingRun is finished"),
        pytest.param(
            Successor("old-uid", ago(60), True), (POD.running(),), False, id="its pod outlives the outcome"
        ),
        pytest.param(None, (POD.running(),), False, id="a pod of it still runs"),
        pytest.param(None, (POD.running().deleting(),), False, id="a pod of it is going away"),
        pytest.param(None, (POD.ended(1),), True, id="its pods have ended"),
        pytest.param(Successor("uid", NOW), (), True, id="another one has its name"),
        pytest.param(Successor("uid", ago(60)), (POD.running(),), True, id="only the other one's pods run"),
        pytest.param(
            Successor("uid", NOW),
            (POD.created(ago(60)).running(),),
            False,
            id="an older pod than the other one runs",
        ),
    ],
)
def test_a_run_is_abandoned_unless_it_can_go_on(
    successor: Successor | None, pods: tuple[PodBuilder, ...], abandoned: bool
) -> None:
    assert is_abandoned(RUN, successor, [pod.build() for pod in pods]) is abandoned
