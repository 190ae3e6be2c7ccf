"""A run whose Job is over: what came out, said once."""

from dataclasses import replace

import pytest
from modelcycle.conditions import find
from modelcycle.plan import CollectResults, KeepLogs, Plan, ReadChampions, SetAlias
from modelcycle.training.observed import Champion, LogsKept, Observed, Results
from modelcycle.training.say import REGISTRY_RETRY_SECONDS

from tests.builders.base import NOW, ago
from tests.builders.children import a_job
from tests.builders.registry import a_version, an_mlflow_run
from tests.builders.resources import TrainingRunBuilder, a_training_run
from tests.builders.seen import a_run_seen
from tests.unit.training.runs import (
    COMPLETE,
    FAILED,
    POD,
    REGISTERED,
    RUN,
    STARTED,
    UNREACHABLE,
    condition_of,
    failed,
    planned,
    status_of,
    succeeded,
)


def test_nothing_is_said_of_the_outcome_before_the_registry_has_answered() -> None:
    observed = a_run_seen(STARTED, COMPLETE, (POD.ended(0),), registry_problem=UNREACHABLE)
    status, made = status_of(observed), planned(observed)
    assert (status.phase, status.reason) == ("Running", "CollectingResults")
    assert UNREACHABLE in (status.message or "")
    assert condition_of(observed, "RegistryReachable") == ("False", "RegistryUnreachable")
    assert condition_of(observed, "Finished") == ("", "")
    assert made.look_again == REGISTRY_RETRY_SECONDS


def test_what_came_out_is_asked_for_before_anything_is_said() -> None:
    assert planned(a_run_seen(STARTED, COMPLETE)) == Plan(question=CollectResults())
    assert planned(a_run_seen(STARTED, job_confirmed_gone=True)) == Plan(question=CollectResults())


def test_the_champion_is_asked_for_last_so_that_nobody_waits_for_the_turn_long() -> None:
    known = a_run_seen(PROMOTING, COMPLETE, (POD.ended(0),), results=REGISTERED, logs=None)
    assert isinstance(planned(known).question, KeepLogs)
    assert planned(replace(known, logs=LogsKept())).question == ReadChampions()
    failed = a_run_seen(PROMOTING, FAILED, (POD.ended(1),), results=REGISTERED)
    assert planned(failed).question is None


def test_an_outage_of_the_registry_is_told_once_in_its_first_words() -> None:
    down = a_run_seen(STARTED, COMPLETE, registry_problem=UNREACHABLE)
    run = STARTED.with_status(**status_of(down).wire())
    still = a_run_seen(run, COMPLETE, registry_problem="MLflow answers 500.")
    assert planned(still) == Plan(look_again=REGISTRY_RETRY_SECONDS)


def test_a_run_whose_registry_came_back_is_finished_and_says_so() -> None:
    down = a_run_seen(STARTED, COMPLETE, (POD.ended(0),), registry_problem=UNREACHABLE)
    run = STARTED.with_status(**status_of(down).wire())
    back = a_run_seen(run, COMPLETE, (POD.ended(0),), results=REGISTERED)
    assert status_of(back).phase == "Succeeded"
    assert condition_of(back, "RegistryReachable") == ("True", "Answered")


def test_success_is_one_write_with_everything_that_came_out() -> None:
    status = status_of(succeeded())
    assert (status.phase, status.reason) == ("Succeeded", "JobComplete")
    assert (status.version, status.metric, status.run_id) == ("3", "accuracy=0.947", "run-3")
    assert (status.runs_total, status.metrics_total, status.model_versions_total) == (1, 2, 1)
    assert (status.completion_time, status.duration, status.attempts) == (NOW, "1m32s", 1)
    assert status.message == "The Job succeeded: 1 MLflow run, version 3."


def test_a_run_has_ended_when_its_job_has() -> None:
    job = a_job(RUN).complete(since=ago(100), at=ago(60))
    status = status_of(a_run_seen(STARTED, job, (POD.ended(0),), results=REGISTERED))
    assert (status.completion_time, status.duration) == (ago(60), "40s")


def test_success_without_a_model_says_so() -> None:
    observed = a_run_seen(a_training_run(), COMPLETE, (POD.ended(0),), results=Results())
    assert status_of(observed).message == "The Job succeeded: 0 MLflow runs, no model version."


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ("accuracy", "1 MLflow run, version 3."),
        ("loss", "1 MLflow run, version 3, and no metric 'loss', which spec.objective names."),
    ],
)
def test_success_without_the_metric_that_the_objective_names_says_so(metric: str, says: str) -> None:
    run = STARTED.with_spec(objective={"metric": metric})
    observed = a_run_seen(run, COMPLETE, (POD.ended(0),), results=REGISTERED)
    assert status_of(observed).message == f"The Job succeeded: {says}"


def test_a_run_whose_pods_are_gone_keeps_the_number_of_its_attempts() -> None:
    run = STARTED.with_status(attempts=2)
    assert status_of(a_run_seen(run, COMPLETE, results=REGISTERED)).attempts == 2


@pytest.mark.parametrize(
    ("observed", "outcome"),
    [pytest.param(succeeded(), "Complete", id="success"), pytest.param(failed(), "Failed", id="failure")],
)
def test_either_outcome_is_finished(observed: Observed, outcome: str) -> None:
    assert condition_of(observed, "Finished") == ("True", outcome)
    assert condition_of(observed, outcome)[0] == "True"
    assert condition_of(observed, "Failed" if outcome == "Complete" else "Complete") == ("", "")


