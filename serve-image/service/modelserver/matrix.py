"""From the JSON of MLflow's scoring protocol to one array of numbers, where that needs no judgement.

Each function here gives None for anything out of the ordinary (text for a number, a missing or further column,
a null, an index, …), and MLflow's own rules then decide what it means or what is wrong with it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from modelserver.signature import Plain

Reader = Callable[[Any], "np.ndarray | None"]


def reader(plain: Plain) -> Reader:
    """What makes an array of a request's parsed JSON body by `plain`."""
    if not plain.names:
        return lambda payload: _tensor(payload, plain)
    by_format = {
        "dataframe_split": _split,
        "dataframe_records": _records,
        "instances": _records,
        "inputs": _columns,
    }

    def read(payload: Any) -> np.ndarray | None:
        if type(payload) is not dict or len(payload) != 1:
            return None
        ((name, data),) = payload.items()
        as_array = by_format.get(name)
        if as_array is None:
            return None
        try:
            array = as_array(data, plain)
            cast = None if array is None else _cast(array, plain)
            # The order in memory of a DataFrame's array, as sums over it are rounded in that order.
            return None if cast is None else np.asfortranarray(cast)
        except (ValueError, TypeError, KeyError, OverflowError):
            return None

    return read


def _split(data: Any, plain: Plain) -> np.ndarray | None:
    columns = data["columns"]
    if len(data) != 2 or len(columns) != len(plain.names):
        return None
    rows = np.array(data["data"])
    if tuple(columns) == plain.names or rows.ndim != 2 or rows.shape[1] != len(columns):
        return rows
    order = {name: index for index, name in enumerate(columns)}
    return rows[:, [order[name] for name in plain.names]]


def _records(data: Any, plain: Plain) -> np.ndarray | None:
    names, width = plain.names, len(plain.names)
    if any(len(row) != width for row in data):
        return None
    return np.array([[row[name] for name in names] for row in data])


def _columns(data: Any, plain: Plain) -> np.ndarray | None:
    if type(data) is not dict:
        return _records(data, plain)
    if len(data) != len(plain.names):
        return None
    return np.array([data[name] for name in plain.names]).T


def _tensor(payload: Any, plain: Plain) -> np.ndarray | None:
    if type(payload) is not dict or len(payload) != 1:
        return None
    data = payload.get("inputs") or payload.get("instances")
    if type(data) is not list or type(data[0]) is not list:
        return None
    try:
        array = np.array(data)
    except ValueError:
        return None
    return _cast(array, plain)


def _cast(array: np.ndarray, plain: Plain) -> np.ndarray | None:
    """`array` as the signature's type, where it has its shape and no value changes."""
    kind, shape = array.dtype.kind, array.shape
    if kind not in "if" or not array.size or (kind == "f" and plain.dtype[0] == "i"):
        return None
    if not plain.dtype:
        return array if len(shape) == 2 else None
    if len(shape) != len(plain.shape) or any(
        wanted not in (-1, length) for wanted, length in zip(plain.shape, shape, strict=True)
    ):
        return None
    if plain.whole and kind == "f" and (array[:, plain.whole] % 1 != 0).any():
        return None
    cast = array.astype(plain.dtype, copy=False)
    if plain.dtype == "int32" and (cast != array).any():
        return None
    return cast
