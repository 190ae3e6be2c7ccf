"""The models that are served: iris by logistic regression, and by 200 trees of XGBoost."""

import json
import pickle
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def flowers() -> tuple[pd.DataFrame, pd.Series]:
    features, species = load_iris(return_X_y=True, as_frame=True)
    return features.set_axis(COLUMNS, axis=1), species


def make(name: str, folder: Path) -> None:
    """Writes `folder`/mlflow, and `folder`/model.pkl for the servers that take a bare pickle."""
    features, species = flowers()
    estimator: Any = LogisticRegression(max_iter=500) if name == "iris" else XGBClassifier(n_estimators=200)
    estimator.fit(features, species)
    flavor: Any = mlflow.sklearn if name == "iris" else mlflow.xgboost
    formats = {"serialization_format": "cloudpickle"} if name == "iris" else {}
    flavor.save_model(
        estimator,
        folder / "mlflow",
        signature=infer_signature(features, estimator.predict(features)),
        input_example=features.head(2),
        pip_requirements=["mlflow"],
        **formats,
    )
    (folder / "model.pkl").write_bytes(pickle.dumps(estimator))


def rows(count: int) -> list[list[float]]:
    features, _ = flowers()
    first: list[list[float]] = features.to_numpy()[:count].tolist()
    return first


def as_split(data: list[list[float]]) -> str:
    return json.dumps({"dataframe_split": {"columns": COLUMNS, "data": data}})


def as_instances(data: list[list[float]]) -> str:
    return json.dumps({"instances": data})


def as_frame(data: list[list[float]]) -> str:
    return json.dumps({"frame": [dict(zip(COLUMNS, row, strict=True)) for row in data]})
