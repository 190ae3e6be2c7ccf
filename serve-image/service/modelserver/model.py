"""One version of a model: loaded, proven on its own example, and the one function that predicts."""

import functools
import gc
import json
import time
from collections.abc import Callable, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from modelserver import native as natives
from modelserver import notes, selftest
from modelserver.answers import predictions_to_json
from modelserver.batching import Batcher, Predict
from modelserver.cpus import alone
from modelserver.failures import ModelRaisedError, SelfTestFailedError, UnfitInputError, judge, one_line
from modelserver.folder import read
from modelserver.imports import one_at_a_time
from modelserver.matrix import reader
from modelserver.native import Native
from modelserver.oddities import oddity
from modelserver.settings import Mode, Trust, of_process
from modelserver.signature import Description
from modelserver.trust import refuse_pickle

if TYPE_CHECKING:
    from modelserver.by_pyfunc import PyFunc


class Model:
    """A loaded model. With `native` it answers plain arrays by its own library, and the rest by pyfunc."""

    def __init__(self, folder: Path, description: Description, native: Native | None) -> None:
        self.folder = folder
        self.description = description
        self.native = native
        self.seconds = float("inf")  # that its own example took
        self.count_rows: Callable[[float], None] = lambda rows: None
        self._of_array: Predict = self._predict_array
        self._of_table: Predict = self._predict_table
        self._read = reader(description.plain) if native and description.plain else lambda payload: None

    @functools.cached_property
    def pyfunc(self) -> "PyFunc":
        """The same model by MLflow, whose import takes seconds: only where it is needed."""
        with one_at_a_time:
            from modelserver import by_pyfunc

            if self.native is None:
                return by_pyfunc.load(self.folder)
            made = by_pyfunc.around(self.native, self.folder, self.description)
        gc.freeze()  # what was imported stays, and the collector need not look at it again
        return made

    def read(self, payload: Any) -> np.ndarray | None:
        """The parsed JSON of a request as an array for `predict_array`; None where that needs judgement."""
        return self._read(payload)

    def batch(self, max_rows: int, max_latency: float) -> None:
        """From now on predicts for requests together that come within `max_latency` seconds."""
        self._of_array = Batcher(self._of_array, max_rows, max_latency)
        self._of_table = Batcher(self._of_table, max_rows, max_latency)

    def predict_array(self, rows: np.ndarray) -> Any:
        """Predicts by the model's own library. Raises UnfitInputError or ModelRaisedError."""
        return self._of_array(rows)

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Predicts on what pyfunc takes: a DataFrame, an array, a dictionary of arrays, …

        Raises UnfitInputError for input that the signature refuses, ModelRaisedError for the model's own.
        """
        if not params and (hasattr(data, "dtypes") or isinstance(data, np.ndarray)) and len(data):
            return self._of_table(data)
        self.count_rows(len(data) if isinstance(data, Sized) else 1)
        return self.pyfunc.predict(data, params)

    def _predict_array(self, rows: np.ndarray) -> Any:
        assert self.native is not None
        self.count_rows(len(rows))
        try:
            return self.native.predict(rows)
        except Exception as error:
            said = one_line(f"{type(error).__name__}: {error}")
            if odd := oddity(rows):
                raise UnfitInputError(f"{odd} The model says: {said}") from error
            raise ModelRaisedError(said) from error

    def _predict_table(self, table: Any) -> Any:
        self.count_rows(len(table))
        return self.pyfunc.predict(table)

    def expected(self) -> str:
        """What the signature takes, as a sentence; empty without a signature."""
        return self.pyfunc.expected()

    def self_test(self) -> str:
        """Answers the model's own input example once; raises what failed, else says what was proven."""
        rows = self._example_rows()
        if rows is not None:
            self.seconds = self._timed(rows)
        elif self.description.example and (example := self._example()):
            began = time.perf_counter()
            self._answer(*example)
            self.seconds = time.perf_counter() - began
        else:
            return "It was logged without an input example: loading is all that is proven."
        return f"It answered its own input example in {1000 * self.seconds:.1f} ms."

    def _timed(self, rows: np.ndarray) -> float:
        # The first answer of a library holds its warming up; libraries have no side effects.
        with alone():
            for _ in range(2):
                began = time.perf_counter()
                with selftest.asking():
                    answer = self.predict_array(rows)
                predictions_to_json(answer)
            seconds = time.perf_counter() - began
        selftest.refuse_misfit(answer, self.description.outputs)
        return seconds

    def request_example(self) -> Any | None:
        """The input example as a request's body, where MLflow saved it in such a form."""
        info = self.description.example
        path = info.get("serving_input_path") or info.get("artifact_path")
        if not path or info.get("example_no_conversion"):
            return None
        example = json.loads((self.folder / path).read_text())
        split = "serving_input_path" not in info and info.get("pandas_orient") == "split"
        return {"dataframe_split": example} if split else example

    def _example_rows(self) -> np.ndarray | None:
        """The example as an array, read without MLflow."""
        info = self.description.example
        if self.native is None or not info:
            return None
        example = json.loads((self.folder / info["artifact_path"]).read_text())
        return self.read({"dataframe_split": example} if info.get("pandas_orient") == "split" else example)

    def _example(self) -> tuple[Any, dict[str, Any] | None] | None:
        from modelserver.example import input_example

        return input_example(self.folder, self.pyfunc.metadata)

    def _answer(self, data: Any, params: dict[str, Any] | None) -> None:
        try:
            with selftest.asking():
                answer = self.predict(data, params)
            predictions_to_json(answer)
            selftest.refuse_misfit(answer, self.description.outputs)
        except UnfitInputError as error:
            raise SelfTestFailedError(
                f"The model's own input example does not fit its signature: {error} "
                "Log the model again with an example that fits."
            ) from error


def load(folder: Path, trust: Trust = "Any") -> Model:
    """Loads the version in `folder`. Raises NeverServableError or NotServableNowError, each a sentence."""
    description = read(folder)
    if trust == "NoPickle":
        refuse_pickle(folder, description.flavors)
    try:
        model = Model(folder, description, natives.load(folder, description))
        if model.native is None:
            _ = model.pyfunc
        return model
    except Exception as error:
        verdict = judge(error, f"Loading the model in {folder}")
        raise type(verdict)(f"{verdict} {notes.other_python_cure(description)}".strip()) from error


def prove(model: Model, mode: Mode = "Predict") -> str:
    """Runs the self-test; raises NeverServableError or NotServableNowError, each a sentence."""
    if mode == "Load":
        return selftest.BY_LOADING
    try:
        return model.self_test()
    except Exception as error:
        doing = f"Answering the model's own input example in {model.folder}"
        raise judge(error, doing, SelfTestFailedError) from error


@functools.cache
def served() -> Model:
    """The model of this process, loaded at the first call."""
    return load(of_process().model_path, of_process().trust)
