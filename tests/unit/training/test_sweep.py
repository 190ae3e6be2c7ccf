"""What the next step of a TrainingSweep is."""

from typing import Any

import pytest
from modelcycle.api.trainingsweep import Best, TrainingSweepStatus
from modelcycle.conditions import find
from modelcycle.plan import SWEEP_LABEL, Nominate, Plan, Ref, Refusal, SetAlias
from modelcycle.training.observed import Champion
from modelcycle.training.sweep import REFUSED_RETRY_SECONDS, plan
from modelcycle.training.sweep_end import REGISTRY_RETRY_SECONDS
from modelcycle.training.sweep_observed import Nominee, Observed, project_child

from tests.builders.base import NOW, ago
from tests.builders.registry import a_version
from tests.builders.resources import TrainingRunBuilder, TrainingSweepBuilder, a_training_sweep

SWEEP = a_training_sweep()
BETTER = {"metric": "accuracy", "betterThan": "champion", "higherIsBetter": True}
PROMOTING = SWEEP.promoting(BETTER)


def seen(sweep: TrainingSweepBuilder, *runs: TrainingRunBuilder, **more: Any) -> Observed:
    return Observed(sweep.build(), tuple(project_child(run.body()) for run in runs), **more)


def planned(sweep: TrainingSweepBuilder, *runs: TrainingRunBuilder, **more: Any) -> Plan:
    return plan(seen(sweep, *runs, **more), NOW)


def status_of(made: Plan) -> TrainingSweepStatus:
    assert isinstance(made.status, TrainingSweepStatus)
    return made.status


def condition_of(made: Plan, kind: str) -> tuple[str, str]:
    found = find(status_of(made).conditions, kind)
    return (found.status, found.reason) if found else ("", "")


def names(made: Plan) -> list[str]:
    return [child["metadata"]["name"] for child in made.creates]


def all_succeeded(sweep: TrainingSweepBuilder) -> list[TrainingRunBuilder]:
    figures = (0.9, 0.95, 0.95, 0.7)
    return [sweep.a_run(i, "Complete", accuracy=figure) for i, figure in enumerate(figures)]


# Runs are started.


def test_the_first_runs_are_the_first_write() -> None:
    made = planned(SWEEP.with_spec(parallelism=2))
    assert names(made) == ["tune-0", "tune-1"]
    assert (made.status, made.deletes, made.events) == (None, (), ())


def test_a_run_is_of_the_template_with_its_own_parameters_and_promotes_nothing() -> None:
    (run,) = planned(PROMOTING).creates
    assert run["kind"] == "TrainingRun"
    assert run["metadata"]["labels"][SWEEP_LABEL] == "tune"
    assert run["metadata"]["ownerReferences"][0]["kind"] == "TrainingSweep"
    assert run["spec"]["params"] == {"C": "1", "seed": "7"}
    assert run["spec"]["model"] == {"name": "iris"}
    assert run["spec"]["objective"] == {"metric": "accuracy", "higherIsBetter": True}


@pytest.mark.parametrize(
    ("parallelism", "runs", "expected"),
    [
        pytest.param(1, (SWEEP.a_run(0),), [], id="one at a time"),
        pytest.param(1, (SWEEP.a_run(0, "Failed"),), ["tune-1"], id="the next one after a failed one"),
        pytest.param(
            3, (SWEEP.a_run(0), SWEEP.a_run(1, "Failed")), ["tune-2", "tune-3"], id="as many as may"
        ),
        pytest.param(
            9, (SWEEP.a_run(1), SWEEP.a_run(3)), ["tune-0", "tune-2"], id="also one that was deleted"
        ),
    ],
)
def test_as_many_runs_go_on_as_parallelism_says(
    parallelism: int, runs: tuple[TrainingRunBuilder, ...], expected: list[str]
) -> None:
    assert names(planned(SWEEP.with_spec(parallelism=parallelism), *runs)) == expected


def test_status_counts_its_runs_and_names_the_best_so_far() -> None:
    runs = (SWEEP.a_run(0, "Complete", accuracy=0.9), SWEEP.a_run(1, "Failed"), SWEEP.a_run(2))
    status = status_of(planned(SWEEP, *runs))
    assert (status.phase, status.reason) == ("Running", "RunsUnderWay")
    assert (status.total, status.active, status.succeeded, status.failed) == (4, 1, 1, 1)
    assert status.best == Best(
        run="tune-0",
        params={"C": "1"},
        value="0.9",
        metric="accuracy=0.9",
        version="100",
        run_id="run-100",
    )
    assert status.message == "2 of 4 runs have ended. The best so far is tune-0 with accuracy=0.9."
    assert status.start_time == NOW


