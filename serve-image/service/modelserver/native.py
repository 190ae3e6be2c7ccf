"""Which models are predicted with by their own library on an array of numbers, instead of by pyfunc.

Whatever is not in the table here goes by pyfunc; tests/unit/serve/test_native.py shows on fixtures that both
answer the same.
"""

import importlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelserver import boosted
from modelserver.signature import Description

SKLEARN_PREDICTS = ("predict", "predict_proba", "predict_log_proba")
# Estimators of these treat a DataFrame of numbers as its array, …
_ARRAY_MODULES = ("sklearn.", "xgboost.sklearn", "lightgbm.sklearn")
# … apart from those that choose columns by name or call a user's own function.
_BY_NAME = {"ColumnTransformer", "FunctionTransformer", "PatsyTransformer"}


@dataclass(frozen=True)
class Native:
    """
    Attributes:
        flavor: MLflow's name of the library.
        estimator: what the library loaded.
        predict: from an array (rows, columns) to predictions.
    """

    flavor: str
    estimator: Any
    predict: Callable[[np.ndarray], Any]


def load(folder: Path, description: Description) -> Native | None:
    """The model in `folder` by its own library, or None where pyfunc has to load it.

    Raises what the library raises.
    """
    pyfunc = description.flavors.get("python_function", {})
    flavor = str(pyfunc.get("loader_module", "")).removeprefix("mlflow.")
    if description.plain is None or flavor not in _LOADERS or pyfunc.get("config"):
        return None
    config = description.flavors.get(flavor)
    if config is None or config.get("code") or pyfunc.get("code"):
        return None
    estimator = _LOADERS[flavor](folder, config)
    predict = _predict(flavor, estimator, pyfunc.get("predict_fn", "predict"), description)
    return predict and Native(flavor, estimator, predict)


def _load_sklearn(folder: Path, config: dict[str, Any], key: str = "pickled_model") -> Any:
    path = folder / config[key]
    match config.get("serialization_format", "pickle"):
        case "skops":
            import skops.io

            return skops.io.load(path, trusted=config.get("skops_trusted_types"))
        case "cloudpickle":
            import cloudpickle as pickle
        case _:
            import pickle
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301


def _load_xgboost(folder: Path, config: dict[str, Any]) -> Any:
    module, _, name = config.get("model_class", "xgboost.core.Booster").rpartition(".")
    model = getattr(importlib.import_module(module), name)()
    model.load_model(folder / config["data"])
    return model


def _load_lightgbm(folder: Path, config: dict[str, Any]) -> Any:
    if config.get("model_class", "lightgbm.basic.Booster") != "lightgbm.basic.Booster":
        return _load_sklearn(folder, {"serialization_format": "cloudpickle", **config}, key="data")
    import lightgbm

    return lightgbm.Booster(model_file=folder / config["data"])


_LOADERS: dict[str, Callable[[Path, dict[str, Any]], Any]] = {
    "sklearn": _load_sklearn,
    "xgboost": _load_xgboost,
    "lightgbm": _load_lightgbm,
}


def _predict(flavor: str, estimator: Any, name: str, description: Description) -> Callable[..., Any] | None:
    if description.params and flavor != "sklearn":
        return None  # only scikit-learn's pyfunc takes no notice of params and their defaults
    if not _fits(estimator, description):
        return None
    if type(estimator).__module__ == "xgboost.core":
        return boosted.of_booster(estimator)
    if type(estimator).__module__ == "xgboost.sklearn" and name == "predict":
        return boosted.of_estimator(estimator)
    if flavor == "sklearn" and name not in SKLEARN_PREDICTS:
        return None
    return getattr(estimator, name, None)


def _fits(estimator: Any, description: Description) -> bool:
    assert description.plain is not None
    names = description.plain.names
    for part in _parts(estimator):
        kind = type(part)
        if not f"{kind.__module__}.".startswith((*_ARRAY_MODULES, "xgboost.core.", "lightgbm.basic.")):
            return False
        if kind.__name__ in _BY_NAME or hasattr(part, "_sklearn_output_config"):
            return False
        if getattr(part, "booster", None) == "gblinear":  # it asks an array for its columns' names
            return False
        if getattr(part, "is_categorical_", None) is not None or getattr(part, "pandas_categorical", None):
            return False
    fitted = _fitted_names(estimator)
    # Without column names a Booster refuses an array, and pyfunc says so.
    return fitted is None or (fitted == names if names else type(estimator).__name__ != "Booster")


def _parts(estimator: Any) -> Iterator[Any]:
    """The estimator, and the estimators in it."""
    yield estimator
    if hasattr(estimator, "get_params"):
        yield from (part for part in estimator.get_params().values() if hasattr(part, "fit"))


def _fitted_names(estimator: Any) -> tuple[str, ...] | None:
    if type(estimator).__module__ == "lightgbm.basic":
        return None  # it never compares names
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        names = getattr(estimator, "feature_names", None)
    return None if names is None else tuple(map(str, names))


# The signature has been compared with the names it was fitted with: an array needs no names.
warnings.filterwarnings("ignore", message="X does not have valid feature names")
