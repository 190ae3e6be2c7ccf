"""The main job, with the examples of the README under names of their own: train, serve, ask, train again."""

import http.client
import json
from typing import Any

import pytest
import yaml

from examples.load import Load
from tests.e2e import registry
from tests.e2e.kube import MINE, REPOSITORY, Manifest, condition, create, get, poll, wait
from tests.e2e.stand import Stand, open_node_port

NAME = "e2e-iris"
NODE_PORT = 30081
EXAMPLES = REPOSITORY / "examples"
BODY = (EXAMPLES / "iris/request.json").read_text()


def example(file: str) -> Any:
    return yaml.safe_load((EXAMPLES / file).read_text())


def ours(manifest: Manifest, **metadata: str) -> Manifest:
    return {**manifest, "metadata": {**metadata, "labels": MINE}}


def train(c: str) -> Manifest:
    """Creates a run of the example and waits for its end; its status."""
    run = ours(example("runs/iris.yaml"), generateName=f"{NAME}-")
    spec = run["spec"]
    spec["experiment"] = registry.EXPERIMENT
    spec["source"]["configMap"]["name"] = NAME
    spec["model"]["name"] = registry.model_name("iris")
    spec["params"]["C"] = c
    spec["env"] = [{"name": "MODEL_NAME", "value": registry.model_name("iris")}]
    (name,) = create(run)
    wait(name, "condition=Finished")
    status: Manifest = get(name)["status"]
    return status


@pytest.fixture(scope="module")
def first_run(installation: None) -> Manifest:
    """The status of a finished run, for which a ModelDeployment has waited."""
    source = ours(example("iris-source.yaml"), name=NAME)
    deployment = ours(example("modeldeployment.yaml"), name=NAME)
    deployment["spec"]["model"]["name"] = registry.model_name("iris")
    deployment["spec"]["keepPreviousSeconds"] = 10
    create(source, deployment)
    return train(c="0.1")


@pytest.fixture(scope="module")
def iris(first_run: Manifest) -> Stand:
    """The model served by a NodePort of its own."""
    wait(f"modeldeployment/{NAME}", "condition=Ready")
    return Stand(NAME, registry.model_name("iris"), open_node_port(NAME, NODE_PORT))


def test_a_run_succeeds_with_a_version_a_metric_and_its_mlflow_run(first_run: Manifest):
    assert first_run["phase"] == "Succeeded"
    assert (first_run["version"], first_run["metric"]) == ("1", "accuracy=0.8444")
    registered = registry.version_of_number(registry.model_name("iris"), "1")
    assert registered["run_id"] == first_run["runId"]
    logged = registry.ask("GET", "runs/get", run_id=first_run["runId"])["run"]
    assert {"key": "C", "value": "0.1"} in logged["data"]["params"]
    assert {"key": "modelcycle.namespace", "value": "default"} in logged["data"]["tags"]


def test_the_runs_log_is_among_its_artifacts_and_its_page_is_linked(first_run: Manifest):
    run_id, stored = first_run["runId"], condition({"status": first_run}, "LogStored")
    assert stored["status"] == "True", stored
    (log,) = registry.ask("GET", "artifacts/list", run_id=run_id, path="logs")["files"]
    assert log["path"] in stored["message"]
    assert "accuracy 0.844, " in registry.artifact(run_id, log["path"])
    page = f"/#/experiments/{registry.ask('GET', 'runs/get', run_id=run_id)['run']['info']['experiment_id']}"
    assert first_run["runURL"] == f"http://modelcycle-mlflow.default.svc:5000{page}/runs/{run_id}"


def test_the_deployment_is_ready_on_that_version_and_says_which_run_made_it(iris: Stand, first_run: Manifest):
    resource = iris.read()
    assert condition(resource, "UpToDate")["status"] == "True"
    serving = resource["status"]["serving"]
    assert (serving["version"], serving["runId"]) == ("1", first_run["runId"])
    assert serving["trainingRun"] == f"default/{first_run['jobName']}"


def test_the_registry_tells_that_the_version_serves_here(iris: Stand):
    cluster = get("namespace", "kube-system")["metadata"]["uid"]
    told = {"key": f"modelcycle.serving.{cluster}", "value": f"default/{NAME}"}
    poll(
        lambda: told in registry.version_of_number(iris.model, iris.serving()).get("tags", ()),
        "the version's tag",
    )


def test_the_service_answers_a_prediction_with_the_models_version(iris: Stand):
    connection = http.client.HTTPConnection("127.0.0.1", iris.port, timeout=5)
    connection.request("POST", "/invocations", BODY, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert json.load(answer) == {"predictions": [0, 2]}
    assert (answer.status, answer.getheader("X-Model-Version")) == (200, "1")


def test_a_second_run_takes_over_and_the_old_pods_go_without_a_failed_request(iris: Stand):
    before = iris.serving()
    with Load(iris.port, BODY) as load:
        second = train(c="10")
        assert second["phase"] == "Succeeded"
        iris.wait_until_complete(second["version"])
        iris.wait_until_no_pod_is_left(f"modelcycle.dev/version={before}")
    assert load.failures == []
    assert set(load.first_seen) == {before, second["version"]}
    assert [past["version"] for past in iris.read()["status"]["history"]] == [before]