def test_the_outcome_is_told_once_as_an_event() -> None:
    assert [(event.type, event.reason) for event in planned(succeeded()).events] == [("Normal", "Complete")]
    assert [(event.type, event.reason) for event in planned(failed()).events] == [
        ("Warning", "CommandFailed")
    ]


def test_a_failure_says_the_exit_code_and_the_last_output() -> None:
    status = status_of(failed())
    assert (status.phase, status.reason) == ("Failed", "CommandFailed")
    assert status.message == "The command ended with exit code 1. Its last output:\nKeyError: 'x'"


@pytest.mark.parametrize(
    ("run", "results", "expected"),
    [
        pytest.param(RUN, REGISTERED, ("True", "Registered"), id="the expected model was registered"),
        pytest.param(RUN, Results(), ("False", "NotRegistered"), id="nothing was registered"),
        pytest.param(
            a_training_run().expecting("wine"),
            REGISTERED,
            ("False", "NotRegistered"),
            id="another model was registered",
        ),
        pytest.param(
            a_training_run(),
            REGISTERED,
            ("True", "Registered"),
            id="a model was registered, none was expected",
        ),
        pytest.param(a_training_run(), Results(), ("", ""), id="none was expected and none registered"),
    ],
)
def test_model_registered_is_judged_when(
    run: TrainingRunBuilder, results: Results, expected: tuple[str, str]
) -> None:
    observed = a_run_seen(run, COMPLETE, (POD.ended(0),), results=results)
    assert condition_of(observed, "ModelRegistered") == expected
    assert status_of(observed).phase == "Succeeded"


def test_a_model_that_was_not_registered_says_how_to_register_it() -> None:
    observed = a_run_seen(RUN, COMPLETE, (POD.ended(0),), results=Results())
    found = find(status_of(observed).conditions, "ModelRegistered")
    assert found
    assert "registered_model_name='iris'" in found.message


PROMOTING = STARTED.with_spec(
    model={
        "name": "iris",
        "promote": {
            "alias": "champion",
            "when": [{"metric": "accuracy", "betterThan": "champion", "higherIsBetter": True}],
        },
    }
)


def test_a_good_version_is_promoted_and_status_says_so_in_the_one_write() -> None:
    champions = {"champion": Champion(2, {"accuracy": 0.9})}
    observed = a_run_seen(PROMOTING, COMPLETE, (POD.ended(0),), results=REGISTERED, champions=champions)
    made = planned(observed)
    assert made.registry == (SetAlias("iris", "champion", 3),)
    assert condition_of(observed, "Promoted") == ("True", "Promoted")
    assert status_of(observed).message == "The Job succeeded: 1 MLflow run, version 3, promoted."
    assert [event.reason for event in made.events] == ["Complete", "Promoted"]


def test_a_worse_version_is_registered_and_not_promoted() -> None:
    champions = {"champion": Champion(2, {"accuracy": 0.967})}
    observed = a_run_seen(PROMOTING, COMPLETE, (POD.ended(0),), results=REGISTERED, champions=champions)
    assert planned(observed).registry == ()
    promoted = find(status_of(observed).conditions, "Promoted")
    assert promoted
    assert (promoted.status, promoted.reason) == ("False", "NotBetter")
    assert promoted.message == "accuracy 0.947 is below champion v2's 0.967."
    assert condition_of(observed, "Complete") == ("True", "JobComplete")


@pytest.mark.parametrize(
    ("observed", "reason"),
    [
        pytest.param(
            a_run_seen(PROMOTING, FAILED, (POD.ended(1),), results=REGISTERED), "RunFailed", id="failed"
        ),
        pytest.param(
            a_run_seen(PROMOTING, COMPLETE, (POD.ended(0),), results=Results()),
            "NotRegistered",
            id="registered nothing",
        ),
        pytest.param(
            a_run_seen(
                PROMOTING,
                COMPLETE,
                (POD.ended(0),),
                results=Results(REGISTERED.runs, (a_version(3, name="wine"),)),
            ),
            "NotRegistered",
            id="registered another model",
        ),
    ],
)
def test_nothing_is_promoted_of_a_run_that(observed: Observed, reason: str) -> None:
    assert planned(observed).registry == ()
    assert condition_of(observed, "Promoted") == ("False", reason)


def test_a_failed_run_has_no_version_although_an_attempt_registered_one() -> None:
    pod = POD.ended(1)
    results = Results((an_mlflow_run("run-3", pod=pod.build().name, accuracy=1.0),), (a_version(3),))
    observed = a_run_seen(STARTED, FAILED, (pod,), results=results)
    status = status_of(observed)
    assert (status.version, status.metric, status.runs_total) == (None, None, 1)
    assert condition_of(observed, "ModelRegistered") == ("False", "NotRegistered")


def test_a_run_that_was_stopped_by_its_deadline_has_no_version() -> None:
    """The Job's controller deletes the pods that still run: nobody can tell their runs from good ones."""
    job = a_job(RUN).failed("DeadlineExceeded", "Job was active longer than specified deadline", ago(92))
    observed = a_run_seen(STARTED, job, results=REGISTERED)
    status = status_of(observed)
    assert (status.reason, status.version, status.metric) == ("DeadlineExceeded", None, None)
    assert condition_of(observed, "ModelRegistered") == ("False", "NotRegistered")
