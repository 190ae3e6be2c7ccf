"""What came out of a Job: the run that counts, its metrics, the versions it registered."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modelcycle.api.trainingrun import (
    METRICS_MAX,
    MODEL_VERSIONS_MAX,
    RUNS_MAX,
    Metric,
    ModelVersion,
    Run,
    TrainingRunSpec,
    TrainingRunStatus,
)
from modelcycle.pods import Pod
from modelcycle.registry import Version
from modelcycle.training.observed import MlflowRun, Results


@dataclass(frozen=True)
class Outcome:
    """What counts of the results.

    Attributes:
        main: the run that made the version, else the last started one without a parent.
        version: the highest version of the expected model, else the last registered one.
        metrics: those of the main run.
    """

    main: MlflowRun | None
    version: Version | None
    versions: tuple[Version, ...] = ()
    runs: tuple[MlflowRun, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)


def choose(results: Results, pods: Iterable[Pod], expected_model: str | None) -> Outcome:
    """Judges by what the pods of a Complete Job that succeeded did; other attempts leave nothing that counts.

    Where the pod that succeeded is not known (its node is gone, or the watch is behind), every run counts whose
    pod is not known to have failed.
    """
    phases = {pod.name: pod.phase for pod in pods}
    if "Succeeded" in phases.values():
        counted = [run for run in results.runs if phases.get(run.pod) == "Succeeded"]
    else:
        counted = [run for run in results.runs if phases.get(run.pod) != "Failed"]
    runs = tuple(sorted(counted, key=lambda run: run.start))
    ids = {run.run_id for run in runs}
    versions = tuple(v for v in results.versions if v.run_id in ids)
    version = _version(versions, expected_model)
    made_it = next((run for run in runs if version and run.run_id == version.run_id), None)
    parents = [run for run in runs if not run.parent]
    main = made_it or (parents[-1] if parents else None)
    return Outcome(main, version, versions, runs, main.metrics if main else {})


def of_failure(results: Results | None) -> Outcome:
    """Nothing counts of a Job that failed; its last run is where to look for the reason."""
    parents = [run for run in results.runs if not run.parent] if results else []
    return Outcome(max(parents, key=lambda run: run.start, default=None), None)


def _version(versions: tuple[Version, ...], expected_model: str | None) -> Version | None:
    of_model = [version for version in versions if version.name == expected_model]
    if of_model:
        return max(of_model, key=lambda version: version.number)
    return max(versions, key=lambda version: version.created, default=None)


def record(
    spec: TrainingRunSpec, status: TrainingRunStatus, results: Results, outcome: Outcome, ui_url: str
) -> TrainingRunStatus:
    """The status with what came out. All runs are listed, also those of failed attempts."""
    main, metrics = outcome.main, sorted(outcome.metrics.items())
    runs = sorted(results.runs, key=lambda run: run.start)
    return status.model_copy(
        update={
            "version": str(outcome.version.number) if outcome.version else None,
            "run_id": main.run_id if main else None,
            "run_url": f"{ui_url}/#/experiments/{main.experiment}/runs/{main.run_id}" if main else None,
            "metric": _shown(spec, dict(metrics)),
            "runs": [Run(run_id=r.run_id, name=r.name, status=r.status) for r in runs[:RUNS_MAX]],
            "runs_total": len(runs),
            "metrics": [Metric(name=name, value=spelled(value)) for name, value in _listed(spec, metrics)],
            "metrics_total": len(metrics),
            "model_versions": [
                ModelVersion(name=v.name, version=str(v.number), run_id=v.run_id)
                for v in outcome.versions[:MODEL_VERSIONS_MAX]
            ],
            "model_versions_total": len(outcome.versions),
        }
    )


def _listed(spec: TrainingRunSpec, metrics: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """The first ones by name, and the objective's among them: a sweep compares its runs by that."""
    wanted = spec.objective.metric if spec.objective else None
    first = sorted(metrics, key=lambda metric: (metric[0] != wanted, metric[0]))
    return sorted(first[:METRICS_MAX])


def _shown(spec: TrainingRunSpec, metrics: Mapping[str, float]) -> str | None:
    """The objective's metric, and none in its place; else that of promotion's first rule, else the first by name."""
    promote = spec.model.promote if spec.model else None
    wanted = [rule.metric for rule in promote.when[:1]] if promote else []
    names = [spec.objective.metric] if spec.objective else [*wanted, *metrics]
    name = next((name for name in names if name in metrics), None)
    return f"{name}={spelled(metrics[name], '.4g')}" if name else None


def spelled(value: float, digits: str = "") -> str:
    """A number as JSON and MLflow spell it; str() would say nan and inf."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return format(value, digits)
