"""Run as a TrainingRun: its first attempt registers a version and fails, the next one registers a better one."""

import os
import sys
from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel

NAME = os.environ["PARAM_model"]


class Zero(PythonModel):
    def predict(self, context: Any, model_input: Any) -> int:
        return 0


def main() -> None:
    first = not mlflow.MlflowClient().search_registered_models(filter_string=f"name = '{NAME}'")
    with mlflow.start_run():
        mlflow.log_metric("accuracy", 0.1 if first else 0.9)
        mlflow.pyfunc.log_model(
            name="model", python_model=Zero(), pip_requirements=["mlflow"], registered_model_name=NAME
        )
    if first:
        sys.exit("the first attempt fails")


if __name__ == "__main__":
    main()
