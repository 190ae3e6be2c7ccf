"""The V2 inference protocol on real models, and what it says of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature
from modelserver.failures import MalformedBodyError, UnfitInputError
from modelserver.model import Model, load
from modelserver.v2 import infer, metadata, outputs, plain_infer

from tests.unit.serve.models import COLUMNS, FLOWERS, scripted


@pytest.fixture(scope="module")
def iris_model(iris: Path) -> Model:
    return load(iris)


@pytest.fixture(scope="module")
def array_model(array: Path) -> Model:
    return load(array)


def tensor(name: str, data: Any, shape: list[int], datatype: str = "FP64") -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data}


def asked(model: Model, *inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(
        infer(model, "m", "3", json.dumps({"inputs": inputs, **more}).encode())
    )
    return answer


PREDICTIONS = {"name": "predictions", "datatype": "INT64", "shape": [2], "data": [0, 2]}


@pytest.mark.parametrize(
    "inputs",
    [
        [tensor(name, [row[i] for row in FLOWERS], [2]) for i, name in enumerate(COLUMNS)],
        [tensor(name, [[row[i]] for row in FLOWERS], [2, 1], "FP32") for i, name in enumerate(COLUMNS)][::-1],
        [tensor("input-0", FLOWERS, [2, 4])],
        [tensor("input-0", [value for row in FLOWERS for value in row], [2, 4], "FP32")],
    ],
    ids=["a tensor a column", "in another order and shape", "one for all columns", "flat"],
)
def test_columns_are_answered_as_tensors_by_name_or_as_one(iris_model: Model, inputs: list[Any]) -> None:
    assert asked(iris_model, *inputs, id="7") == {
        "model_name": "m",
        "model_version": "3",
        "id": "7",
        "outputs": [PREDICTIONS],
    }
    assert plain_infer(iris_model, "m", "3", json.dumps({"inputs": inputs}).encode()) is not None


def test_a_tensor_is_answered(array_model: Model) -> None:
    answer = asked(array_model, tensor("x", [0.0, 1.0, 18.0, 19.0], [2, 2]))
    assert answer["outputs"][0]["data"] == [0, 1]


def test_texts_booleans_and_params_reach_the_model(tmp_path: Path) -> None:
    body = """
    def predict(self, context, model_input, params=None):
        import pandas as pd
        said = [f"{word}{flag}{params['end']}" for word, flag in zip(model_input["word"], model_input["flag"])]
        return pd.DataFrame({"said": said, "length": [len(word) for word in said]})
    """
    signature = infer_signature(pd.DataFrame({"word": ["a"], "flag": [True]}), params={"end": "."})
    model = load(scripted(tmp_path / "model", body, signature=signature))
    inputs = [tensor("word", ["ä", "b"], [2], "BYTES"), tensor("flag", [True, False], [2], "BOOL")]
    assert asked(model, *inputs, parameters={"end": "!", "binary_data_output": False})["outputs"] == [
        {"name": "said", "datatype": "BYTES", "shape": [2], "data": ["äTrue!", "bFalse!"]},
        {"name": "length", "datatype": "INT64", "shape": [2], "data": [6, 7]},
    ]


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (None, "`inputs` is a list of tensors"),
        ([], "`inputs` is a list of tensors"),
        ([{"data": []}], "with name, shape, datatype and data"),
        ([tensor("x", [1.0], [1], "FP8")], "datatype 'FP8': send one of BOOL"),
        ([tensor("x", [1.0], [-1])], "shape [-1]"),
        ([tensor("x", [1.0], [2])], "tensor 'x' is not 2 of FP64"),
        ([tensor("x", [1.5], [1], "INT64")], "elements of another kind"),
        ([tensor("x", [300], [1], "INT8")], "out of range"),
        ([tensor("x", ["a"], [1])], "elements of another kind"),
        ([tensor("x", [1], [1], "BYTES")], "each element is a text"),
        ([tensor("x", None, [1])], "tensor 'x' is not 1 of FP64"),
        ([tensor("x", [1.0], [1])], f"missing inputs {COLUMNS}"),
        ([tensor("x", [1.0], [1]), tensor("y", [1.0, 2.0], [2])], "as many elements as the others"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(iris_model: Model, inputs: Any, says: str) -> None:
    with pytest.raises(UnfitInputError) as refused:
        infer(iris_model, "m", "3", json.dumps({"inputs": inputs}).encode())
    assert says in str(refused.value)


def test_a_body_that_is_no_json_is_malformed(iris_model: Model) -> None:
    with pytest.raises(MalformedBodyError):
        infer(iris_model, "m", "3", b'{"inputs"')


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        (np.array([[1.5, 2.0]], "float32"), [("predictions", "FP32", [1, 2], [1.5, 2.0])]),
        ([1, 2], [("predictions", "INT64", [2], [1, 2])]),
        (["a", "b"], [("predictions", "BYTES", [2], ["a", "b"])]),
        ([[1], [1, 2]], [("predictions", "BYTES", [2], ["[1]", "[1, 2]"])]),
        ([{"a": 1}], [("predictions", "BYTES", [1], ['{"a": 1}'])]),
        (pd.Series([True]), [("predictions", "BOOL", [1], [True])]),
        ({"a": [1.0], "b": ["x"]}, [("a", "FP64", [1], [1.0]), ("b", "BYTES", [1], ["x"])]),
        (
            [np.array([1]), np.array([2])],
            [("predictions-0", "INT64", [1], [1]), ("predictions-1", "INT64", [1], [2])],
        ),
    ],
)
def test_predictions_of_any_form_are_tensors(predictions: Any, expected: list[Any]) -> None:
    keys = ("name", "datatype", "shape", "data")
    assert [tuple(output[key] for key in keys) for output in outputs(predictions)] == expected


def test_metadata_tells_the_signature(iris_model: Model, array_model: Model) -> None:
    told = metadata("m", "3", iris_model.description)
    assert told["platform"] == "mlflow_sklearn"
    assert told["inputs"] == [{"name": name, "datatype": "FP64", "shape": [-1]} for name in COLUMNS]
    told = metadata("m", "3", array_model.description)
    assert told["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, 2]}]
    assert told["outputs"] == [{"name": "predictions", "datatype": "INT64", "shape": [-1]}]
