"""What is made of MLflow's answers, over real HTTP on loopback. That the real MLflow answers so is tested elsewhere."""

import json
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from modelcycle.registry import Origin, RegisteredModel, Version
from modelcycle.runtime.mlflow import Mlflow
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.training.observed import MlflowRun
from modelcycle.training.orphans import LeftRunning

from tests.builders.registry import a_version

Answer = tuple[int, str]
RUN: dict[str, Any] = {
    "info": {"run_id": "run-1", "run_name": "first", "status": "FINISHED", "start_time": 1_700_000_000_000},
    "data": {
        "metrics": [{"key": "accuracy", "value": 0.9}, {"key": "loss", "value": "NaN"}],
        "tags": [
            {"key": "modelcycle.pod", "value": "iris-1-abcde"},
            {"key": "modelcycle.namespace", "value": "team"},
            {"key": "modelcycle.trainingrun", "value": "iris-1"},
            {"key": "mlflow.parentRunId", "value": "run-0"},
        ],
    },
}
VERSION = {
    "name": "iris",
    "version": "3",
    "creation_timestamp": 1_700_000_000_003,
    "source": "models:/m-3",
    "run_id": "run-3",
    "status": "READY",
}


class Registry:
    """Answers each path with what the test put there; a callable is asked with the query or the body."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.raw: Answer | None = None

    async def answer(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix("/api/2.0/mlflow/")
        question = await request.json() if request.method == "POST" else dict(request.query)
        self.asked.append((path, question))
        if self.raw:
            return web.Response(status=self.raw[0], text=self.raw[1])
        if path not in self.answers:
            return web.Response(status=404, text='{"error_code": "RESOURCE_DOES_NOT_EXIST"}')
        found = self.answers[path]
        return web.json_response(found(question) if callable(found) else found)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
async def mlflow(registry: Registry) -> AsyncIterator[Mlflow]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", registry.answer)
    server = TestServer(app)
    await server.start_server()
    client = Mlflow(str(server.make_url("")).rstrip("/"))
    yield client
    await client.close()
    await server.close()


def paged(field: str, *pages: list[Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Answers page by page; the token is the next page's number."""

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        number = int(question.get("page_token", 0))
        more = {"next_page_token": str(number + 1)} if number + 1 < len(pages) else {}
        return {field: pages[number]} | more

    return answer


