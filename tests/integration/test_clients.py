"""Ordinary MLflow scripts under the clients that people have: `make test-clients` runs them.

The one that the train image holds runs on the cluster as well, in every `make test`.
"""

import os
from pathlib import Path

import pytest

from tests.clients import environments
from tests.integration.kube import Body, eventually
from tests.integration.world import World, container

SCRIPT = Path(environments.__file__).parent / "train.py"
NAME = "run"
NATIVE = ("linear", "xgboost", "lightgbm")
REFUSED_BY_THE_NEWEST = ("forest", "xgboost-wrapper", "lightgbm-wrapper")
ALL = (*NATIVE, *REFUSED_BY_THE_NEWEST)
# The client, the keyword by which its log_model takes the model's name, and the models that it logs.
MATRIX: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("2.12", "artifact_path", ALL),
    ("2.22", "artifact_path", ALL),
    ("3.13", "artifact_path", ALL),
    ("3.13", "name", ALL),
    ("newest", "artifact_path", NATIVE),
    ("newest", "name", NATIVE),
)
CLIENTS = os.environ.get("CLIENTS", "").split()
# A model takes ten seconds, most of which the client spends on finding out what the model imports.
pytestmark = pytest.mark.skipif(not CLIENTS, reason="make test-clients runs it")


def ended(world: World, outcome: str, exit_code: int, message: str = "") -> Body:
    """Plays the kubelet and the Job controller; the status."""
    terminated = {"exitCode": exit_code, "reason": "Error" if exit_code else "Completed", "message": message}
    phase = "Failed" if exit_code else "Succeeded"
    statuses = [container("train", terminated=terminated)]
    world.pod_of(world.job(NAME), "run-1", phase=phase, containerStatuses=statuses)
    world.end_job(NAME, outcome)

    def look() -> Body | None:
        status = world.status("TrainingRun", NAME)
        return status if status.get("phase") == phase else None

    return eventually(look, f"phase {phase}")


@pytest.mark.parametrize(
    ("client", "keyword", "models"),
    [pytest.param(*row, id=f"{row[0]}, {row[1]}=") for row in MATRIX if row[0] in CLIENTS or not CLIENTS],
)
def test_an_unchanged_script_shows_its_runs_metrics_and_versions(
    world: World, client: str, keyword: str, models: tuple[str, ...]
):
    experiment = f"{world.namespace}-flowers"
    world.run(NAME, model={"name": f"{experiment}-linear"}, tags={"client": client})
    python = environments.python(client)
    done = world.run_here(world.job(NAME), "run-1", python, SCRIPT, experiment, keyword, *models)
    assert done.returncode == 0, done.stderr
    status = ended(world, "Complete", 0)
    made = {(one["name"], one["version"]) for one in status["modelVersions"]}
    assert made == {(f"{experiment}-{model}", "1") for model in models}
    assert (status["runsTotal"], status["modelVersionsTotal"]) == (len(models), len(models))
    assert {one["name"] for one in status["runs"]} == set(models)
    assert {one["status"] for one in status["runs"]} == {"FINISHED"}
    main = next(one for one in status["runs"] if one["runId"] == status["runId"])
    assert (main["name"], status["version"]) == ("linear", "1")
    assert [one["name"] for one in status["metrics"]] == ["accuracy"]
    assert status["metric"].startswith("accuracy=0.9")
    assert tags_of(world, status["runId"])["client"] == client


def tags_of(world: World, run_id: str) -> dict[str, str]:
    run = world.mlflow.call("GET", f"runs/get?run_id={run_id}", {})["run"]
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


@pytest.mark.skipif("newest" not in CLIENTS, reason="make test-clients runs it")
@pytest.mark.parametrize("model", REFUSED_BY_THE_NEWEST)
def test_what_the_newest_client_refuses_to_log_is_told_in_its_own_words(world: World, model: str):
    """Why the train image holds 3.13: from 3.14 on scikit-learn models of other types than its own arrays need a list
    of trusted types, or serialization_format="cloudpickle".
    """
    world.run(NAME)
    python, experiment = environments.python("newest"), f"{world.namespace}-flowers"
    done = world.run_here(world.job(NAME), "run-1", python, SCRIPT, experiment, "name", model)
    assert done.returncode == 1
    status = ended(world, "Failed", 1, done.stderr[-4000:])
    assert status["reason"] == "CommandFailed"
    assert "untrusted types" in status["message"]
