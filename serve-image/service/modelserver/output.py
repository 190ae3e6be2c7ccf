"""Whether an answer is of the form that the model's signature promises; judged without MLflow's slow imports."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Column = Mapping[str, Any]

_KINDS = {
    **dict.fromkeys(("boolean", "integer", "long", "float", "double"), "numbers"),
    "string": "text",
    "binary": "bytes",
    "datetime": "times",
}


def misfit(answer: Any, outputs: Sequence[Column]) -> str:
    """What of `answer` does not fit the signature's outputs, as MLflow saves a schema: its columns, rank or kind; "" where it fits.

    Integers fit where floats are promised: signatures are often inferred from labels. What has no clear kind
    (lists, nested objects) fits.
    """
    said: Iterable[str]
    if not outputs:
        return ""
    names = [column["name"] for column in outputs if "name" in column]
    if names and (isinstance(answer, dict) or hasattr(answer, "columns")):
        missing = [
            column["name"]
            for column in outputs
            if column.get("required", True) and column["name"] not in answer
        ]
        if missing:
            return f"it lacks {missing}"
        parts = [(f"its column {name!r}", answer[name]) for name in names]
        said = (_part(called, part, column) for (called, part), column in zip(parts, outputs, strict=True))
    elif not (isinstance(answer, np.ndarray) or hasattr(answer, "to_numpy")):
        return ""
    elif [column["type"] for column in outputs] == ["tensor"]:
        said = [_tensor("it", _array(answer, outputs[0]), outputs[0]["tensor-spec"])]
    else:
        said = _columns(np.asarray(answer), outputs)
    return next(filter(None, said), "")


def _array(answer: Any, column: Column) -> np.ndarray[Any, Any]:
    array = np.asarray(answer)
    # A frame of one column is one-dimensional to those who inferred a signature from its values.
    one_column = hasattr(answer, "columns") and array.shape[1:] == (1,)
    return array[:, 0] if one_column and len(column["tensor-spec"]["shape"]) == 1 else array


def _part(called: str, part: Any, column: Column) -> str:
    if column["type"] == "tensor":
        return _tensor(called, np.asarray(part), column["tensor-spec"])
    return _kinds_differ(called, np.asarray(part), _KINDS.get(column["type"], ""))


def _tensor(called: str, array: np.ndarray[Any, Any], spec: Mapping[str, Any]) -> str:
    shape = tuple(spec["shape"])
    fits = array.ndim == len(shape) and all(
        want in (-1, has) for want, has in zip(shape[1:], array.shape[1:], strict=True)
    )
    if not fits:
        return f"{called} has the shape {array.shape} where {shape} is promised"
    return _kinds_differ(called, array, _kind_of(np.empty(0, spec["dtype"])))


def _columns(array: np.ndarray[Any, Any], outputs: Sequence[Column]) -> Iterable[str]:
    width = array.shape[1] if array.ndim == 2 else 1
    if array.ndim not in (1, 2) or width != len(outputs):
        return [f"it has the shape {array.shape} where {len(outputs)} columns are promised"]
    columns = array.reshape(len(array), width).T
    return [
        _kinds_differ("it", column, _KINDS.get(spec["type"], ""))
        for column, spec in zip(columns, outputs, strict=True)
    ]


def _kinds_differ(called: str, array: np.ndarray[Any, Any], want: str) -> str:
    has = _kind_of(array)
    return f"{called} holds {has} where {want} are promised" if has and want and has != want else ""


def _kind_of(array: np.ndarray[Any, Any]) -> str:
    if array.dtype.kind in "biuf":
        return "numbers"
    if array.dtype.kind in "US":
        return "text"
    if array.dtype.kind == "M":
        return "times"
    first = next((value for value in array.ravel().tolist() if value is not None), None)
    if isinstance(first, bool | int | float):
        return "numbers"
    return "text" if isinstance(first, str) else "bytes" if isinstance(first, bytes) else ""
