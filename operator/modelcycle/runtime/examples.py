"""A version's rows, as the body of a prediction's request; read through MLflow, wherever they lie."""

import json
from dataclasses import dataclass
from typing import Any

from modelcycle.errand import Examples
from modelcycle.runtime.mlflow import Mlflow

MAX_BYTES = 2**20
JSON = "application/json"
_TYPES = {".csv": "text/csv", ".json": JSON, ".parquet": "application/vnd.apache.parquet"}
# MLflow's names for an input example: as a request, and, from older clients alone, as it was logged.
OWN = ("serving_input_example.json", "input_example.json")
_PROTOCOL = {"dataframe_split", "dataframe_records", "instances", "inputs"}


class NoRowsError(Exception):
    """The version has no rows that can be posted; the message is a sentence with the cure."""


@dataclass(frozen=True)
class Rows:
    body: bytes
    content_type: str


async def rows(mlflow: Mlflow, wanted: Examples) -> Rows:
    """Raises NoRowsError, RegistryError."""
    for path in (wanted.path,) if wanted.path else OWN:
        content = await mlflow.version_file(wanted.model, wanted.version, path, MAX_BYTES + 1)
        if content is None and wanted.path and wanted.run_id:
            content = await mlflow.run_file(wanted.run_id, path, MAX_BYTES + 1)
        if content is not None:
            return _as_request(path, content)
    if wanted.path:
        raise NoRowsError(
            f"There is no file {wanted.path!r} in the folder of version {wanted.version} nor among the artifacts of "
            "its MLflow run: log it there, or correct spec.parity.examples."
        )
    raise NoRowsError(
        f"Version {wanted.version} was logged without an input example: log it with input_example."
    )


def _as_request(path: str, content: bytes) -> Rows:
    if len(content) > MAX_BYTES:
        raise NoRowsError(f"{path} is larger than {MAX_BYTES} bytes: use fewer rows.")
    content_type = _TYPES.get(path[path.rfind(".") :].lower(), "")
    if content_type != JSON:
        return Rows(content, content_type)
    try:
        return Rows(json.dumps(_in_protocol(json.loads(content))).encode(), JSON)
    except (ValueError, RecursionError) as error:
        raise NoRowsError(f"{path} is no JSON that can be posted: {error}.") from error


def _in_protocol(example: Any) -> Any:
    """MLflow's scoring protocol, from that itself, a table by pandas' orient split, records, or rows of values.

    https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/
    """
    if isinstance(example, list):
        records = all(isinstance(row, dict) for row in example)
        return {"dataframe_records" if records else "inputs": example}
    if not isinstance(example, dict):
        raise ValueError("it holds neither an object nor a list")
    if _PROTOCOL & example.keys():
        return example
    if "data" in example and example.keys() <= {"columns", "index", "data"}:
        return {"dataframe_split": example}
    return {"inputs": example}
