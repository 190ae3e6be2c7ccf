"""A model as MLflow's own scoring sees it: every form of input, judged by the signature. Imports MLflow."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import mlflow.pyfunc.scoring_server
from mlflow.models import Model as Metadata

from modelserver.failures import ModelRaisedError, UnfitInputError, one_line
from modelserver.native import Native
from modelserver.oddities import oddity
from modelserver.signature import Description

NAMED_COLUMNS = 20


class PyFunc:
    """A loaded pyfunc model whose own exceptions are told apart from input that does not fit."""

    def __init__(self, pyfunc: mlflow.pyfunc.PyFuncModel) -> None:
        self.metadata = pyfunc.metadata
        self.input_schema = pyfunc.metadata.get_input_schema()
        # Everything that pyfunc does before it calls this one function is a check of the input.
        pyfunc._predict_fn = _marking_its_errors(pyfunc._predict_fn)
        self._pyfunc = pyfunc

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Predicts on what pyfunc takes: a DataFrame, an array, a dictionary of arrays, …

        Raises UnfitInputError for input that the signature refuses, ModelRaisedError for the model's own.
        """
        try:
            return self._pyfunc.predict(data, params=params)
        except ModelRaisedError:
            raise
        except UnfitInputError as error:
            raise UnfitInputError(f"{error} {self.expected()}".strip()) from error
        except Exception as error:
            # pyfunc's message repeats the whole input; the exception it met names the column alone.
            raise UnfitInputError(f"{error.__context__ or error} {self.expected()}".strip()) from error

    def expected(self) -> str:
        """What the signature takes, as a sentence; empty without a signature."""
        if self.input_schema is None:
            return ""
        inputs = [str(column) for column in self.input_schema.inputs]
        more = f" and {len(inputs) - NAMED_COLUMNS} more" if len(inputs) > NAMED_COLUMNS else ""
        return f"The model takes {', '.join(inputs[:NAMED_COLUMNS])}{more}."


def load(folder: Path) -> PyFunc:
    """Loads the version in `folder`; raises what it meets."""
    # A plain path: loading by models:/… would write into the folder, which is mounted read-only.
    return PyFunc(mlflow.pyfunc.load_model(str(folder)))


def around(native: Native, folder: Path, description: Description) -> PyFunc:
    """The pyfunc model of what is loaded already: a second copy of a big model would not fit beside it."""
    match native.flavor:
        case "sklearn":
            from mlflow.sklearn import _SklearnModelWrapper as Wrapper
        case "xgboost":
            from mlflow.xgboost import _XGBModelWrapper as Wrapper
        case _:
            from mlflow.lightgbm import _LGBModelWrapper as Wrapper
    return PyFunc(
        mlflow.pyfunc.PyFuncModel(
            model_meta=Metadata.load(str(folder)),
            model_impl=Wrapper(native.estimator),
            predict_fn=description.flavors["python_function"].get("predict_fn", "predict"),
        )
    )


def _marking_its_errors(predict: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(predict)  # pyfunc looks at the signature for `params`
    def marked(*args: Any, **kwargs: Any) -> Any:
        try:
            return predict(*args, **kwargs)
        except Exception as error:
            said = one_line(f"{type(error).__name__}: {error}")
            if odd := oddity(args[0]):
                raise UnfitInputError(f"{odd} The model says: {said}") from error
            raise ModelRaisedError(said) from error

    return marked
