"""The forms in which MLflow 2.12 to 3 saved an input example; those of 2.12 are files that it wrote."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse  # type: ignore[import-untyped]
from mlflow.models import Model as Metadata
from mlflow.models import ModelSignature, infer_signature
from mlflow.models.utils import _save_example
from modelserver.example import input_example

POINTS = np.array([[0.0, 1.0], [2.0, 3.0]])
FRAME = pd.DataFrame(POINTS, columns=["a", "b"])


def saved_by_2_12(
    folder: Path, info: dict[str, str], file: Any, signature: ModelSignature | None
) -> Metadata:
    (folder / "input_example.json").write_text(json.dumps(file))
    info = {"artifact_path": "input_example.json", **info}
    return Metadata(saved_input_example_info=info, signature=signature)


TF_SERVING = {"type": "ndarray", "format": "tf-serving"}


@pytest.mark.parametrize(
    ("info", "file", "signature", "data", "params"),
    [
        (TF_SERVING, {"inputs": POINTS.tolist()}, None, POINTS, None),
        (TF_SERVING, {"inputs": POINTS.tolist()}, infer_signature(POINTS), POINTS, None),
        (
            TF_SERVING | {"params": "true"},
            {"inputs": {"inputs": POINTS.tolist()}, "params": {"k": 1}},
            infer_signature(POINTS, params={"k": 1}),
            POINTS,
            {"k": 1},
        ),
        (
            {"type": "dataframe", "pandas_orient": "split"},
            {"columns": ["a", "b"], "data": POINTS.tolist()},
            infer_signature(FRAME),
            FRAME,
            None,
        ),
        (
            {"type": "dataframe", "pandas_orient": "values"},
            {"data": POINTS.tolist()},
            None,
            pd.DataFrame(POINTS),
            None,
        ),
    ],
)
def test_an_example_of_mlflow_2_12_is_read(
    tmp_path: Path, info: dict[str, str], file: Any, signature: ModelSignature | None, data: Any, params: Any
) -> None:
    metadata = saved_by_2_12(tmp_path, info, file, signature)
    read = input_example(tmp_path, metadata)
    assert read is not None
    assert type(read[0]) is type(data)
    np.testing.assert_array_equal(read[0], data)
    assert read[1] == params


def test_named_arrays_of_mlflow_2_12_are_read(tmp_path: Path) -> None:
    file = {"inputs": {"a": [0.0, 2.0], "b": [1.0, 3.0]}}
    signature = infer_signature({"a": POINTS[:, 0], "b": POINTS[:, 1]})
    read = input_example(tmp_path, saved_by_2_12(tmp_path, TF_SERVING, file, signature))
    assert read is not None
    assert {name: column.tolist() for name, column in read[0].items()} == file["inputs"]


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(FRAME, id="frame"),
        pytest.param(POINTS, id="array"),
        pytest.param((FRAME, {"k": 1}), id="frame and params"),
        pytest.param((POINTS, {"k": 1}), id="array and params"),
        pytest.param([[0.0, 1.0]], id="list"),
        pytest.param({"question": "why?"}, id="object"),
        pytest.param(scipy.sparse.csr_matrix(POINTS), id="csr matrix"),
        pytest.param(scipy.sparse.csc_matrix(POINTS), id="csc matrix"),
    ],
)
def test_an_example_of_todays_mlflow_is_read(tmp_path: Path, example: Any) -> None:
    data, params = example if isinstance(example, tuple) else (example, None)
    metadata = Metadata()
    _save_example(metadata, example, str(tmp_path))
    read = input_example(tmp_path, metadata)
    assert read is not None
    assert type(read[0]) is type(data)
    dense = [part.toarray() if scipy.sparse.issparse(part) else part for part in (read[0], data)]
    np.testing.assert_array_equal(*dense)
    assert read[1] == params


def test_a_model_may_have_no_example(tmp_path: Path) -> None:
    assert input_example(tmp_path, Metadata()) is None
