"""One version of a model: loaded, proven on its own example, and the one function that predicts."""

import functools
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.pyfunc import scoring_server

from modelserver.example import input_example
from modelserver.failures import ModelRaisedError, NeverServableError, UnfitInputError, judge, one_line
from modelserver.settings import Settings

NAMED_COLUMNS = 20


class Model:
    """A loaded pyfunc model whose own exceptions are told apart from input that does not fit."""

    def __init__(self, folder: Path, pyfunc: mlflow.pyfunc.PyFuncModel) -> None:
        self.folder = folder
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
        except ModelRaisedError as error:
            if isinstance(data, pd.DataFrame | np.ndarray | list) and len(data) == 0:
                raise UnfitInputError(f"The input has no rows. {self.expected()}".strip()) from error
            raise
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

    def self_test(self) -> str:
        """Answers the model's own input example once; raises what failed, else says what was proven."""
        example = input_example(self.folder, self.metadata)
        if example is None:
            return "It was logged without an input example: loading is all that is proven."
        began = time.perf_counter()
        try:
            answer = self.predict(*example)
        except UnfitInputError as error:
            raise NeverServableError(
                f"The model's own input example does not fit its signature: {error} "
                "Log the model again with an example that fits."
            ) from error
        scoring_server.predictions_to_json(answer, io.StringIO())
        return f"It answered its own input example in {1000 * (time.perf_counter() - began):.1f} ms."


def load(folder: Path) -> Model:
    """Loads the version in `folder`. Raises NeverServableError or NotServableNowError, each a sentence."""
    try:
        # A plain path: loading by models:/… would write into the folder, which is mounted read-only.
        return Model(folder, mlflow.pyfunc.load_model(str(folder)))
    except Exception as error:
        raise judge(error, f"Loading the model in {folder}") from error


def prove(model: Model) -> str:
    """Runs the self-test; raises NeverServableError or NotServableNowError, each a sentence."""
    try:
        return model.self_test()
    except Exception as error:
        raise judge(error, f"Answering the model's own input example in {model.folder}") from error


@functools.cache
def served() -> Model:
    """The model of this process, loaded at the first call."""
    return load(Settings.from_env(os.environ).model_path)


def _marking_its_errors(predict: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(predict)  # pyfunc looks at the signature for `params`
    def marked(*args: Any, **kwargs: Any) -> Any:
        try:
            return predict(*args, **kwargs)
        except Exception as error:
            raise ModelRaisedError(one_line(f"{type(error).__name__}: {error}")) from error

    return marked
