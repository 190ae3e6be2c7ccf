"""From a request's body to an answer: the same steps for every route that predicts."""

import io
import json
from typing import Any

import orjson

from modelserver.answers import predictions_to_json
from modelserver.failures import MalformedBodyError, UnfitInputError
from modelserver.model import Model

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"


def invocations(model: Model, body: bytes) -> bytes:
    """The answer of `mlflow models serve` to a JSON body.

    Raises MalformedBodyError, UnfitInputError or ModelRaisedError.
    """
    answer = plain_invocations(model, body) if model.native else None
    return score(model, parse(body)) if answer is None else answer


def plain_invocations(model: Model, body: bytes) -> bytes | None:
    """The same where the body is plain numbers for a native model; None where MLflow has to judge it."""
    try:
        rows = model.read(orjson.loads(body))
    except ValueError:
        return None  # NaN, say, which Python's own reader takes
    return None if rows is None else predictions_to_json(model.predict_array(rows))


def parse(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises MalformedBodyError or UnfitInputError."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError(f"The body is not JSON: {error}.") from error
    if not isinstance(payload, dict):
        raise UnfitInputError(f"The body is a JSON {type(payload).__name__}: {_one_format()}")
    return payload


def score(model: Model, payload: dict[str, Any]) -> bytes:
    """The answer of `mlflow models serve` to `payload`. Raises UnfitInputError or ModelRaisedError."""
    return predictions_to_json(*_by_mlflow(model, payload))


def score_rows(model: Model, rows: list[Any], params: dict[str, Any] | None) -> bytes:
    """The predictions alone for rows that are objects by column name, or lists in the signature's order."""
    payload = as_scoring_format(model, rows)
    return predictions_to_json(
        predict(model, payload if params is None else {**payload, "params": params}), None
    )


def score_table(model: Model, body: bytes, content_type: str) -> bytes:
    """The answer of `mlflow models serve` to a table as a file. Raises UnfitInputError or ModelRaisedError."""
    schema = model.pyfunc.input_schema  # which imports MLflow
    from mlflow.pyfunc import scoring_server

    try:
        if content_type == CSV:
            table = scoring_server.parse_csv_input(io.StringIO(body.decode()), schema)
        else:
            table = scoring_server.parse_parquet_input(io.BytesIO(body))
    except Exception as error:
        raise MalformedBodyError(f"The body is no {content_type} table: {error}") from error
    return predictions_to_json(model.predict(table))


def predict(model: Model, payload: dict[str, Any]) -> Any:
    """Predictions for one of MLflow's formats. Raises UnfitInputError or ModelRaisedError."""
    rows = model.read(payload)
    return _by_mlflow(model, payload)[0] if rows is None else model.predict_array(rows)


def _by_mlflow(model: Model, payload: dict[str, Any]) -> tuple[Any, str | None]:
    """Predictions and their key in MLflow's answer."""
    pyfunc = model.pyfunc  # which imports MLflow
    from mlflow.pyfunc import scoring_server
    from mlflow.pyfunc.utils.serving_data_parser import is_unified_llm_input

    named = [key for key in FORMATS if key in payload]
    if len(named) != 1 and not is_unified_llm_input(payload):
        raise UnfitInputError(f"The body names {' and '.join(named) or 'no input'}: {_one_format()}")
    try:
        parsed = scoring_server._parse_json_data(payload, pyfunc.metadata, pyfunc.input_schema)
    except Exception as error:  # MLflow's, and whatever its parsers meet in a body of another form
        said = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
        raise UnfitInputError(f"{said} {model.expected()}".strip()) from error
    predictions = model.predict(parsed.data, parsed.params)
    return predictions, None if parsed.is_unified_llm_input else "predictions"


def as_scoring_format(model: Model, rows: list[Any]) -> dict[str, Any]:
    """`rows` as one of MLflow's formats; lists take the column names of the signature, if it has any."""
    if rows and all(isinstance(row, dict) for row in rows):
        return {"dataframe_records": rows}
    names = model.description.column_names
    if not names:
        return {"inputs": rows}
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise UnfitInputError(f"Row {index} is no list of {len(names)} values. {model.expected()}")
    return {"dataframe_split": {"columns": names, "data": rows}}


def _one_format() -> str:
    return f"send an object with exactly one of {', '.join(FORMATS)}."
