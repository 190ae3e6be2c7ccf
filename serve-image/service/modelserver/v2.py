"""The V2 inference protocol (https://github.com/kserve/open-inference-protocol) in JSON, on MLflow's formats."""

import json
from typing import Any

import numpy as np
import orjson

from modelserver.failures import MalformedBodyError, UnfitInputError
from modelserver.model import Model
from modelserver.scoring import predict
from modelserver.signature import ANY_ARRAY, Description

# Datatype of the protocol: the NumPy type, and the kinds that JSON gives it.
DATATYPES = {
    "BOOL": ("bool", "b"),
    **{f"INT{bits}": (f"int{bits}", "iu") for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (f"uint{bits}", "iu") for bits in (8, 16, 32, 64)},
    "FP32": ("float32", "iuf"),
    "FP64": ("float64", "iuf"),
    "BYTES": ("object", ""),
}
_OF_NUMPY = {numpy: datatype for datatype, (numpy, _) in DATATYPES.items()}
_OF_COLUMN = {"double": "FP64", "float": "FP32", "long": "INT64", "integer": "INT32", "boolean": "BOOL"}


def metadata(name: str, version: str, description: Description) -> dict[str, Any]:
    """The protocol's model metadata."""
    flavor = description.flavors.get("python_function", {}).get("loader_module", "mlflow.pyfunc")
    return {
        "name": name,
        "versions": [version] if version else [],
        "platform": str(flavor).replace("mlflow.", "mlflow_"),
        "inputs": [_described(spec, "input") for spec in description.inputs],
        "outputs": [_described(spec, "predictions") for spec in description.outputs],
    }


def _described(spec: dict[str, Any], unnamed: str) -> dict[str, Any]:
    if spec.get("type") == "tensor":
        tensor = spec["tensor-spec"]
        datatype, shape = _OF_NUMPY.get(tensor["dtype"], "BYTES"), list(tensor["shape"])
    else:
        datatype, shape = _OF_COLUMN.get(str(spec.get("type")), "BYTES"), [-1]
    return {"name": spec.get("name", unnamed), "datatype": datatype, "shape": shape}


def infer(model: Model, name: str, version: str, body: bytes) -> bytes:
    """An inference response. Raises MalformedBodyError, UnfitInputError or ModelRaisedError."""
    request = _parsed(body)
    return _response(request, name, version, predict(model, as_scoring_format(request, model.description)))


def plain_infer(model: Model, name: str, version: str, body: bytes) -> bytes | None:
    """The same where the tensors are plain numbers for a native model; None where MLflow has to judge them."""
    request = _parsed(body)
    rows = model.read(as_scoring_format(request, model.description))
    return None if rows is None else _response(request, name, version, model.predict_array(rows))


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError as error:
        raise MalformedBodyError(f"The body is not JSON: {error}.") from error


def _response(request: Any, name: str, version: str, predictions: Any) -> bytes:
    response = {"model_name": name, "model_version": version, "outputs": outputs(predictions)}
    if "id" in request:
        response["id"] = request["id"]
    return json.dumps(response).encode()  # it writes NaN, as /invocations does


def as_scoring_format(request: Any, description: Description) -> dict[str, Any]:
    """An inference request as one of MLflow's formats. Raises UnfitInputError."""
    inputs = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(inputs, list) or not inputs:
        raise UnfitInputError("Send an object whose `inputs` is a list of tensors.")
    tensors = dict(_tensor(given) for given in inputs)
    parameters = request.get("parameters")
    known = {param["name"] for param in description.params}
    params = (
        {key: value for key, value in parameters.items() if key in known}
        if isinstance(parameters, dict)
        else {}
    )
    return {**_data(tensors, description), **({"params": params} if params else {})}


def _data(tensors: dict[str, np.ndarray], description: Description) -> dict[str, Any]:
    (first, *more) = tensors.values()
    columns = description.column_names
    if columns and not more and first.ndim == 2 and first.shape[1] == len(columns):
        return {"dataframe_split": {"columns": columns, "data": first.tolist()}}
    if columns or (more and description.plain is ANY_ARRAY):
        flat = {name: tensor.reshape(-1) for name, tensor in tensors.items()}
        if len({len(column) for column in flat.values()}) > 1:
            raise UnfitInputError(
                "The tensors of `inputs` are columns: each needs as many elements as the others."
            )
        rows = [list(row) for row in zip(*(column.tolist() for column in flat.values()), strict=True)]
        return {"dataframe_split": {"columns": list(flat), "data": rows}}
    if more or any("name" in spec for spec in description.inputs):
        return {"inputs": {name: tensor.tolist() for name, tensor in tensors.items()}}
    return {"inputs": first.tolist()}


def _tensor(given: Any) -> tuple[str, np.ndarray]:
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise UnfitInputError("Each tensor of `inputs` is an object with name, shape, datatype and data.")
    name, shape, datatype = given["name"], given.get("shape"), given.get("datatype")
    if datatype not in DATATYPES:
        raise UnfitInputError(
            f"Tensor {name!r} has datatype {datatype!r}: send one of {', '.join(DATATYPES)}."
        )
    if not isinstance(shape, list) or not all(type(length) is int and 0 < length < 2**31 for length in shape):
        raise UnfitInputError(f"Tensor {name!r} has shape {shape!r}: send a list of lengths from 1 on.")
    try:
        values = _values(given.get("data"), datatype)
        return name, values.reshape(shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise UnfitInputError(
            f"The data of tensor {name!r} is not {'x'.join(map(str, shape)) or 'one'} of {datatype}: {error}."
        ) from error


def _values(data: Any, datatype: str) -> np.ndarray:
    numpy_type, kinds = DATATYPES[datatype]
    if datatype == "BYTES":
        texts = np.array(data, dtype=object)
        if not all(isinstance(text, str) for text in texts.flat):
            raise ValueError("each element is a text")
        return texts
    values = np.array(data)
    if values.dtype.kind not in kinds:
        raise ValueError("it holds elements of another kind")
    cast = values.astype(numpy_type)
    if kinds == "iu" and (cast != values).any():
        raise ValueError("it holds a number out of range")
    return cast


def outputs(predictions: Any) -> list[dict[str, Any]]:
    """Predictions as the protocol's tensors: one for each column, key or array, else one named predictions."""
    if hasattr(predictions, "to_dict") and hasattr(predictions, "columns"):
        return [_output(str(name), predictions[name].to_numpy()) for name in predictions.columns]
    if isinstance(predictions, dict):
        return [_output(str(name), np.asarray(values)) for name, values in predictions.items()]
    if (
        isinstance(predictions, list)
        and predictions
        and all(isinstance(part, np.ndarray) for part in predictions)
    ):
        return [_output(f"predictions-{index}", part) for index, part in enumerate(predictions)]
    try:
        return [_output("predictions", np.asarray(predictions))]
    except ValueError:  # lists of several lengths
        return [_output("predictions", np.fromiter(predictions, dtype=object))]


def _output(name: str, values: np.ndarray) -> dict[str, Any]:
    datatype = _OF_NUMPY.get(values.dtype.name, "BYTES")
    data = values.reshape(-1).tolist()
    if datatype == "BYTES":
        data = [element if isinstance(element, str) else json.dumps(element, default=str) for element in data]
    return {"name": name, "datatype": datatype, "shape": list(values.shape), "data": data}