def runs_found(*bodies: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Answers a search for children with those that are one, any other with the rest."""

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        for_children = "mlflow.parentRunId" in question["filter"]
        return {"runs": [body for body in bodies if ("of" in body) is for_children]}

    return answer


def child(run_id: str, of: str) -> dict[str, Any]:
    """A run that autolog started by the client API."""
    tags = [{"key": "mlflow.parentRunId", "value": of}]
    return {"info": {**RUN["info"], "run_id": run_id}, "data": {"tags": tags}, "of": of}


async def test_models_come_with_their_aliases_from_every_page(registry: Registry, mlflow: Mlflow) -> None:
    iris = {"name": "iris", "aliases": [{"alias": "champion", "version": "3"}], "latest_versions": [VERSION]}
    registry.answers["registered-models/search"] = paged("registered_models", [iris], [{"name": "wine"}])
    assert await mlflow.models() == [
        RegisteredModel("iris", {"champion": 3}, (a_version(3),)),
        RegisteredModel("wine"),
    ]


async def test_an_empty_registry_has_no_models(registry: Registry, mlflow: Mlflow) -> None:
    registry.answers["registered-models/search"] = {}
    assert await mlflow.models() == []


async def test_a_models_aliases_come_with_their_versions(registry: Registry, mlflow: Mlflow) -> None:
    model = {"name": "iris", "aliases": [{"alias": "champion", "version": "3"}]}
    registry.answers["registered-models/get"] = {"registered_model": model}
    assert await mlflow.aliases_of("iris") == {"champion": 3}
    assert registry.asked[-1] == ("registered-models/get", {"name": "iris"})


async def test_a_model_that_is_not_there_has_no_aliases(mlflow: Mlflow) -> None:
    assert await mlflow.aliases_of("iris") == {}


async def test_a_version_is_read_by_its_number(registry: Registry, mlflow: Mlflow) -> None:
    assert await mlflow.version("iris", 3) is None
    registry.answers["model-versions/get"] = {"model_version": VERSION}
    assert await mlflow.version("iris", 3) == a_version(3)
    assert registry.asked[-1] == ("model-versions/get", {"name": "iris", "version": "3"})


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        pytest.param("iris", "name='iris'", id="plain"),
        pytest.param("o'hara", 'name="o\'hara"', id="with a quote"),
        pytest.param('say "hi"', "name='say \"hi\"'", id="with double quotes"),
        pytest.param("a\\b", r"name='a\b'", id="with a backslash"),
        pytest.param("a'b\"c", "name LIKE 'a_b\"c'", id="with both quotes"),
    ],
)
async def test_versions_are_asked_for_by_name(
    registry: Registry, mlflow: Mlflow, name: str, quoted: str
) -> None:
    mine = {**VERSION, "name": name}
    others = {**VERSION, "name": "a-b", "version": "9"}
    registry.answers["model-versions/search"] = paged(
        "model_versions", [mine], [others, {**mine, "version": "4"}]
    )
    assert [version.number for version in await mlflow.versions(name)] == [3, 4]
    assert registry.asked[0][1]["filter"] == quoted


async def test_a_version_may_come_without_a_run(registry: Registry, mlflow: Mlflow) -> None:
    registry.answers["model-versions/search"] = {"model_versions": [{"name": "iris", "version": "1"}]}
    assert await mlflow.versions("iris") == (Version("iris", 1, 0, "", ""),)


async def test_where_a_version_lies_is_the_servers_answer(registry: Registry, mlflow: Mlflow) -> None:
    registry.answers["model-versions/get-download-uri"] = {"artifact_uri": "file:///mlruns/1/m-3"}
    assert await mlflow.download_uri(a_version(3)) == "file:///mlruns/1/m-3"
    assert registry.asked == [("model-versions/get-download-uri", {"name": "iris", "version": "3"})]


async def test_the_training_run_is_read_off_the_tags_of_the_mlflow_run(
    registry: Registry, mlflow: Mlflow
) -> None:
    registry.answers["runs/get"] = {"run": RUN}
    origin = await mlflow.origin_of("run-1")
    assert (origin.training_run, origin.running) == ("team/iris-1", False)
    assert origin.metrics["accuracy"] == 0.9


async def test_the_commit_is_read_off_the_tags_as_well(registry: Registry, mlflow: Mlflow) -> None:
    tags = [{"key": "mlflow.source.git.commit", "value": "c0ffee"}]
    registry.answers["runs/get"] = {"run": {"info": RUN["info"], "data": {"tags": tags}}}
    assert (await mlflow.origin_of("run-1")).commit == "c0ffee"


async def test_a_version_of_nobody_we_know_has_no_training_run(registry: Registry, mlflow: Mlflow) -> None:
    assert await mlflow.origin_of("") == Origin()
    assert await mlflow.origin_of("deleted") == Origin()
    registry.answers["runs/get"] = {"run": {"info": {"run_id": "run-1"}, "data": {}}}
    assert await mlflow.origin_of("run-1") == Origin()


async def test_results_are_the_tagged_runs_of_all_experiments_and_their_versions(
    registry: Registry, mlflow: Mlflow
) -> None:
    registry.answers["experiments/search"] = paged(
        "experiments", [{"experiment_id": "0"}], [{"experiment_id": "1"}]
    )
    registry.answers["runs/search"] = runs_found(RUN)
    registry.answers["model-versions/search"] = {"model_versions": [VERSION]}
    results = await mlflow.results("uid-1")
    assert results.versions == (a_version(3),)
    (run,) = results.runs
    assert math.isnan(run.metrics["loss"])
    assert replace(run, metrics={"accuracy": run.metrics["accuracy"]}) == MlflowRun(
        "run-1", "first", "FINISHED", 1_700_000_000_000, "run-0", "iris-1-abcde", {"accuracy": 0.9}
    )
    search = next(question for path, question in registry.asked if path == "runs/search")
    assert search["experiment_ids"] == ["0", "1"]
    assert search["filter"] == "tags.`modelcycle.trainingrun.uid` = 'uid-1'"


async def test_untagged_children_of_the_runs_are_results_of_the_parents_pod(
    registry: Registry, mlflow: Mlflow
) -> None:
    registry.answers["experiments/search"] = {"experiments": [{"experiment_id": "0"}]}
    strangers = child("run-7", of="run-6")
    registry.answers["runs/search"] = runs_found(RUN, child("run-2", of="run-1"), strangers)
    registry.answers["model-versions/search"] = {}
    runs = (await mlflow.results("uid-1")).runs
    assert [(run.run_id, run.parent, run.pod) for run in runs[1:]] == [("run-2", "run-1", "iris-1-abcde")]


async def test_versions_are_asked_for_by_a_hundred_runs_at_once(registry: Registry, mlflow: Mlflow) -> None:
    registry.answers["experiments/search"] = {"experiments": [{"experiment_id": "0"}]}
    many = [{"info": {**RUN["info"], "run_id": f"run-{n}"}, "data": {}} for n in range(101)]
    registry.answers["runs/search"] = runs_found(*many)
    registry.answers["model-versions/search"] = {"model_versions": [VERSION]}
    assert len((await mlflow.results("uid-1")).versions) == 2
    filters = [question["filter"] for path, question in registry.asked if path == "model-versions/search"]
    assert [text.count("run-") for text in filters] == [100, 1]
    assert filters[1] == "run_id IN ('run-100')"


async def test_what_is_left_running_is_asked_for_by_cluster_and_status(
    registry: Registry, mlflow: Mlflow
) -> None:
    registry.answers["experiments/search"] = {"experiments": [{"experiment_id": "0"}]}
    uid = {"key": "modelcycle.trainingrun.uid", "value": "uid-1"}
    whole = {**RUN, "data": {"tags": [*RUN["data"]["tags"], uid]}}
    registry.answers["runs/search"] = paged("runs", [whole, RUN])
    assert await mlflow.left_running("cluster-1") == [LeftRunning("run-1", "team", "iris-1", "uid-1")]
    (search,) = [question for path, question in registry.asked if path == "runs/search"]
    assert search["filter"] == "tags.`modelcycle.cluster` = 'cluster-1' AND attributes.status = 'RUNNING'"


async def test_an_artifact_that_is_not_taken_is_an_error_in_the_servers_words(mlflow: Mlflow) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"{}"

    with pytest.raises(RegistryError, match=r"answers 404: .*RESOURCE_DOES_NOT_EXIST"):
        await mlflow.put_artifact("run-1", "logs/pod.log", 2, content())


async def test_a_registry_without_experiments_has_no_results(registry: Registry, mlflow: Mlflow) -> None:
    registry.answers["experiments/search"] = {}
    results = await mlflow.results("uid-1")
    assert (results.runs, results.versions) == ((), ())


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        pytest.param((403, "Invalid Host header"), "mlflow.allowedHosts of the chart", id="refuses our host"),
        pytest.param((401, "no"), "the operator's credentials", id="refuses our password"),
        pytest.param((500, "<p>internal\n  error</p>"), "answers 500: <p>internal error</p>", id="is broken"),
        pytest.param(
            (503, '{"message": "(sqlite3.OperationalError) database or disk is full"}'),
            "make room on its volume",
            id="has no room",
        ),
        pytest.param((404, "not found"), "answers 404: not found", id="knows no such path"),
        pytest.param((200, "<html>Welcome to nginx</html>"), "is not MLflow", id="is somebody else"),
        pytest.param((200, json.dumps(["a"])), "is not MLflow: it sends no JSON object", id="lies"),
    ],
)
async def test_a_sentence_tells_when_what_answers(
    registry: Registry, mlflow: Mlflow, raw: Answer, says: str
) -> None:
    registry.raw = raw
    with pytest.raises(RegistryError) as caught:
        await mlflow.models()
    assert says in str(caught.value)


async def test_a_sentence_tells_when_nothing_answers() -> None:
    server = TestServer(web.Application())
    await server.start_server()
    address = str(server.make_url("")).rstrip("/")
    await server.close()
    mlflow = Mlflow(address)
    with pytest.raises(
        RegistryError, match=r"does not answer .*: check that its pod runs and its address is right"
    ):
        await mlflow.models()
    await mlflow.close()


@pytest.mark.parametrize(
    ("variables", "header"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"MLFLOW_TRACKING_TOKEN": "secret"}, "Bearer secret", id="a token"),
        pytest.param(
            {"MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_PASSWORD": "p"}, "Basic dTpw", id="a password"
        ),
    ],
)
async def test_the_credentials_are_those_of_mlflows_own_client(
    variables: dict[str, str], header: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        mlflow = Mlflow(str(server.make_url("")).rstrip("/"))
        await mlflow.models()
        await mlflow.close()
    assert seen == [header]
