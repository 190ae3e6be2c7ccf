"""What the server tells about itself and its model: OpenAPI, and the V2 protocol's metadata."""

from typing import Any

from modelserver.signature import Description
from modelserver.v2 import DATATYPES

# MLflow's column types in JSON; dates are ISO 8601, binary is base64.
_COLUMNS: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "long": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "float": {"type": "number", "minimum": -3.4e38, "maximum": 3.4e38},
    "double": {"type": "number", "minimum": -1e300, "maximum": 1e300},
    "string": {"type": "string"},
    "binary": {"type": "string", "format": "byte"},
    "datetime": {"type": "string", "format": "date-time"},
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "error_id": {"type": "string"}},
}
_REFUSALS = {
    "400": "The body is not of its content type.",
    "413": "The body is too large.",
    "415": "The content type is none that is read.",
    "422": "The input does not fit the model's signature.",
    "500": "The model raised on input that fits.",
    "503": "Too many predictions are under way: try again.",
    "504": "The model took too long.",
}


def openapi(name: str, version: str, description: Description, example: Any) -> dict[str, Any]:
    """OpenAPI 3.1 of the routes that predict, with the model's own schema and example."""
    return {
        "openapi": "3.1.0",
        "info": {"title": name or "model", "version": version or "0", "description": "Served by modelcycle."},
        "paths": {
            "/invocations": _post(
                "MLflow's scoring protocol.", _scoring(description), _predictions(), example
            ),
            "/predict": _post("BentoML's own API.", _rows(description), {}, None),
            f"/v2/models/{name or 'model'}/infer": _post(
                "The V2 inference protocol.", _tensors(), _inferred(), None
            ),
            "/readyz": {
                "get": {"responses": {"200": {"description": "Ready."}, "503": {"description": "Not ready."}}}
            },
            "/livez": {"get": {"responses": {"200": {"description": "Alive."}}}},
        },
    }


def _post(summary: str, schema: dict[str, Any], answer: dict[str, Any], example: Any) -> dict[str, Any]:
    content = {"schema": schema} | ({} if example is None else {"example": example})
    refusals = {
        status: {"description": said, "content": {"application/json": {"schema": _ERROR}}}
        for status, said in _REFUSALS.items()
    }
    return {
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": {"application/json": content}},
            "responses": {
                "200": {"description": "Predictions.", "content": {"application/json": {"schema": answer}}},
                **refusals,
            },
        }
    }


def _predictions() -> dict[str, Any]:
    return {"type": "object", "required": ["predictions"], "properties": {"predictions": {}}}


def _scoring(description: Description) -> dict[str, Any]:
    formats = {
        "inputs": _inputs(description),
        "instances": {"type": "array", "minItems": 1, "items": _row(description)},
    }
    if description.column_names:
        table = {
            "type": "object",
            "required": ["columns", "data"],
            "additionalProperties": False,
            "properties": {
                "columns": {"const": description.column_names},
                "data": {"type": "array", "minItems": 1, "items": _in_order(description)},
            },
        }
        records = {"type": "array", "minItems": 1, "items": _row(description)}
        formats = {"dataframe_split": table, "dataframe_records": records, **formats}
    params = {"params": {"type": "object"}} if description.params else {}
    return {
        "oneOf": [
            {
                "type": "object",
                "required": [name],
                "properties": {name: schema, **params},
                "additionalProperties": False,
            }
            for name, schema in formats.items()
        ]
    }


def _inputs(description: Description) -> dict[str, Any]:
    if not description.inputs:
        return {}
    if all(spec.get("type") == "tensor" for spec in description.inputs):
        tensors = {spec.get("name", ""): _tensor(spec["tensor-spec"]) for spec in description.inputs}
        return (
            tensors[""]
            if list(tensors) == [""]
            else {"type": "object", "required": list(tensors), "properties": tensors}
        )
    return {"type": "array", "minItems": 1, "items": _row(description)}


def _row(description: Description) -> dict[str, Any]:
    if not description.column_names:
        return {}
    return {
        "type": "object",
        "required": [spec["name"] for spec in description.inputs if spec.get("required", True)],
        "properties": {spec["name"]: _column(spec) for spec in description.inputs},
    }


def _in_order(description: Description) -> dict[str, Any]:
    columns = [_column(spec) for spec in description.inputs]
    return {"type": "array", "prefixItems": columns, "minItems": len(columns), "maxItems": len(columns)}


def _rows(description: Description) -> dict[str, Any]:
    row = {"anyOf": [_row(description), _in_order(description)]} if description.column_names else {}
    rows = {"type": "array", "minItems": 1, "items": row}
    return {
        "type": "object",
        "required": ["rows"],
        "properties": {"rows": rows, "params": {"type": ["object", "null"]}},
    }


def _column(spec: dict[str, Any]) -> dict[str, Any]:
    kind = spec.get("type")
    if kind == "array":
        return {"type": "array", "items": _column(spec["items"])}
    if kind == "map":
        return {"type": "object", "additionalProperties": _column(spec["values"])}
    if kind == "object":
        return {
            "type": "object",
            "required": [name for name, part in spec["properties"].items() if part.get("required", True)],
            "properties": {name: _column(part) for name, part in spec["properties"].items()},
        }
    return _COLUMNS.get(str(kind), {})


def _tensor(tensor: dict[str, Any]) -> dict[str, Any]:
    kind = str(tensor["dtype"])
    schema: dict[str, Any] = (
        {"type": "integer" if "int" in kind else "number"} if kind.strip("uintfloa0123456789") == "" else {}
    )
    for length in reversed(tensor["shape"]):
        bounds = {"minItems": 1} if length == -1 else {"minItems": length, "maxItems": length}
        schema = {"type": "array", "items": schema, **bounds}
    return schema


def _tensors() -> dict[str, Any]:
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}},
            "datatype": {"enum": list(DATATYPES)},
            "data": {"type": "array"},
        },
    }
    inputs = {"type": "array", "minItems": 1, "items": tensor}
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {"id": {"type": "string"}, "inputs": inputs},
    }


def _inferred() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
    }
