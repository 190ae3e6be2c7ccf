"""What came out of a Job: the run that counts, its metrics, the versions it registered."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from modelcycle.api.trainingrun import TrainingRunSpec, TrainingRunStatus
from modelcycle.registry import Version
from modelcycle.training.observed import MlflowRun, Results
from modelcycle.training.outcome import Outcome, choose, of_failure, record

from tests.builders.children import PodBuilder, a_job_pod
from tests.builders.registry import a_version, an_mlflow_run

GOOD, BAD = a_job_pod("good").ended(0), a_job_pod("bad").ended(1)


def chosen(
    *runs: MlflowRun,
    versions: tuple[Version, ...] = (),
    pods: tuple[PodBuilder, ...] = (GOOD, BAD),
    expected: str | None = "iris",
) -> Outcome:
    return choose(Results(runs, versions), tuple(pod.build() for pod in pods), expected)


def by(pod: str, number: int = 1, parent: str = "", metrics: Mapping[str, float] | None = None) -> MlflowRun:
    """run-<number>, which made version <number>."""
    run = an_mlflow_run(f"run-{number}", start=number, pod=pod, parent=parent)
    return replace(run, metrics=metrics or {})


def number_of(outcome: Outcome) -> int | None:
    return outcome.version.number if outcome.version else None


@pytest.mark.parametrize(
    ("versions", "expected", "number"),
    [
        pytest.param((), "iris", None, id="none if none was registered"),
        pytest.param((a_version(2), a_version(10), a_version(9)), "iris", 10, id="the highest, as a number"),
        pytest.param(
            (a_version(2), a_version(7, name="wine")), "iris", 2, id="of the expected model, if it has any"
        ),
        pytest.param(
            (a_version(7, name="wine"),), "iris", 7, id="of another model, where the expected has none"
        ),
        pytest.param(
            (Version("wine", 9, 1, "", "run-1"), Version("iris", 2, 2, "", "run-1")),
            None,
            2,
            id="the last registered, where none is expected",
        ),
    ],
)
def test_the_version_is(versions: tuple[Version, ...], expected: str | None, number: int | None) -> None:
    runs = tuple(by("good", n) for n in (1, 2, 7, 9, 10))
    assert number_of(chosen(*runs, versions=versions, expected=expected)) == number


@pytest.mark.parametrize(
    ("pod", "counts"),
    [
        pytest.param("good", True, id="succeeded"),
        pytest.param("bad", False, id="failed"),
        pytest.param("drained", False, id="has been deleted, beside one that succeeded"),
    ],
)
def test_a_run_counts_by_its_pod_that(pod: str, counts: bool) -> None:
    outcome = chosen(by(pod), versions=(a_version(1),))
    assert (number_of(outcome) == 1) is counts
    assert (outcome.main is not None) is counts


def test_runs_count_when_the_pod_that_succeeded_is_not_known_any_more() -> None:
    """The Job is Complete, so there was one: its node may be gone, or the watch be behind."""
    outcome = chosen(by("gone"), by("bad", 2), versions=(a_version(1), a_version(2)), pods=(BAD,))
    assert number_of(outcome) == 1


def test_the_main_run_is_the_one_that_made_the_version() -> None:
    outcome = chosen(by("good", 1), by("good", 2), versions=(a_version(1),))
    assert outcome.main
    assert outcome.main.run_id == "run-1"


def test_a_child_run_that_made_the_version_is_the_main_one() -> None:
    outcome = chosen(by("good", 1), by("good", 2, parent="run-1"), versions=(a_version(2),))
    assert outcome.main
    assert outcome.main.run_id == "run-2"


def test_without_a_version_the_main_run_is_the_last_started_one_that_is_nobodys_child() -> None:
    outcome = chosen(by("good", 2), by("good", 1), by("good", 3, parent="run-2"))
    assert outcome.main
    assert outcome.main.run_id == "run-2"


UI = "https://mlflow.example.org"


def recorded(
    results: Results,
    outcome: Outcome,
    spec: TrainingRunSpec = TrainingRunSpec(),  # noqa: B008 - it is frozen
) -> TrainingRunStatus:
    return record(spec, TrainingRunStatus(), results, outcome, UI)


def test_all_runs_are_listed_in_the_order_of_their_start_also_of_failed_attempts() -> None:
    results = Results((by("good", 2), by("bad", 1)))
    status = recorded(results, chosen(*results.runs))
    assert [run.run_id for run in status.runs or ()] == ["run-1", "run-2"]
    assert status.runs_total == 2


def test_lists_are_cut_and_their_totals_are_not() -> None:
    runs = tuple(by("good", n) for n in range(1, 31))
    main = by("good", 31, metrics={f"m{i:02}": float(i) for i in range(60)})
    results = Results((*runs, main), tuple(a_version(n) for n in range(1, 32)))
    status = recorded(results, chosen(*results.runs, versions=results.versions))
    assert (len(status.runs or ()), status.runs_total) == (20, 31)
    assert (len(status.metrics or ()), status.metrics_total) == (50, 60)
    assert (len(status.model_versions or ()), status.model_versions_total) == (20, 31)


def test_the_objectives_metric_is_listed_however_many_there_are() -> None:
    main = by("good", metrics={"z": 1.0, **{f"m{i:02}": float(i) for i in range(60)}})
    spec = TrainingRunSpec.model_validate({"objective": {"metric": "z"}})
    listed = [metric.name for metric in recorded(Results((main,)), chosen(main), spec).metrics or ()]
    assert (listed[0], listed[-2:]) == ("m00", ["m48", "z"])


@pytest.mark.parametrize(
    ("metrics", "shown"),
    [
        pytest.param({}, None, id="none if there is none"),
        pytest.param({"f1": 0.5, "accuracy": 0.947}, "accuracy=0.947", id="the first by name"),
        pytest.param({"accuracy": 0.966666666}, "accuracy=0.9667", id="four digits of it"),
        pytest.param({"loss": float("nan")}, "loss=NaN", id="also where it is no number"),
    ],
)
def test_the_shown_metric_is(metrics: dict[str, float], shown: str | None) -> None:
    main = by("good", metrics=metrics)
    assert recorded(Results((main,)), chosen(main)).metric == shown


@pytest.mark.parametrize(
    ("metrics", "shown"),
    [
        pytest.param({"f1": 0.5, "accuracy": 0.9}, "f1=0.5", id="that of the first rule"),
        pytest.param({"recall": 0.5, "accuracy": 0.9}, "accuracy=0.9", id="the first by name, without that"),
        pytest.param({}, None, id="none if there is none"),
    ],
)
def test_where_a_run_promotes_the_shown_metric_is(metrics: dict[str, float], shown: str | None) -> None:
    promote = {"alias": "champion", "when": [{"metric": name, "atLeast": 0} for name in ("f1", "recall")]}
    spec = TrainingRunSpec.model_validate({"model": {"name": "iris", "promote": promote}})
    main = by("good", metrics=metrics)
    assert recorded(Results((main,)), chosen(main), spec).metric == shown


@pytest.mark.parametrize(
    ("objective", "shown"),
    [
        pytest.param("f1", "f1=0.5", id="is shown"),
        pytest.param("recall", None, id="and was not logged, shows none in its place"),
    ],
)
def test_the_metric_that_the_objective_names(objective: str, shown: str | None) -> None:
    main = by("good", metrics={"f1": 0.5, "accuracy": 0.947})
    spec = TrainingRunSpec.model_validate({"objective": {"metric": objective}})
    assert recorded(Results((main,)), chosen(main), spec).metric == shown


def test_the_main_run_is_found_in_the_mlflow_ui() -> None:
    main = replace(by("good", 3), experiment="7")
    url = recorded(Results((main,)), chosen(main)).run_url
    assert url == f"{UI}/#/experiments/7/runs/run-3"


def test_of_a_failed_job_nothing_counts_and_its_last_run_is_where_to_look() -> None:
    results = Results((by("bad", 2, metrics={"loss": 1.0}), by("bad", 1), by("bad", 3, parent="run-2")))
    outcome = of_failure(results)
    status = recorded(results, outcome)
    assert (status.run_id, status.version, status.metrics) == ("run-2", None, [])
    assert of_failure(Results()).main is None


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (0.9466666666666667, "0.9466666666666667"),
        (3.0, "3.0"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (0.0, "0.0"),
    ],
)
def test_a_metric_is_spelled_in_full(value: float, spelled: str) -> None:
    main = by("good", metrics={"accuracy": value})
    metrics = recorded(Results((main,)), chosen(main)).metrics or []
    assert [(metric.name, metric.value) for metric in metrics] == [("accuracy", spelled)]
