"""Two versions of a real model, each served by the serving image's own code, are asked the same rows."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from tests.integration.kube import Body, eventually
from tests.integration.mlflow_server import MlflowServer
from tests.integration.world import World
from tests.unit.serve.process import ServingProcess

NAME = "web"
MODEL = "it-parity"
PARITY = {"maxChangedFraction": 0.05, "minRows": 30}
ROWS = 30
# Pods of this session's own: each has an address of its own, and the port is that of every serving pod.
ADDRESSES = [f"127.{os.getpid() >> 8 & 255}.{os.getpid() & 255}.{last}" for last in (1, 2)]


@pytest.fixture(scope="module")
def figures(mlflow: MlflowServer) -> str:
    """Versions 1 and 3 tell irises apart, 2 learnt on wrong labels; how it differs, by their own predictions."""
    features, species = load_iris(return_X_y=True, as_frame=True)
    right = LogisticRegression(max_iter=500).fit(features, species)
    other = LogisticRegression(max_iter=500).fit(features, species.where(species.index % 3 > 0, 0))
    for model in (right, other, right):
        log(mlflow, model, features)
    answers = list(zip(*(model.predict(features.tail(ROWS)) for model in (right, other)), strict=True))
    changed = [row for row, (before, after) in enumerate(answers) if before != after]
    before, after = answers[changed[0]]
    share = f"{100 * len(changed) / ROWS:.3g} %, at most 5 %"
    return (
        f"{len(changed)} of {ROWS} rows changed ({share}); first: row {changed[0] + 1}: {before} → {after}."
    )


def log(server: MlflowServer, model: Any, features: Any) -> None:
    """With one row as its input example, and thirty in a file of its run."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.url)
    try:
        with mlflow.start_run():
            rows = features.tail(ROWS)
            mlflow.log_text(rows.to_csv(index=False), "parity/rows.csv")
            mlflow.sklearn.log_model(
                model,
                name="model",
                registered_model_name=MODEL,
                input_example=features.tail(1),
                pip_requirements=["scikit-learn"],
            )
    finally:
        mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def pods(mlflow: MlflowServer, figures: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The servers of the first two versions; the third is answered for by the first's."""
    started = []
    for version, address in enumerate(ADDRESSES, 1):
        query = f"model-versions/get-download-uri?name={MODEL}&version={version}"
        folder = Path(mlflow.call("GET", query, None)["artifact_uri"].removeprefix("file://"))
        server = ServingProcess(
            folder, tmp_path_factory.mktemp("serve"), MODELCYCLE_HOST=address, PORT="3000"
        )
        started.append(server)
    for server in started:
        server.line("ready after")
        server.unheard()
    yield
    for server in started:
        server.kill()


def follow(world: World, version: int, **spec: Any) -> None:
    change = {"spec": {"model": {"name": MODEL, "version": version}, **spec}}
    world.kube.patch("ModelDeployment", world.namespace, NAME, change)


def serve(world: World, version: int) -> str:
    """Plays the controllers until all of a version's pods are ready; its revision."""
    deployment = world.revision(NAME, version)
    (pod,) = world.ready_pods(deployment)
    address = ADDRESSES[1] if version == 2 else ADDRESSES[0]
    world.pod_status(pod, podIP=address, podIPs=[{"ip": address}])
    return str(deployment["metadata"]["labels"]["modelcycle.dev/revision"])


def settled(world: World, version: int) -> Body:
    """The status, once a version serves alone."""
    revision = serve(world, version)
    eventually(lambda: world.selected(NAME) == revision, f"clients are led to version {version}")
    world.endpoints(NAME, f"{NAME}-{revision}-0")

    def look() -> Body | None:
        status = world.status("ModelDeployment", NAME)
        return (
            status if status["serving"].get("since") and status["serving"]["revision"] == revision else None
        )

    return eventually(look, f"version {version} serves alone")


def test_a_version_is_rejected_for_what_it_answers_and_another_takes_over(
    pods: None, figures: str, world: World
):
    world.deployment(NAME, {"name": MODEL, "version": 1}, parity=PARITY)
    first = settled(world, 1)["serving"]["revision"]

    follow(world, 2, parity={"examples": "parity/rows.csv"})
    serve(world, 2)
    rejected = eventually(
        lambda: world.status("ModelDeployment", NAME).get("rejected"), "version 2 is rejected"
    )
    assert (rejected[0]["reason"], rejected[0]["message"]) == ("ParityFailed", figures)
    assert world.selected(NAME) == first

    follow(world, 3, parity={"examples": None, "minRows": 1})
    settled(world, 3)
    eventually(lambda: {"ParityFailed", "ParityPassed"} <= world.events(NAME), "Events tell of both")


def test_one_row_is_too_few_and_somebody_decides(pods: None, world: World):
    world.deployment(NAME, {"name": MODEL, "version": 1}, parity=PARITY)
    first = settled(world, 1)["serving"]["revision"]
    follow(world, 3)
    serve(world, 3)

    def waiting() -> Body | None:
        status = world.status("ModelDeployment", NAME)
        return status if status.get("reason") == "Inconclusive" else None

    status = eventually(waiting, "it waits")
    assert "1 rows are too few to compare, spec.parity.minRows is 30" in status["message"]
    assert status["candidate"]["parity"]["verdict"] == "Inconclusive"
    assert world.selected(NAME) == first
    approve = {"metadata": {"annotations": {"modelcycle.dev/approve": "3"}}}
    world.kube.patch("ModelDeployment", world.namespace, NAME, approve)
    eventually(lambda: world.selected(NAME) != first, "clients are led to version 3")
    assert world.status("ModelDeployment", NAME)["candidate"]["parity"]["verdict"] == "Waived"
