"""Predictions as JSON, with the values that `mlflow models serve` writes."""

import contextlib
import io
import json
from typing import Any

import numpy as np
import orjson


def predictions_to_json(predictions: Any, key: str | None = "predictions") -> bytes:
    """{"predictions": …}, or with `key` None what is in it. Raises TypeError for what JSON cannot hold."""
    plain = _plain(predictions)
    if plain is not None:
        with contextlib.suppress(TypeError):  # half a surrogate pair, which UTF-8 cannot hold
            return orjson.dumps({key: plain} if key else plain)
    if _numbers(predictions):
        lists = (
            predictions.tolist() if isinstance(predictions, np.ndarray) else [p.tolist() for p in predictions]
        )
        return json.dumps({key: lists} if key else lists).encode()
    return _by_mlflow(predictions, key)


def _numbers(predictions: Any) -> bool:
    """An array of floats, or a list of them: with NaN and infinity they need Python's encoder, but not MLflow's."""
    parts = predictions if isinstance(predictions, list) and predictions else [predictions]
    return all(isinstance(part, np.ndarray) and part.dtype.kind == "f" for part in parts)


def _plain(predictions: Any) -> list[Any] | None:
    """Numbers and texts, which every encoder writes alike; NaN and infinity are words of MLflow's encoder only."""
    if not isinstance(predictions, np.ndarray):
        return None
    kind = predictions.dtype.kind
    if kind in "iubU" or (kind == "f" and np.isfinite(predictions).all()):
        return predictions.tolist()  # type: ignore[no-any-return]
    if kind == "O" and all(type(value) is str for value in predictions.flat):
        return predictions.tolist()  # type: ignore[no-any-return]
    return None


def _by_mlflow(predictions: Any, key: str | None) -> bytes:
    from mlflow.utils.proto_json_utils import NumpyEncoder, _get_jsonable_obj

    out = io.StringIO()
    jsonable = _get_jsonable_obj(predictions, pandas_orient="records")
    json.dump({key: jsonable} if key else jsonable, out, cls=NumpyEncoder)
    return out.getvalue().encode()
