"""Promotion against a real API server and a real MLflow; the tests play the training itself."""

import json
import time
from typing import Any

from tests.integration.audit import audited, writes
from tests.integration.kube import Body, eventually
from tests.integration.world import World, container

BETTER = {"metric": "accuracy", "betterThan": "champion", "higherIsBetter": True}


def train(world: World, name: str, model: str, *rules: Body, **metrics: float) -> int:
    """A run that logs metrics and registers a version, up to the end of its Job; the version's number."""
    promote = {"alias": "champion", "when": list(rules)}
    world.run(name, model={"name": model, "promote": promote})
    job = world.job(name)
    number = log(world, job, f"{name}-pod", model, metrics)
    done = container("train", terminated={"exitCode": 0, "reason": "Completed"})
    world.pod_of(job, f"{name}-pod", phase="Succeeded", containerStatuses=[done])
    world.end_job(name, "Complete")
    return number


def log(world: World, job: Body, pod: str, model: str, metrics: dict[str, float]) -> int:
    """As an MLflow client in the pod does it. Answers the version's number."""
    env = job["spec"]["template"]["spec"]["containers"][0]["env"]
    context = next(v["value"] for v in env if v["name"] == "MLFLOW_RUN_CONTEXT").replace("$(POD_NAME)", pod)
    tags = [{"key": key, "value": value} for key, value in json.loads(context).items()]
    at = int(time.time() * 1000)
    run = world.mlflow.call("POST", "runs/create", {"experiment_id": "0", "tags": tags, "start_time": at})
    run_id = run["run"]["info"]["run_id"]
    for name, value in metrics.items():
        body = {"run_id": run_id, "key": name, "value": value, "timestamp": at, "step": 0}
        world.mlflow.call("POST", "runs/log-metric", body)
    world.mlflow.call("POST", "runs/update", {"run_id": run_id, "status": "FINISHED", "end_time": at})
    return world.mlflow.register(model, run_id)


def verdict(world: World, name: str) -> Body:
    return eventually(lambda: world.condition("TrainingRun", name, "Promoted"), f"{name} is judged")


def champion(world: World, model: str) -> int:
    found = world.mlflow.call("GET", f"registered-models/get?name={model}", None)["registered_model"]
    return int(next(a["version"] for a in found.get("aliases", ()) if a["alias"] == "champion"))


def test_the_first_good_enough_version_is_champion_and_a_worse_one_leaves_it_so(world: World):
    rules = (BETTER, {"metric": "loss", "atMost": 0.5})
    first = train(world, "first", "p-iris", *rules, accuracy=0.967, loss=0.1)
    assert verdict(world, "first")["message"] == (
        "champion is version 1: accuracy is 0.967 and there is no champion yet; loss 0.1 is at most 0.5."
    )
    train(world, "worse", "p-iris", *rules, accuracy=0.947, loss=0.1)
    found = verdict(world, "worse")
    assert (found["status"], found["reason"]) == ("False", "NotBetter")
    assert found["message"] == "accuracy 0.947 is below champion v1's 0.967."
    assert world.condition("TrainingRun", "worse", "Complete")["status"] == "True"
    assert champion(world, "p-iris") == first
    assert world.status("TrainingRun", "worse")["metric"] == "accuracy=0.947"
    eventually(lambda: {"Complete", "NotPromoted"} <= world.events("worse"), "Events say so")


def test_a_better_version_is_promoted_without_a_write_more_and_what_follows_hears_of_it(world: World):
    train(world, "first", "p-wine", BETTER, accuracy=0.9)
    verdict(world, "first")
    world.deployment("web", {"name": "p-wine", "alias": "champion"})
    world.revision("web", 1)
    with audited(world.server) as entries:
        second = train(world, "second", "p-wine", BETTER, accuracy=0.95)
        assert verdict(world, "second")["reason"] == "Promoted"
        mine = [e for e in entries() if e["objectRef"].get("name") in ("second", None)]
    assert champion(world, "p-wine") == second
    assert writes(mine).count("update trainingruns/status") == 1
    world.revision("web", second)


def test_a_loss_is_better_where_it_is_smaller(world: World):
    smaller = {"metric": "loss", "betterThan": "champion", "higherIsBetter": False}
    train(world, "first", "p-loss", smaller, loss=0.2)
    verdict(world, "first")
    train(world, "second", "p-loss", smaller, loss=0.1)
    assert (
        verdict(world, "second")["message"] == "champion is version 2: loss 0.1 is below champion v1's 0.2."
    )


def test_a_metric_that_was_not_logged_or_is_no_number_is_a_reason(world: World):
    train(world, "without", "p-none", BETTER, f1=0.9)
    assert verdict(world, "without")["message"] == "the run logged no 'accuracy': it logged f1."
    nan: Any = "NaN"
    train(world, "nan", "p-none", BETTER, accuracy=nan)
    found = verdict(world, "nan")
    assert (found["status"], found["message"]) == ("False", "accuracy is NaN.")


def test_a_champion_that_was_registered_without_the_metric_is_a_reason(world: World):
    number = world.mlflow.register("p-bare")
    world.mlflow.point("p-bare", "champion", number)
    train(world, "run", "p-bare", BETTER, accuracy=0.99)
    found = verdict(world, "run")
    assert found["reason"] == "ChampionNotComparable"
    assert "the run of champion v1 logged no 'accuracy'" in found["message"]
    assert champion(world, "p-bare") == number


def test_runs_that_end_together_leave_the_best_one(world: World):
    figures = {"a": 0.91, "b": 0.97, "c": 0.93, "d": 0.96}
    for name, figure in figures.items():
        train(world, name, "p-race", BETTER, accuracy=figure)
    assert [verdict(world, name)["status"] for name in figures][1] == "True"
    assert champion(world, "p-race") == 2


def test_a_run_that_ends_while_the_registry_is_down_is_promoted_when_it_is_back(
    world: World, registry_down: Any
):
    world.run("run", model={"name": "p-down", "promote": {"alias": "champion"}})
    job = world.job("run")
    log(world, job, "run-pod", "p-down", {"accuracy": 0.9})
    registry_down()
    world.end_job("run", "Complete")
    eventually(
        lambda: world.status("TrainingRun", "run").get("reason") == "CollectingResults", "it waits for MLflow"
    )
    world.mlflow.start()
    assert verdict(world, "run")["message"] == "champion is version 1."
    assert champion(world, "p-down") == 1
