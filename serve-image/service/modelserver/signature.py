"""What a version's MLmodel file says, read without importing MLflow, which takes seconds."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# MLflow's column types that are numbers, by the NumPy type that its scoring casts them to.
NUMBERS = {"double": "float64", "float": "float32", "long": "int64", "integer": "int32"}
# Whole numbers of 64 bits beside doubles are one array of doubles to every library.
TOGETHER = {frozenset({"double", "long"}): "float64"}


@dataclass(frozen=True)
class Plain:
    """An input that is one array of numbers.

    Attributes:
        names: columns in the signature's order; empty for a tensor, or without a signature.
        dtype: NumPy's name of the array's type; empty without a signature.
        shape: of the array, -1 where any length will do; empty without a signature.
    """

    names: tuple[str, ...]
    dtype: str
    shape: tuple[int, ...]
    whole: tuple[int, ...] = ()  # columns of whole numbers in an array of doubles


ANY_ARRAY = Plain((), "", ())


@dataclass(frozen=True)
class Description:
    """
    Attributes:
        flavors: configuration by flavor.
        plain: the signature's input where it is one array of numbers, ANY_ARRAY where there is no signature,
            None where MLflow's own rules are needed.
        inputs, outputs, params: the signature's lists of columns, tensors and parameters as they were saved.
        example: what MLmodel says of the input example, empty without one.
    """

    flavors: dict[str, dict[str, Any]]
    plain: Plain | None
    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    params: list[dict[str, Any]]
    example: dict[str, Any]

    @property
    def column_names(self) -> list[str]:
        """Names of the signature's columns, in its order; empty where they have none, and for tensors."""
        if not all("name" in column and column["type"] != "tensor" for column in self.inputs):
            return []
        return [column["name"] for column in self.inputs]


def describe(folder: Path) -> Description:
    """Reads `folder`/MLmodel. Raises OSError or ValueError where it is none."""
    text = (folder / "MLmodel").read_text()
    loaded = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (a safe one)
    if not isinstance(loaded, dict) or not isinstance(loaded.get("flavors"), dict):
        raise ValueError("its MLmodel file names no flavors")
    signature = loaded.get("signature") or {}
    inputs, outputs, params = (
        json.loads(signature.get(part) or "[]") for part in ("inputs", "outputs", "params")
    )
    return Description(
        flavors={name: flavor or {} for name, flavor in loaded["flavors"].items()},
        plain=plain_input(inputs) if signature.get("inputs") else ANY_ARRAY,
        inputs=inputs,
        outputs=outputs,
        params=params,
        example=loaded.get("saved_input_example_info") or {},
    )


def plain_input(inputs: list[dict[str, Any]]) -> Plain | None:
    """The signature's input as one array of numbers, where that loses nothing.

    >>> plain_input([{"name": "x", "type": "double"}, {"name": "n", "type": "long"}])
    Plain(names=('x', 'n'), dtype='float64', shape=(-1, 2), whole=(1,))
    """
    if len(inputs) == 1 and inputs[0].get("type") == "tensor" and "name" not in inputs[0]:
        tensor = inputs[0]["tensor-spec"]
        return Plain((), tensor["dtype"], tuple(tensor["shape"])) if tensor["dtype"] in _ARRAYS else None
    if not all("name" in column and column.get("required", True) for column in inputs):
        return None
    types = [str(column.get("type")) for column in inputs]
    whole: tuple[int, ...] = ()
    if len(set(types)) == 1 and types[0] in NUMBERS:
        dtype = NUMBERS[types[0]]
    elif frozenset(types) in TOGETHER:
        dtype, whole = (
            TOGETHER[frozenset(types)],
            tuple(i for i, type_ in enumerate(types) if type_ == "long"),
        )
    else:
        return None
    return Plain(tuple(column["name"] for column in inputs), dtype, (-1, len(inputs)), whole)


_ARRAYS = {"float64", "float32", "int64", "int32"}
