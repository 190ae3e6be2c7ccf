"""A version's rows as a request, from whatever MLflow has of them."""

import json
from typing import Any

import pytest
from modelcycle.errand import Examples
from modelcycle.runtime.examples import MAX_BYTES, NoRowsError, rows
from modelcycle.runtime.mlflow import Mlflow

SPLIT = {"columns": ["petal"], "data": [[1.4]]}


class Files(Mlflow):
    """MLflow, with these files of version 2 and of its run."""

    def __init__(self, of_version: dict[str, bytes], of_run: dict[str, bytes]) -> None:
        super().__init__("http://mlflow:5000")
        self._of_version, self._of_run = of_version, of_run

    async def version_file(self, model: str, version: str, path: str, limit: int) -> bytes | None:
        assert (model, version) == ("iris", "2")
        return self._of_version.get(path, b"")[:limit] or None

    async def run_file(self, run_id: str, path: str, limit: int) -> bytes | None:
        assert run_id == "run-2"
        return self._of_run.get(path, b"")[:limit] or None


async def read(
    path: str, of_version: dict[str, Any] | None = None, of_run: dict[str, Any] | None = None
) -> tuple[Any, str]:
    """The rows that are found, and their content type."""

    def files(contents: dict[str, Any] | None) -> dict[str, bytes]:
        return {
            name: content if isinstance(content, bytes) else json.dumps(content).encode()
            for name, content in (contents or {}).items()
        }

    found = await rows(Files(files(of_version), files(of_run)), Examples("iris", "2", "run-2", path))
    return (
        json.loads(found.body) if found.content_type == "application/json" else found.body
    ), found.content_type


@pytest.mark.parametrize(
    ("example", "request_body"),
    [
        pytest.param({"dataframe_split": SPLIT}, {"dataframe_split": SPLIT}, id="the scoring protocol"),
        pytest.param(
            {"inputs": [[1]], "params": {"k": 1}}, {"inputs": [[1]], "params": {"k": 1}}, id="with params"
        ),
        pytest.param(SPLIT, {"dataframe_split": SPLIT}, id="a table as pandas splits it"),
        pytest.param([{"petal": 1.4}], {"dataframe_records": [{"petal": 1.4}]}, id="records"),
        pytest.param([[1.4], [5.2]], {"inputs": [[1.4], [5.2]]}, id="rows of values"),
        pytest.param({"a": [1.0]}, {"inputs": {"a": [1.0]}}, id="tensors by name"),
    ],
)
async def test_a_json_file_of_any_usual_form_is_a_request(example: Any, request_body: Any) -> None:
    assert await read("rows.json", {"rows.json": example}) == (request_body, "application/json")


async def test_without_a_path_it_is_the_input_example_and_best_the_one_that_is_a_request() -> None:
    logged, request = {"input_example.json": SPLIT}, {"serving_input_example.json": {"inputs": [[1]]}}
    assert (await read("", logged | request))[0] == {"inputs": [[1]]}
    assert (await read("", logged))[0] == {"dataframe_split": SPLIT}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rows.csv", "text/csv"),
        ("deep/ROWS.CSV", "text/csv"),
        ("a.parquet", "application/vnd.apache.parquet"),
    ],
)
async def test_tables_are_sent_as_they_are(name: str, kind: str) -> None:
    assert await read(name, {name: b"petal\n1.4\n"}) == (b"petal\n1.4\n", kind)


async def test_a_path_is_looked_for_in_the_folder_and_then_among_the_artifacts_of_the_run() -> None:
    assert (await read("a.csv", {"a.csv": b"folder"}, {"a.csv": b"run"}))[0] == b"folder"
    assert (await read("a.csv", {}, {"a.csv": b"run"}))[0] == b"run"


@pytest.mark.parametrize(
    ("path", "files", "says"),
    [
        ("", {}, "was logged without an input example: log it with input_example"),
        ("a.csv", {}, "no file 'a.csv' in the folder of version 2 nor among the artifacts"),
        ("a.json", {"a.json": b"{"}, "a.json is no JSON that can be posted"),
        ("a.json", {"a.json": 3}, "neither an object nor a list"),
        ("a.json", {"a.json": b"[" * 100_000}, "a.json is no JSON that can be posted"),
        ("a.csv", {"a.csv": b"x" * (MAX_BYTES + 1)}, "larger than 1048576 bytes: use fewer rows"),
    ],
)
async def test_what_cannot_be_posted_is_said_with_the_cure(
    path: str, files: dict[str, Any], says: str
) -> None:
    with pytest.raises(NoRowsError, match=says):
        await read(path, files)
