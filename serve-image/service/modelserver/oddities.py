"""What may be wrong with input that fits the signature, asked after the model has raised on it."""

from typing import Any

import numpy as np

# Beyond it a 32-bit float is infinite, which libraries of trees refuse.
LARGEST = float(np.finfo(np.float32).max)


def oddity(data: Any) -> str:
    """What most models do not take of `data`, as a sentence: no rows, missing values, extreme numbers. Else ""."""
    if hasattr(data, "columns"):
        data = {str(name): data[name].to_numpy() for name in data.columns}
    if not isinstance(data, dict):
        return _of_values(data, "The input")
    return next((said for name, values in data.items() if (said := _of_values(values, f"{name!r}"))), "")


def _of_values(values: Any, name: str) -> str:
    try:
        array = np.asarray(values)
    except ValueError:  # lists of several lengths
        return ""
    if array.size == 0:
        return "The input has no rows."
    if array.dtype.kind == "f" and np.isnan(array).any():
        return f"{name} holds a missing value."
    if array.dtype.kind in "iuf" and not (np.abs(array.astype("float64")) <= LARGEST).all():
        return f"{name} holds a number out of the model's range."
    if array.dtype.kind == "M" and np.isnat(array).any():
        return f"{name} holds a missing value."
    if array.dtype.kind == "O" and any(
        value is None or value != value for value in array.flat if np.isscalar(value) or value is None
    ):
        return f"{name} holds a missing value."
    return ""
