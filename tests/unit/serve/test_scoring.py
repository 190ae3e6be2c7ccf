"""What /invocations and /predict answer, on real models in this process."""

import json
import logging
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc import scoring_server
from modelserver import protocols
from modelserver.failures import MalformedBodyError, ModelRaisedError, UnfitInputError
from modelserver.gate import Gate
from modelserver.model import Model, load
from modelserver.oddities import oddity
from modelserver.protocols import answered
from modelserver.scoring import invocations, parse, score, score_rows

from tests.unit.serve.models import COLUMNS, FLOWERS, scripted

RECORDS = [dict(zip(COLUMNS, flower, strict=True)) for flower in FLOWERS]
BY_COLUMN = {name: [flower[index] for flower in FLOWERS] for index, name in enumerate(COLUMNS)}


@pytest.fixture(scope="module")
def iris_model(iris: Path) -> Model:
    return load(iris)


@pytest.fixture
def open_gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A gate that the routes go through, without a process around them."""
    gate = Gate(timeout=60, max_concurrency=10, threads=1)
    monkeypatch.setattr(protocols, "gate", lambda: gate)
    return gate


@pytest.fixture(scope="module")
def array_model(array: Path) -> Model:
    return load(array)


def as_mlflow_answers(folder: Path, payload: dict[str, Any]) -> Any:
    """The body that `mlflow models serve` would send."""
    model = mlflow.pyfunc.load_model(str(folder))
    schema = model.metadata.get_input_schema()
    answered = scoring_server.invocations(json.dumps(payload), "application/json", model, schema)
    assert answered.status == 200
    return json.loads(answered.response, parse_constant=str)


IRIS_BODIES = [
    pytest.param({"dataframe_split": {"columns": COLUMNS, "data": FLOWERS}}, id="dataframe_split"),
    pytest.param({"dataframe_records": RECORDS}, id="dataframe_records"),
    pytest.param({"instances": RECORDS}, id="instances"),
    pytest.param({"inputs": BY_COLUMN}, id="inputs"),
    pytest.param({"dataframe_records": [{**RECORDS[0], "petals": 5}]}, id="an extra column"),
    pytest.param({"dataframe_records": [{**RECORDS[0], COLUMNS[0]: 5}]}, id="an integer for a double"),
]


@pytest.mark.parametrize("payload", IRIS_BODIES)
def test_invocations_answers_what_mlflow_answers(
    iris: Path, iris_model: Model, payload: dict[str, Any]
) -> None:
    answer = json.loads(score(iris_model, json.loads(json.dumps(payload))))
    assert answer == as_mlflow_answers(iris, payload)
    assert json.loads(invocations(iris_model, json.dumps(payload).encode())) == answer
    assert answer["predictions"][0] == 0


@pytest.mark.parametrize("format_", ["inputs", "instances"])
def test_arrays_are_answered_as_mlflow_answers_them(array: Path, array_model: Model, format_: str) -> None:
    payload = {format_: [[0.0, 1.0], [18.0, 19.0]]}
    assert json.loads(score(array_model, dict(payload))) == as_mlflow_answers(array, payload)


ECHO = "def predict(self, context, model_input, params=None): return model_input"
AS_LIST = "def predict(self, context, model_input, params=None): return {k: list(v) for k, v in model_input.items()}"
DAY = pd.Timestamp("2024-02-29T12:30:00.123456")


@pytest.mark.parametrize(
    ("example", "body", "payloads"),
    [
        pytest.param(
            pd.DataFrame({"at": [DAY, pd.NaT]}),
            ECHO,
            [
                {"dataframe_records": [{"at": DAY.isoformat()}, {"at": None}]},
                {"inputs": [{"at": "2024-02-29"}]},
            ],
            id="dates",
        ),
        pytest.param(
            pd.DataFrame({"raw": [b"\x00\xff"]}),
            ECHO,
            [{"dataframe_split": {"columns": ["raw"], "data": [["AP8="]]}}],
            id="binary",
        ),
        pytest.param(
            pd.DataFrame({"x": [1.5, None], "word": ["a", None], "yes": [True, False]}),
            ECHO,
            [
                {"dataframe_split": {"columns": ["yes", "x"], "data": [[True, None], [False, 1e-7]]}},
                {"dataframe_records": [{"x": float("nan"), "word": "ü", "yes": True}]},
                {"instances": [{"x": 1, "word": "b", "yes": False}]},
            ],
            id="missing values",
        ),
        pytest.param(
            {"image": np.zeros((2, 2, 3), "float32"), "mask": np.zeros((2, 2), "int64")},
            AS_LIST,
            [{"inputs": {"image": [[[0.1, 0.2, 0.3]] * 2], "mask": [[1, 2]]}}],
            id="tensors",
        ),
        pytest.param(
            np.zeros((2, 3), "float32"),
            ECHO,
            [{"inputs": [[0.1, 0.2, 1e-8]]}, {"instances": [[1, 2, 3]]}],
            id="a tensor of 32 bits",
        ),
        pytest.param(
            pd.DataFrame({"tags": [["a", "b"]], "map": [{"k": 1}]}),
            ECHO,
            [{"dataframe_records": [{"tags": ["x"], "map": {"k": 2}}]}],
            id="arrays and objects",
        ),
        pytest.param(
            ["a"],
            "def predict(self, context, model_input, params=None): return model_input[0].tolist()",
            [{"inputs": ["x", "ö"]}],
            id="texts",
        ),
    ],
)
def test_types_are_answered_as_mlflow_answers_them(
    tmp_path: Path, example: Any, body: str, payloads: list[dict[str, Any]]
) -> None:
    folder = scripted(tmp_path / "model", body, signature=mlflow.models.infer_signature(example))
    model = load(folder)
    for payload in payloads:
        answer = invocations(model, json.dumps(payload).encode()).decode()
        # As texts: NaN is no JSON, and never equals itself.
        assert json.loads(answer, parse_constant=str) == as_mlflow_answers(folder, payload)


def test_params_reach_the_model(tmp_path: Path) -> None:
    body = """
    def predict(self, context, model_input, params=None):
        return [x * params["factor"] for x in model_input["x"]]
    """
    signature = mlflow.models.infer_signature(pd.DataFrame({"x": [1.0]}), [1.0], params={"factor": 2})
    model = load(scripted(tmp_path / "model", body, signature=signature))
    assert json.loads(score(model, {"inputs": {"x": [3.0]}})) == {"predictions": [6.0]}
    assert json.loads(score(model, {"inputs": {"x": [3.0]}, "params": {"factor": 5}})) == {
        "predictions": [15.0]
    }
    with pytest.raises(UnfitInputError, match="factor"):
        score(model, {"inputs": {"x": [3.0]}, "params": {"factor": "many"}})


@pytest.mark.parametrize("rows", [RECORDS, FLOWERS], ids=["objects", "lists"])
def test_predict_takes_rows_by_name_and_in_order(iris_model: Model, rows: list[Any]) -> None:
    assert json.loads(score_rows(iris_model, rows, None)) == [0, 2]


def test_predict_takes_rows_for_a_tensor(array_model: Model) -> None:
    assert json.loads(score_rows(array_model, [[0.0, 1.0], [18.0, 19.0]], None)) == [0, 1]


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        ({}, "exactly one of dataframe_split, dataframe_records, instances, inputs"),
        ({"inputs": [], "instances": []}, "names instances and inputs"),
        ({"dataframe_records": [dict.fromkeys(COLUMNS[:3], 1.0)]}, "missing inputs ['petal width (cm)']"),
        ({"dataframe_records": [{**RECORDS[0], COLUMNS[1]: "wide"}]}, "column sepal width (cm)"),
        ({"dataframe_records": 5}, "must be a list of records"),
        ({"dataframe_split": {"columns": COLUMNS}}, "must have 'data' field"),
        ({"dataframe_split": {"columns": COLUMNS, "data": []}}, "The input has no rows."),
        ({"inputs": {**BY_COLUMN, COLUMNS[2]: ["long", "short"]}}, "'petal length (cm)': double (required)"),
    ],
)
def test_input_that_does_not_fit_names_the_field_and_what_is_expected(
    iris_model: Model, payload: dict[str, Any], names: str
) -> None:
    with pytest.raises(UnfitInputError) as refused:
        score(iris_model, payload)
    assert names in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ([], "The input has no rows."),
        ([[1.0, 2.0, 3.0]], "Row 0 is no list of 4 values. The model takes 'sepal length (cm)': double"),
        ([FLOWERS[0], RECORDS[1]], "Row 1 is no list of 4 values"),
    ],
)
def test_rows_that_do_not_fit_are_named(iris_model: Model, rows: list[Any], names: str) -> None:
    with pytest.raises(UnfitInputError) as refused:
        score_rows(iris_model, rows, None)
    assert names in str(refused.value)


def test_the_names_of_many_columns_are_cut(tmp_path: Path) -> None:
    columns = {f"c{index}": [1.0] for index in range(100)}
    body = "def predict(self, context, model_input, params=None): return [1.0]"
    model = load(scripted(tmp_path / "model", body, signature=mlflow.models.infer_signature(columns, [1.0])))
    assert model.expected().endswith(" and 80 more.")


def test_an_exception_of_the_model_is_not_taken_for_bad_input(tmp_path: Path) -> None:
    body = """
    def predict(self, context, model_input, params=None):
        raise ValueError("column x is broken")
    """
    model = load(scripted(tmp_path / "model", body))
    with pytest.raises(ModelRaisedError, match="ValueError: column x is broken"):
        score(model, {"inputs": {"x": [1.0]}})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (pd.DataFrame({"x": []}), "no rows"),
        ({"x": np.array([])}, "no rows"),
        (pd.DataFrame({"x": [1.0], "n": [None]}), "'n' holds a missing value"),
        (pd.DataFrame({"at": [pd.NaT]}), "'at' holds a missing value"),
        ({"x": np.array([1.0, np.nan])}, "'x' holds a missing value"),
        (np.array([[1e300]]), "The input holds a number out of the model's range"),
        (np.array([[2**62]]), ""),
        (pd.DataFrame({"word": ["a"], "part": [{"k": 1}], "list": [[1, None]]}), ""),
        ([[1], [1, 2]], ""),
        ("text", ""),
    ],
)
def test_what_is_odd_about_input_that_a_model_raised_on_is_named(data: Any, says: str) -> None:
    said = oddity(data)
    assert says in said
    assert bool(said) == bool(says)


@pytest.mark.parametrize("body", [b"", b'{"inputs": ', b"\xff\xfe", b"predict, please"])
def test_a_body_that_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError, match="The body is not JSON"):
        parse(body)


@pytest.mark.parametrize("body", [b"[1]", b"5", b"null"])
def test_a_body_that_is_no_object_is_told_what_to_send(body: bytes) -> None:
    with pytest.raises(UnfitInputError, match="send an object with exactly one of"):
        parse(body)


@pytest.mark.parametrize(
    ("error", "status"), [(MalformedBodyError("no JSON"), 400), (UnfitInputError("no column x"), 422)]
)
async def test_what_the_client_did_wrong_is_answered_with_its_sentence(
    open_gate: Gate, error: Exception, status: int
) -> None:
    def refuse() -> bytes:
        raise error

    answer, body, _ = await answered(refuse, 0)
    assert (answer, json.loads(body)) == (status, {"error": str(error)})


async def test_what_the_model_did_wrong_is_answered_with_an_id_that_the_log_has(
    open_gate: Gate,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> bytes:
        raise ModelRaisedError("the secret of the model")

    with caplog.at_level(logging.ERROR):
        status, body, _ = await answered(fail, 0)
    said = json.loads(body)
    assert status == 500
    assert "secret" not in said["error"]
    assert [record.__dict__["error_id"] for record in caplog.records] == [said["error_id"]]
