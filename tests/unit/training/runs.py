"""TrainingRuns in the middle of their life, and what is planned for them."""

from modelcycle.api.trainingrun import TrainingRunStatus
from modelcycle.conditions import find
from modelcycle.plan import Plan
from modelcycle.training.observed import Observed, Results
from modelcycle.training.plan import plan

from tests.builders.base import NOW, ago
from tests.builders.children import JobBuilder, PodBuilder, a_job, a_job_pod
from tests.builders.registry import a_version, an_mlflow_run
from tests.builders.resources import a_training_run
from tests.builders.seen import a_run_seen

RUN = a_training_run().expecting("iris")
STARTED = RUN.whose_job_is(a_job(RUN))
JOB = a_job(RUN).running(since=ago(90))
COMPLETE = a_job(RUN).complete(since=ago(92), at=NOW)
FAILED = a_job(RUN).failed(since=ago(92), at=NOW)
POD = a_job_pod().created(ago(60))
RESULTS = Results((an_mlflow_run("run-1", accuracy=0.947, f1=0.9),), (a_version(3),))
REGISTERED = Results((an_mlflow_run("run-3", accuracy=0.947, f1=0.9),), (a_version(3),))
UNREACHABLE = "MLflow at http://mlflow:5000 does not answer: check that its pod runs."


def planned(observed: Observed) -> Plan:
    return plan(observed, NOW)


def status_of(observed: Observed) -> TrainingRunStatus:
    status = planned(observed).status
    assert isinstance(status, TrainingRunStatus)
    return status


def condition_of(observed: Observed, kind: str) -> tuple[str, str]:
    found = find(status_of(observed).conditions, kind)
    return (found.status, found.reason) if found else ("", "")


def succeeded() -> Observed:
    return a_run_seen(STARTED, COMPLETE, (POD.ended(0),), results=REGISTERED)


def failed(pod: PodBuilder | None = None, job: JobBuilder = FAILED) -> Observed:
    return a_run_seen(STARTED, job, (pod or POD.ended(1, "KeyError: 'x'"),), results=Results())