@pytest.mark.parametrize(
    ("higher_is_better", "figures", "best"),
    [
        pytest.param(True, {"accuracy": [0.9, 0.95, 0.8]}, "tune-1", id="the greatest"),
        pytest.param(False, {"accuracy": [0.9, 0.95, 0.8]}, "tune-2", id="the smallest"),
        pytest.param(True, {"accuracy": [0.9, 0.95, 0.95]}, "tune-1", id="the first of equal ones"),
        pytest.param(True, {"accuracy": [float("nan"), 0.1, float("inf")]}, "tune-1", id="a number"),
        pytest.param(True, {"f1": [0.9, 0.9, 0.9]}, None, id="one that logged the metric"),
    ],
)
def test_the_best_is(higher_is_better: bool, figures: dict[str, list[float]], best: str | None) -> None:
    sweep = SWEEP.with_spec(objective={"higherIsBetter": higher_is_better})
    ((metric, values),) = figures.items()
    runs = [sweep.a_run(i, "Complete", **{metric: value}) for i, value in enumerate(values)]
    found = status_of(planned(sweep, *runs)).best
    assert (found and found.run) == best


def test_what_was_best_stays_so_when_its_run_is_deleted() -> None:
    best = {"run": "tune-0", "params": {"C": "1"}, "value": "0.99", "metric": "accuracy=0.99"}
    sweep = SWEEP.with_status(best=best)
    found = status_of(planned(sweep, sweep.a_run(1, "Complete", accuracy=0.9))).best
    assert found
    assert found.run == "tune-0"


def test_a_run_that_cannot_be_made_yet_is_said_and_tried_again() -> None:
    made = planned(SWEEP, refusal=Refusal("Forbidden", "exceeded quota", final=False))
    assert (status_of(made).phase, status_of(made).reason) == ("Pending", "Forbidden")
    assert (names(made), made.look_again) == (["tune-0"], REFUSED_RETRY_SECONDS)
    assert [event.reason for event in made.events] == ["Forbidden"]


def test_a_run_that_the_api_server_refuses_fails_the_sweep_in_its_words() -> None:
    made = planned(SWEEP, refusal=Refusal("TrainingRunRefused", "spec.nodes: Invalid value", final=True))
    assert (status_of(made).phase, status_of(made).reason) == ("Failed", "TrainingRunRefused")
    assert "spec.nodes" in (status_of(made).message or "")


def test_a_grid_that_is_too_large_fails_before_a_run_is_made() -> None:
    params = {name: {"values": [str(n) for n in range(11)]} for name in "CDE"}
    made = planned(SWEEP.with_spec(params=params))
    assert made.creates == ()
    assert (status_of(made).phase, status_of(made).reason) == ("Failed", "TooManyRuns")
    assert condition_of(made, "Finished") == ("True", "Failed")


def test_a_sweep_of_no_runs_fails() -> None:
    sweep = SWEEP.with_spec(
        params={"C": {"values": None, "min": 0.1, "max": 0.9, "integer": True}},
        search={"type": "Random", "maxRuns": 5},
    )
    assert status_of(planned(sweep)).reason == "NoRuns"


# Suspended.


def test_a_suspended_sweep_starts_nothing_and_what_runs_goes_on() -> None:
    sweep = SWEEP.with_spec(suspend=True, parallelism=2)
    none, one = planned(sweep), planned(sweep, sweep.a_run(0))
    assert (none.creates, status_of(none).phase) == ((), "Suspended")
    assert (one.creates, one.deletes, status_of(one).phase) == ((), (), "Running")
    for made in (none, one):
        assert condition_of(made, "Suspended") == ("True", "Suspended")


def test_a_resumed_sweep_goes_on_where_it_was() -> None:
    sweep = SWEEP.with_spec(suspend=True)
    run = sweep.a_run(0, "Complete", accuracy=0.9)
    resumed = SWEEP.with_status(**status_of(planned(sweep, run)).wire())
    made = planned(resumed, run)
    assert names(made) == ["tune-1"]
    assert condition_of(made, "Suspended") == ("False", "Resumed")


# Runs are stopped.


