"""Run by clients of every age: logs one model in each form that its MLflow saves, into the folder given.

The database and the artifacts' layout are the client's own.
"""

import inspect
import os
import sys
from pathlib import Path
from typing import Any

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
import numpy as np
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

FLOWERS, SPECIES = load_iris(return_X_y=True, as_frame=True)
ARRAY = FLOWERS.to_numpy()


class Doubles(mlflow.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return np.asarray(model_input, dtype=float).sum(axis=1) * 2


def log(folder: Path, name: str, flavor: Any, example: Any, predicted: Any, **model: Any) -> None:
    """Each in a run of its own; the file `name` says where it lies, which differs from client to client."""
    before = set(folder.rglob("MLmodel"))
    called = "name" if "name" in inspect.signature(flavor.log_model).parameters else "artifact_path"
    signature = infer_signature(example, predicted)
    with mlflow.start_run():
        flavor.log_model(**{called: name}, **model, signature=signature, input_example=example[:2])
    made = {found.parent for found in set(folder.rglob("MLmodel")) - before}
    (logged,) = (found for found in made if found.name != "metadata")  # where 2.x keeps a copy
    (folder / name).write_text(str(logged))


def main(folder: Path) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment = mlflow.create_experiment("ages", artifact_location=f"file://{folder}/mlruns")
    mlflow.set_experiment(experiment_id=experiment)
    by_name = LogisticRegression(max_iter=500).fit(FLOWERS, SPECIES)
    by_place = LogisticRegression(max_iter=500).fit(ARRAY, SPECIES)
    predicted = by_place.predict(ARRAY)
    for form in ("pickle", "cloudpickle", "skops"):
        if hasattr(mlflow.sklearn, f"SERIALIZATION_FORMAT_{form.upper()}"):
            saved = {"sk_model": by_name, "serialization_format": form}
            log(folder, form, mlflow.sklearn, FLOWERS, predicted, **saved)
    log(folder, "array", mlflow.sklearn, ARRAY, predicted, sk_model=by_place, serialization_format="pickle")
    log(folder, "own", mlflow.pyfunc, FLOWERS, FLOWERS.sum(axis=1).to_numpy(), python_model=Doubles())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
