"""What came out of a Job: the run that counts, its metrics, the versions it registered."""

from collections.abc import Iterable
from dataclasses import dataclass

from modelcycle.api.trainingrun import (
    METRICS_MAX,
    MODEL_VERSIONS_MAX,
    RUNS_MAX,
    Metric,
    ModelVersion,
    Run,
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
    """

    main: MlflowRun | None
    version: Version | None
    versions: tuple[Version, ...]
    runs: tuple[MlflowRun, ...]


def choose(results: Results, pods: Iterable[Pod], expected_model: str | None) -> Outcome:
    """Judges by what the pods that succeeded did; an attempt that failed leaves nothing that counts.

    A run whose pod is unknown counts: its pod has been collected, or its script runs elsewhere.
    """
    failed = {pod.name for pod in pods if pod.phase == "Failed"}
    runs = tuple(sorted((run for run in results.runs if run.pod not in failed), key=lambda run: run.start))
    ids = {run.run_id for run in runs}
    versions = tuple(v for v in results.versions if v.run_id in ids)
    version = _version(versions, expected_model)
    made_it = next((run for run in runs if version and run.run_id == version.run_id), None)
    parents = [run for run in runs if not run.parent]
    main = made_it or (parents[-1] if parents else None)
    return Outcome(main, version, versions, runs)


def _version(versions: tuple[Version, ...], expected_model: str | None) -> Version | None:
    of_model = [version for version in versions if version.name == expected_model]
    if of_model:
        return max(of_model, key=lambda version: version.number)
    return max(versions, key=lambda version: version.created, default=None)


def record(status: TrainingRunStatus, results: Results, outcome: Outcome) -> TrainingRunStatus:
    """The status with what came out. All runs are listed, also those of failed attempts."""
    metrics = outcome.main.metrics if outcome.main else {}
    first = next(iter(sorted(metrics.items())), None)
    runs = sorted(results.runs, key=lambda run: run.start)
    return status.model_copy(
        update={
            "version": str(outcome.version.number) if outcome.version else None,
            "run_id": outcome.main.run_id if outcome.main else None,
            "metric": f"{first[0]}={first[1]:.4g}" if first else None,
            "runs": [Run(run_id=r.run_id, name=r.name, status=r.status) for r in runs[:RUNS_MAX]],
            "runs_total": len(runs),
            "metrics": [Metric(name=n, value=str(v)) for n, v in sorted(metrics.items())[:METRICS_MAX]],
            "metrics_total": len(metrics),
            "model_versions": [
                ModelVersion(name=v.name, version=str(v.number), run_id=v.run_id)
                for v in outcome.versions[:MODEL_VERSIONS_MAX]
            ],
            "model_versions_total": len(outcome.versions),
        }
    )