@pytest.mark.parametrize(
    ("objective", "figure", "stops"),
    [
        ({"goal": 0.9}, 0.9, True),
        ({"goal": 0.9}, 0.89, False),
        ({"goal": 0.2, "higherIsBetter": False}, 0.2, True),
        ({"goal": 0.2, "higherIsBetter": False}, 0.21, False),
        ({}, 1.0, False),
    ],
)
def test_once_the_goal_is_reached_nothing_new_starts_and_what_runs_is_stopped(
    objective: dict[str, Any], figure: float, stops: bool
) -> None:
    sweep = SWEEP.with_spec(objective=objective, parallelism=2)
    made = planned(sweep, sweep.a_run(0, "Complete", accuracy=figure), sweep.a_run(1))
    assert (made.deletes == (Ref("TrainingRun", "tune-1", "tune-1-uid"),)) is stops
    assert (names(made) == []) is stops
    assert (condition_of(made, "SuccessCriteriaMet") == ("True", "GoalReached")) is stops
    assert condition_of(made, "Finished") == ("", "")


def test_with_more_failed_runs_than_it_may_have_a_sweep_stops_and_has_failed() -> None:
    sweep = SWEEP.with_spec(maxFailed=1, parallelism=3)
    failed = (sweep.a_run(0, "Failed"), sweep.a_run(1, "Failed"))
    assert names(planned(sweep, failed[0])) == ["tune-1", "tune-2", "tune-3"]
    stopping = planned(sweep, *failed, sweep.a_run(2))
    assert condition_of(stopping, "FailureTarget") == ("True", "MaxFailedExceeded")
    assert [ref.name for ref in stopping.deletes] == ["tune-2"]
    over = planned(sweep.with_status(**status_of(stopping).wire()), *failed)
    assert (over.creates, condition_of(over, "Failed")) == ((), ("True", "MaxFailedExceeded"))
    assert status_of(over).message == (
        "2 runs failed, more than spec.maxFailed (1). tune-1: The command ended with exit code 1."
    )


def test_what_was_decided_stays_decided() -> None:
    """The run that reached the goal may be deleted; those that were stopped are not made again."""
    sweep = SWEEP.with_spec(objective={"goal": 0.9}, parallelism=2)
    decided = planned(sweep, sweep.a_run(0, "Complete", accuracy=0.95), sweep.a_run(1))
    later = planned(sweep.with_status(**status_of(decided).wire()))
    assert (later.creates, condition_of(later, "Complete")) == ((), ("True", "GoalReached"))


# Over.


def test_a_sweep_whose_runs_have_all_ended_is_complete_in_one_write() -> None:
    sweep = SWEEP.with_status(startTime="2026-11-23T08:58:00Z")
    made = planned(sweep, *all_succeeded(sweep))
    status = status_of(made)
    assert (status.phase, status.reason) == ("Succeeded", "AllRunsEnded")
    assert status.message == "4 of 4 runs succeeded, 0 failed; the best is tune-1 with accuracy=0.95."
    assert (status.completion_time, status.duration) == (NOW, "2m0s")
    assert condition_of(made, "Complete") == ("True", "AllRunsEnded")
    assert condition_of(made, "Finished") == ("True", "Complete")
    assert condition_of(made, "Promoted") == ("", "")
    assert [event.reason for event in made.events] == ["Complete"]


def test_failed_runs_do_not_fail_a_sweep_that_has_a_best_one() -> None:
    runs = [SWEEP.a_run(0, "Complete", accuracy=0.9), *(SWEEP.a_run(i, "Failed") for i in (1, 2, 3))]
    assert status_of(planned(SWEEP, *runs)).phase == "Succeeded"


@pytest.mark.parametrize(
    ("runs", "reason", "says"),
    [
        (
            [SWEEP.a_run(i, "Failed") for i in range(4)],
            "AllRunsFailed",
            "0 of 4 runs succeeded, 4 failed. tune-3: The command ended with exit code 1.",
        ),
        (
            [SWEEP.a_run(i, "Complete", f1=0.9) for i in range(4)],
            "ObjectiveMissing",
            "none logged 'accuracy' as a finite number",
        ),
    ],
)
def test_a_sweep_without_a_best_run_has_failed(
    runs: list[TrainingRunBuilder], reason: str, says: str
) -> None:
    status = status_of(planned(SWEEP, *runs))
    assert (status.phase, status.reason) == ("Failed", reason)
    assert says in (status.message or "")


