"""Run as a TrainingRun: registers versions of one model that serve, and one of each kind that cannot.

Each version gets an alias that says what it is.
"""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from mlflow.pyfunc import PythonModel, PythonModelContext

NAME = os.environ["PARAM_model"]
EXAMPLE = pd.DataFrame({"petal": [1.4, 5.2]})
SIGNATURE = infer_signature(EXAMPLE, [0.0, 0.0])


class Answers(PythonModel):
    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> list[float]:
        return [0.0] * len(model_input)


class Raises(PythonModel):
    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> list[float]:
        raise ValueError("this model knows no such flower")


class AnswersOtherwise(PythonModel):
    def predict(self, context: PythonModelContext, model_input: pd.DataFrame) -> list[float]:
        return [1.0] * len(model_input)


class NeverLoads(Answers):
    def load_context(self, context: PythonModelContext) -> None:
        # MLflow loads it to log it as well; only a serving pod has this variable.
        if "MODELCYCLE_MODEL_PATH" in os.environ:
            time.sleep(3600)


def register(model: PythonModel, alias: str) -> Path:
    """Logs and registers one version; the folder that it lies in."""
    client = mlflow.MlflowClient()
    # Requirements are given, as they would be found by loading the model, which not all of these survive.
    logged: Any = mlflow.pyfunc.log_model(
        name="model",
        python_model=model,
        signature=SIGNATURE,
        input_example=EXAMPLE,
        pip_requirements=["mlflow"],
        registered_model_name=NAME,
    )
    version = str(logged.registered_model_version)
    client.set_registered_model_alias(NAME, alias, version)
    uri = client.get_model_version_download_uri(NAME, version)
    return Path(uri.removeprefix("file://"))


def main() -> None:
    with mlflow.start_run():
        register(Answers(), "good")
        shutil.rmtree(register(Answers(), "missing"))
        (register(Answers(), "damaged") / "MLmodel").write_text("flavors: {python_function: [")
        register(Raises(), "raising")
        register(NeverLoads(), "never-ready")
        register(AnswersOtherwise(), "otherwise")
        register(Answers(), "better")


if __name__ == "__main__":
    main()
