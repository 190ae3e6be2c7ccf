"""From a request's body to an answer: the same steps for every route that predicts."""

import io
import json
import logging
import uuid
from collections.abc import Callable
from typing import Any

import anyio.to_thread
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server
from mlflow.pyfunc.utils.serving_data_parser import is_unified_llm_input
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from modelserver.failures import MalformedBodyError, UnfitInputError, one_line
from modelserver.model import Model, served

log = logging.getLogger(__name__)

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")

# Predictions run beside the event loop, so that probes are answered while a model is slow; no more at once
# than a small pod has use for.
_threads = anyio.CapacityLimiter(4)


async def invocations(request: Request) -> Response:
    """POST /invocations: MLflow's scoring protocol in JSON."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        return _refusal(415, f"Send the header `Content-Type: application/json` (it is {content_type!r}).")
    body = await request.body()
    return await answer(lambda: score(served(), parse(body)))


async def answer(work: Callable[[], str]) -> Response:
    """Runs `work`, which gives a JSON body, in a thread; what it raises becomes the status of the answer."""
    try:
        return Response(await anyio.to_thread.run_sync(work, limiter=_threads), media_type="application/json")
    except MalformedBodyError as error:
        return _refusal(400, error)
    except UnfitInputError as error:
        return _refusal(422, error)
    except Exception:
        error_id = uuid.uuid4().hex
        log.exception("a prediction failed", extra={"error_id": error_id})
        said = "The model failed on input that fits its signature; the pod's log has the reason by this error id."
        return JSONResponse({"error": said, "error_id": error_id}, status_code=500)


def parse(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises MalformedBodyError or UnfitInputError."""
    try:
        payload = json.loads(body)
    except ValueError as error:
        raise MalformedBodyError(f"The body is not JSON: {error}.") from error
    if not isinstance(payload, dict):
        raise UnfitInputError(f"The body is a JSON {type(payload).__name__}: {_one_format()}")
    return payload


def score(model: Model, payload: dict[str, Any]) -> str:
    """The answer of `mlflow models serve` to `payload`. Raises UnfitInputError or ModelRaisedError."""
    named = [key for key in FORMATS if key in payload]
    if len(named) != 1 and not is_unified_llm_input(payload):
        raise UnfitInputError(f"The body names {' and '.join(named) or 'no input'}: {_one_format()}")
    try:
        parsed = scoring_server._parse_json_data(payload, model.metadata, model.input_schema)
    except MlflowException as error:
        raise UnfitInputError(f"{error.message} {model.expected()}".strip()) from error
    predictions = model.predict(parsed.data, parsed.params)
    out = io.StringIO()
    if parsed.is_unified_llm_input:
        scoring_server.unwrapped_predictions_to_json(predictions, out)
    else:
        scoring_server.predictions_to_json(predictions, out)
    return out.getvalue()


def score_rows(model: Model, rows: list[Any], params: dict[str, Any] | None) -> str:
    """The predictions alone for rows that are objects by column name, or lists in the signature's order."""
    payload = {**as_scoring_format(model, rows), **({} if params is None else {"params": params})}
    return json.dumps(json.loads(score(model, payload))["predictions"])


def as_scoring_format(model: Model, rows: list[Any]) -> dict[str, Any]:
    """`rows` as one of MLflow's formats; lists take the column names of the signature, if it has any."""
    if rows and all(isinstance(row, dict) for row in rows):
        return {"dataframe_records": rows}
    schema = model.input_schema
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return {"inputs": rows}
    names = schema.input_names()
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            raise UnfitInputError(f"Row {index} is no list of {len(names)} values. {model.expected()}")
    return {"dataframe_split": {"columns": names, "data": rows}}


def _one_format() -> str:
    return f"send an object with exactly one of {', '.join(FORMATS)}."


def _refusal(status: int, reason: object) -> JSONResponse:
    return JSONResponse({"error": one_line(reason)}, status_code=status)
