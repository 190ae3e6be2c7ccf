"""Reads the input example that a model was logged with, in every form that MLflow 2 and 3 saved it."""

import json
from pathlib import Path
from typing import Any

from mlflow.models import Model as Metadata
from mlflow.utils.proto_json_utils import parse_inputs_data


def input_example(folder: Path, metadata: Metadata) -> tuple[Any, dict[str, Any] | None] | None:
    """The example as the model's predict takes it, and its params; None where none was logged.

    MLflow up to 2.15 saved arrays in TensorFlow Serving's form, {"inputs": …}, marked by "format" in
    saved_input_example_info; today's reader takes them for a dictionary of arrays.
    """
    info = metadata.saved_input_example_info
    if info is None:
        return None
    params = metadata.load_input_example_params(str(folder))
    if info.get("format") != "tf-serving":
        return metadata.load_input_example(str(folder)), params
    saved = json.loads((folder / info["artifact_path"]).read_text())
    arrays = saved["inputs"]["inputs"] if info.get("params") else saved["inputs"]
    return parse_inputs_data(arrays, metadata.get_input_schema()), params