def test_terminal_is_terminal_and_what_still_runs_is_stopped() -> None:
    over = SWEEP.with_status(**status_of(planned(SWEEP, *all_succeeded(SWEEP))).wire())
    assert planned(over) == Plan()
    assert planned(over, over.a_run(3)) == Plan(deletes=(Ref("TrainingRun", "tune-3", "tune-3-uid"),))


def test_a_sweep_that_is_being_deleted_is_left_alone() -> None:
    assert planned(SWEEP.deleting()) == Plan()


# The best is promoted.


def promoted(figure: float, **more: Any) -> Plan:
    """The champion has an accuracy of 0.93."""
    champions = {"champion": Champion(3, {"accuracy": 0.93})}
    nominee = Nominee(a_version(101), {"accuracy": figure}, champions)
    return planned(PROMOTING, *all_succeeded(PROMOTING), nominee=nominee, **more)


def test_mlflow_is_asked_for_the_rivals_of_the_best_when_all_else_is_over() -> None:
    made = planned(PROMOTING, *all_succeeded(PROMOTING))
    assert made.question == Nominate("iris", 101, "run-101")
    assert (made.status, made.registry, made.look_again) == (None, (), REGISTRY_RETRY_SECONDS)
    under_way = planned(PROMOTING, *all_succeeded(PROMOTING)[:3], PROMOTING.a_run(3))
    assert under_way.question is None


def test_the_best_run_is_promoted_by_the_templates_rules() -> None:
    made = promoted(0.95)
    assert made.registry == (SetAlias("iris", "champion", 101),)
    assert condition_of(made, "Promoted") == ("True", "Promoted")
    assert status_of(made).phase == "Succeeded"
    assert [event.reason for event in made.events] == ["Complete", "Promoted"]


def test_a_best_run_that_is_worse_than_the_champion_is_not_promoted() -> None:
    made = promoted(0.92)
    assert made.registry == ()
    found = find(status_of(made).conditions, "Promoted")
    assert found
    assert found.message == "accuracy 0.92 is below champion v3's 0.93."
    assert status_of(made).phase == "Succeeded"


def test_while_the_registry_does_not_answer_nothing_is_said_of_the_outcome() -> None:
    made = planned(PROMOTING, *all_succeeded(PROMOTING), registry_problem="MLflow does not answer.")
    assert (status_of(made).phase, status_of(made).reason) == ("Running", "RegistryUnreachable")
    assert condition_of(made, "RegistryReachable") == ("False", "RegistryUnreachable")
    assert made.look_again == REGISTRY_RETRY_SECONDS
    waiting = PROMOTING.with_status(**status_of(made).wire())
    again = planned(waiting, *all_succeeded(waiting), registry_problem="MLflow does not answer.")
    assert again.status
    assert (again.status.wire(), again.events) == (status_of(made).wire(), ())


def test_a_best_run_that_registered_nothing_is_not_promoted() -> None:
    best = PROMOTING.a_run(1, "Complete", accuracy=0.99).with_status(version=None)
    made = planned(PROMOTING, *(run for i, run in enumerate(all_succeeded(PROMOTING)) if i != 1), best)
    assert condition_of(made, "Promoted") == ("False", "NotRegistered")


def test_a_version_that_is_gone_is_not_promoted() -> None:
    made = planned(PROMOTING, *all_succeeded(PROMOTING), nominee=Nominee(None, {}, {}))
    assert condition_of(made, "Promoted") == ("False", "NotRegistered")


def test_a_failed_sweep_promotes_nothing() -> None:
    sweep = PROMOTING.with_spec(maxFailed=0)
    runs = [sweep.a_run(0, "Complete", accuracy=1.0), sweep.a_run(1, "Failed")]
    made = planned(sweep, *runs)
    assert (made.question, condition_of(made, "Promoted")) == (None, ("False", "SweepFailed"))


# Rest.


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param((SWEEP.a_run(0),), id="runs are under way"),
        pytest.param((SWEEP.a_run(0, "Failed"), SWEEP.a_run(1)), id="one has failed"),
    ],
)
def test_a_second_look_at_the_same_world_changes_nothing_when(runs: tuple[TrainingRunBuilder, ...]) -> None:
    first = status_of(planned(SWEEP, *runs))
    again = plan(seen(SWEEP.with_status(**first.wire()), *runs), ago(-60))
    assert again.status
    assert again.status.wire() == first.wire()
    assert again.events == ()
