"""The logs of a Job's pods: kept with its main MLflow run, and no reason to wait for long."""

import pytest
from modelcycle.conditions import find
from modelcycle.plan import KeepLogs, Plan
from modelcycle.training.kept_logs import PATIENCE_SECONDS, PODS_MAX
from modelcycle.training.observed import LogsKept, Observed, Results
from modelcycle.training.plan import plan
from modelcycle.training.say import REGISTRY_RETRY_SECONDS

from tests.builders.base import NOW, ago
from tests.builders.children import PodBuilder, a_job, a_job_pod
from tests.builders.registry import an_mlflow_run
from tests.builders.resources import a_training_run
from tests.builders.seen import a_run_seen

STARTED = a_training_run().whose_job_is(a_job())
FIRST, SECOND = (
    a_job_pod("first").created(ago(90)).ended(1),
    a_job_pod("second").created(ago(60)).ended(0),
)
WAITING = a_job_pod("waiting").created(ago(30))
MAIN = Results((an_mlflow_run("main", pod="second"),))
NOT_KEPT = LogsKept(("second",), "The log of pod first was not kept: MLflow answers 500.")


def ended(
    *pods: PodBuilder, logs: LogsKept | None, results: Results = MAIN, since: float = 0, failed: bool = False
) -> Observed:
    job = a_job().failed(at=ago(since)) if failed else a_job().complete(at=ago(since))
    return a_run_seen(STARTED, job, pods, results=results, logs=logs)


def condition(observed: Observed) -> tuple[str, str, str]:
    """Status, reason and message of LogStored."""
    status = plan(observed, NOW).status
    found = find(getattr(status, "conditions", ()), "LogStored")
    return (found.status, found.reason, found.message) if found else ("", "", "")


def test_the_log_of_every_attempt_is_kept_with_the_main_run_before_anything_is_said() -> None:
    observed = ended(SECOND, FIRST, WAITING, logs=None)
    assert plan(observed, NOW) == Plan(question=KeepLogs("main", ("first", "second")))


def test_the_log_of_a_failed_job_is_kept_with_its_last_run() -> None:
    runs = Results((an_mlflow_run("run-1", start=1), an_mlflow_run("run-2", start=2)))
    observed = ended(FIRST, logs=None, results=runs, failed=True)
    assert plan(observed, NOW).question == KeepLogs("run-2", ("first",))


def test_of_very_many_pods_the_newest_are_kept() -> None:
    pods = [a_job_pod(f"pod-{n}").created(ago(100 - n)).ended(0) for n in range(PODS_MAX + 2)]
    main = Results((an_mlflow_run("main", pod="pod-9"),))
    question = plan(ended(*pods, logs=None, results=main), NOW).question
    assert isinstance(question, KeepLogs)
    assert question.pods == tuple(f"pod-{n}" for n in range(2, PODS_MAX + 2))


@pytest.mark.parametrize(
    ("observed", "wanted"),
    [
        pytest.param(
            ended(SECOND, logs=LogsKept(("second",))),
            ("True", "Stored", "Artifacts of MLflow run main: logs/second.log."),
            id="it is kept",
        ),
        pytest.param(
            ended(SECOND, logs=NOT_KEPT, since=PATIENCE_SECONDS),
            ("False", "NotStored", NOT_KEPT.problem),
            id="it could not be kept",
        ),
        pytest.param(
            ended(SECOND, logs=None, results=Results()),
            (
                "False",
                "NoMlflowRun",
                "The Job started no MLflow run to keep its log with: kubectl logs shows it while the pod is there.",
            ),
            id="there is no MLflow run to keep it with",
        ),
        pytest.param(ended(WAITING, logs=None), ("", "", ""), id="no pod ever started"),
        pytest.param(ended(SECOND, logs=LogsKept()), ("", "", ""), id="the kubelet had none any more"),
    ],
)
def test_a_condition_says_so_when(observed: Observed, wanted: tuple[str, str, str]) -> None:
    assert condition(observed) == wanted


def test_what_may_pass_is_waited_for_and_said_once() -> None:
    observed = ended(SECOND, logs=NOT_KEPT, since=PATIENCE_SECONDS - 1)
    made = plan(observed, NOW)
    assert made.status
    status = made.status.wire()
    assert (status["phase"], status["reason"]) == ("Running", "CollectingResults")
    assert NOT_KEPT.problem in status["message"]
    again = a_run_seen(
        STARTED.with_status(**status), a_job().complete(), (SECOND,), results=MAIN, logs=NOT_KEPT
    )
    assert plan(again, NOW) == Plan(look_again=REGISTRY_RETRY_SECONDS)
