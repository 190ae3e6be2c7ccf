"""Run as a TrainingRun: logs a model of iris, and one of each kind that cannot serve, each with an alias of its own."""

import os
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from mlflow.pyfunc import PythonModel, PythonModelContext
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

NAME = os.environ["PARAM_model"]  # noqa: SIM112 - as params are named
GIB = 1 << 30


def is_serving() -> bool:
    """MLflow loads a model to log it as well; only a serving pod has this variable."""
    return "MODELCYCLE_MODEL_PATH" in os.environ


class Raises(PythonModel):  # type: ignore[misc]  # MLflow has no types
    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> list[int]:
        raise ValueError("this model knows no such flower")


class Hungry(PythonModel):  # type: ignore[misc]
    def load_context(self, context: PythonModelContext) -> None:
        self.weights = b"w" * (4 * GIB if is_serving() else 1)

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> list[int]:
        return [0] * len(model_input)


def register(alias: str, log: Any, requirements: tuple[str, ...] = (), **model: Any) -> Path:
    """Logs and registers one version; the folder that it lies in."""
    client = mlflow.MlflowClient()
    # Requirements are given, as they would be found by loading the model, which not all of these survive.
    pins = ["mlflow", "scikit-learn", *requirements]
    logged = log(name="model", pip_requirements=pins, registered_model_name=NAME, **model)
    version = str(logged.registered_model_version)
    client.set_registered_model_alias(NAME, alias, version)
    return Path(client.get_model_version_download_uri(NAME, version).removeprefix("file://"))


def main() -> None:
    flowers, species = load_iris(return_X_y=True, as_frame=True)
    classifier = LogisticRegression(max_iter=200).fit(flowers, species)
    example = {"input_example": flowers.head(5), "signature": infer_signature(flowers, species)}
    good = {"sk_model": classifier, **example}
    with mlflow.start_run():
        register("good", mlflow.sklearn.log_model, **good)
        damaged = register("damaged", mlflow.sklearn.log_model, **good) / "model.pkl"
        damaged.write_bytes(damaged.read_bytes()[:100])
        register("requirement", mlflow.sklearn.log_model, ("no-such-package==1.0",), **good)
        register("raising", mlflow.pyfunc.log_model, python_model=Raises(), **example)
        register("hungry", mlflow.pyfunc.log_model, python_model=Hungry(), **example)


if __name__ == "__main__":
    main()
