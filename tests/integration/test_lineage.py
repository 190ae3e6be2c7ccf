"""Where what serves comes from, and what the registry tells of where its versions serve."""

from collections.abc import Callable

import pytest

from tests.integration.kube import eventually
from tests.integration.test_modeldeployment import NAME, serve, status
from tests.integration.world import World


@pytest.fixture
def model(world: World) -> str:
    return f"lineage-{world.namespace}"


def is_told(world: World, model: str, version: int, where: str) -> None:
    eventually(
        lambda: world.mlflow.serves_at(model, version) == where,
        f"the registry tells that version {version} serves at {where!r}",
    )


def test_status_and_the_wide_columns_name_the_run_the_training_run_and_the_commit(world: World, model: str):
    tags = {
        "modelcycle.namespace": world.namespace,
        "modelcycle.trainingrun": "iris-1",
        "mlflow.source.git.commit": "c0ffee",
    }
    world.mlflow.register(model, run_id := world.mlflow.begin_run(tags))
    world.deployment(NAME, {"name": model, "latest": {}})
    serve(world, 1)
    world.mlflow.register(model)
    serve(world, 2)
    (past,) = status(world, lambda s: s.get("history"), "version 1 is history")["history"]
    lineage = {name: past[name] for name in ("model", "version", "runId", "trainingRun", "commit")}
    assert lineage == {
        "model": model,
        "version": "1",
        "runId": run_id,
        "trainingRun": f"{world.namespace}/iris-1",
        "commit": "c0ffee",
    }


def test_the_registry_tells_where_a_version_serves_until_it_does_no_more(world: World, model: str):
    here, second = f"{world.namespace}/{NAME}", f"{world.namespace}/second"
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "latest": {}})
    serve(world, 1)
    is_told(world, model, 1, here)
    world.deployment("second", {"name": model, "version": 1})
    serve(world, 1, "second")
    is_told(world, model, 1, f"{second}, {here}")
    world.mlflow.register(model)
    serve(world, 2)
    is_told(world, model, 2, here)
    is_told(world, model, 1, second)
    world.operator.stop()
    world.kubectl("delete", "modeldeployment", "second")
    world.operator.start()
    is_told(world, model, 1, "")


def test_a_registry_that_is_away_is_told_when_it_is_back(
    world: World, model: str, registry_down: Callable[[], None]
):
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "latest": {}})
    world.revision(NAME, 1)
    registry_down()
    serve(world, 1)
    world.mlflow.start()
    is_told(world, model, 1, f"{world.namespace}/{NAME}")
