"""Run as a TrainingRun: registers a version that the serving image can serve, and one that needs a package more."""

import os
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel

NAME = os.environ["PARAM_model"]


class Zero(PythonModel):
    def predict(self, context: Any, model_input: pd.DataFrame) -> list[float]:
        return [0.0] * len(model_input)


def register(alias: str, *packages: str) -> None:
    logged: Any = mlflow.pyfunc.log_model(
        name=alias,
        python_model=Zero(),
        input_example=pd.DataFrame({"petal": [1.4, 5.2]}),
        pip_requirements=["mlflow", *packages],
        registered_model_name=NAME,
    )
    mlflow.MlflowClient().set_registered_model_alias(NAME, alias, str(logged.registered_model_version))


def main() -> None:
    with mlflow.start_run():
        register("plain")
        register("needy", "petals==1.0")


if __name__ == "__main__":
    main()
