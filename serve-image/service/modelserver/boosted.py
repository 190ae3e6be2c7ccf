"""How an XGBoost model is predicted with: by its Booster, without the layers that cost more than the trees."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

Predict = Callable[[np.ndarray], Any]


def of_booster(booster: Any) -> Predict | None:
    """What pyfunc does with a bare Booster; None for features that an array cannot tell."""
    if any(kind not in ("float", "int", "i", "q") for kind in booster.feature_types or ()):
        return None
    xgboost = sys.modules["xgboost"]
    names = booster.feature_names

    def predict(rows: np.ndarray) -> Any:
        return booster.predict(xgboost.DMatrix(rows, feature_names=names))

    return predict


def of_estimator(estimator: Any) -> Predict:
    """The estimator's own `predict`, which reads and writes XGBoost's global settings four times a call, without that."""
    answer = _answer(estimator)
    if answer is None:
        plain: Predict = estimator.predict
        return plain
    booster, missing, trees = estimator.get_booster(), estimator.missing, _trees(estimator)

    def predict(rows: np.ndarray) -> Any:
        return answer(booster.inplace_predict(rows, iteration_range=trees, missing=missing))

    return predict


def _answer(estimator: Any) -> Callable[[np.ndarray], np.ndarray] | None:
    """From the Booster's numbers to what `XGBModel.predict` gives; None where that is not one of these."""
    kind, objective = type(estimator).__name__, estimator.objective
    if kind == "XGBRegressor":
        return lambda values: values
    if kind == "XGBClassifier" and objective == "multi:softprob" and estimator.n_classes_ > 2:
        return lambda chances: np.argmax(chances, axis=1)
    if kind == "XGBClassifier" and objective == "binary:logistic" and estimator.n_classes_ == 2:
        return lambda chances: (chances > 0.5).astype(int)
    return None


def _trees(estimator: Any) -> tuple[int, int]:
    """All rounds, or those to the best one where training was stopped early."""
    try:
        return 0, estimator.best_iteration + 1
    except AttributeError:
        return 0, 0
