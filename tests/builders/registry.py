"""What MLflow keeps."""

from modelcycle.registry import RegisteredModel, Version
from modelcycle.training import observed as training

from tests.builders.base import MODEL


def a_version(number: int = 1, name: str = MODEL, status: str = "READY") -> Version:
    """A model version whose MLflow run is run-<number>."""
    return Version(
        name=name,
        number=number,
        created=1_700_000_000_000 + number,
        source=f"models:/m-{number}",
        run_id=f"run-{number}",
        status=status,
    )


def path_of(number: int) -> str:
    """Where the files of a version of MODEL lie."""
    return f"/mlruns/1/models/m-{number}/artifacts"


def a_registered_model(*versions: Version, name: str = MODEL, **aliases: int) -> RegisteredModel:
    return RegisteredModel(name, aliases, versions)


def an_mlflow_run(
    run_id: str = "run-1",
    start: int = 1,
    parent: str = "",
    pod: str = "iris-1-abcde",
    status: str = "FINISHED",
    commit: str = "",
    **metrics: float,
) -> training.MlflowRun:
    """A run in MLflow that a pod of a Job started. start: milliseconds since the epoch."""
    return training.MlflowRun(run_id, f"name of {run_id}", status, start, parent, pod, metrics, commit=commit)
