"""A TrainingSweep against a real API server and a real MLflow; the tests play the training itself."""

import json
from typing import Any

import pytest
import yaml

from tests.integration.apiserver import ROOT
from tests.integration.kube import Body, eventually
from tests.integration.test_promotion import champion, log
from tests.integration.world import World, container

NAME = "tune"
BETTER = {"metric": "accuracy", "betterThan": "champion", "higherIsBetter": True}


def sweep(world: World, model: str = "", values: tuple[str, ...] = ("1", "2", "3"), **spec: Any) -> None:
    promoted = {"model": {"name": model, "promote": {"alias": "champion", "when": [BETTER]}}} if model else {}
    given = {
        "params": {"C": {"values": list(values)}},
        "objective": {"metric": "accuracy", "higherIsBetter": True},
        "template": {"spec": {"args": ["--C", "$(PARAM_C)"], "params": {"seed": "7"}, **promoted}},
    }
    world.apply("TrainingSweep", NAME, {**given, **spec})


def run_ends(world: World, index: int, model: str = "", outcome: str = "Complete", **metrics: float) -> None:
    """Plays a run from its Job on: what it logs and registers, and how it ends."""
    name = f"{NAME}-{index}"
    job = world.job(name)
    if metrics:
        log(world, job, f"{name}-pod", model, metrics)
    code = 0 if outcome == "Complete" else 1
    ended = container("train", terminated={"exitCode": code, "reason": "Error" if code else "Completed"})
    world.pod_of(job, f"{name}-pod", phase="Failed" if code else "Succeeded", containerStatuses=[ended])
    world.end_job(name, outcome)


def status(world: World, **wanted: Any) -> Body:
    """The sweep's status, once it is as wanted."""

    def look() -> Body | None:
        found = world.status("TrainingSweep", NAME)
        return found if {name: found.get(name) for name in wanted} == wanted else None

    return eventually(look, str(wanted))


def runs(world: World) -> list[str]:
    return sorted(run["metadata"]["name"] for run in world.kube.list("TrainingRun", world.namespace))


def test_a_sweep_runs_every_point_and_promotes_the_best_version_alone(world: World):
    sweep(world, "s-iris", parallelism=2)
    status(world, phase="Running", total=3, active=2)
    run = world.get("TrainingRun", f"{NAME}-1")
    assert run["spec"]["params"] == {"C": "2", "seed": "7"}
    assert (run["spec"]["model"], run["spec"]["args"]) == ({"name": "s-iris"}, ["--C", "$(PARAM_C)"])
    assert runs(world) == [f"{NAME}-0", f"{NAME}-1"]
    run_ends(world, 0, "s-iris", accuracy=0.9)
    assert status(world, succeeded=1, active=2)["best"]["run"] == f"{NAME}-0"
    run_ends(world, 1, "s-iris", accuracy=0.95)
    run_ends(world, 2, "s-iris", accuracy=0.8)
    found = status(world, phase="Succeeded")
    best = found["best"]
    assert (best["run"], best["params"], best["metric"]) == (f"{NAME}-1", {"C": "2"}, "accuracy=0.95")
    assert best["runId"] == world.status("TrainingRun", f"{NAME}-1")["runId"]
    promoted = world.condition("TrainingSweep", NAME, "Promoted")
    assert promoted["status"] == "True"
    assert "accuracy is 0.95 and there is no champion yet" in promoted["message"]
    assert champion(world, "s-iris") == int(best["version"])
    assert not any(world.condition("TrainingRun", name, "Promoted") for name in runs(world))
    table = world.kubectl("get", "tsweep").stdout.splitlines()
    assert table[0].split() == [
        "NAME",
        "STATUS",
        "TOTAL",
        "ACTIVE",
        "SUCCEEDED",
        "FAILED",
        "BEST",
        "METRIC",
        "AGE",
    ]
    assert table[1].split()[:8] == [NAME, "Succeeded", "3", "0", "3", "0", f"{NAME}-1", "accuracy=0.95"]


def test_a_sweep_whose_goal_is_reached_stops_what_runs_and_starts_nothing(world: World):
    sweep(world, parallelism=2, objective={"metric": "accuracy", "higherIsBetter": True, "goal": 0.9})
    world.job(f"{NAME}-1")
    run_ends(world, 0, "s-goal", accuracy=0.91)
    found = status(world, phase="Succeeded", reason="GoalReached")
    assert (found["total"], found["succeeded"], found["active"]) == (3, 1, 0)
    assert world.condition("TrainingSweep", NAME, "SuccessCriteriaMet")["status"] == "True"
    assert runs(world) == [f"{NAME}-0"]


def test_a_sweep_with_too_many_failed_runs_has_failed_and_names_one(world: World):
    sweep(world, maxFailed=0)
    run_ends(world, 0, outcome="Failed")
    found = status(world, phase="Failed", reason="MaxFailedExceeded")
    assert (
        "1 runs failed, more than spec.maxFailed (0). tune-0: The command ended with exit code 1."
        in found["message"]
    )
    assert runs(world) == [f"{NAME}-0"]


def test_a_suspended_sweep_starts_nothing_until_it_is_resumed(world: World):
    sweep(world, suspend=True)
    status(world, phase="Suspended")
    assert runs(world) == []
    world.kube.patch("TrainingSweep", world.namespace, NAME, {"spec": {"suspend": False}})
    world.job(f"{NAME}-0")
    assert status(world, phase="Running")["active"] == 1
    assert world.condition("TrainingSweep", NAME, "Suspended")["status"] == "False"


def test_a_grid_of_more_than_a_thousand_points_fails_with_the_cure(world: World):
    values = {"values": [str(n) for n in range(40)]}
    sweep(world, params={"a": values, "b": values})
    found = status(world, phase="Failed", reason="TooManyRuns")
    assert "The grid has 1600 points, and a sweep at most 1000 runs" in found["message"]
    assert runs(world) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"params": {}}, "should have at least 1 properties"),
        ({"params": {"C": {"values": []}}}, "should have at least 1 items"),
        ({"params": {"C": {}}}, "either values, or min and max"),
        ({"params": {"C": {"min": 1}}}, "either values, or min and max"),
        ({"params": {"C": {"values": ["1"], "min": 1, "max": 2}}}, "either values, or min and max"),
        ({"params": {"C": {"min": 2, "max": 1}}}, "min is above max"),
        ({"params": {"C": {"min": 0, "max": 1, "scale": "Log"}}}, "only numbers above 0 have a logarithm"),
        ({"params": {"C": {"values": ["1"], "scale": "Log"}}}, "scale and integer go with min and max"),
        ({"params": {"max-iter": {"values": ["1"]}}}, "a part of an environment variable's"),
        ({"params": {"C": {"min": 1, "max": 2}}, "search": {"type": "Grid"}}, "a grid is made of values"),
        ({"params": {"C": {"min": 1, "max": 2}}, "search": None}, "a grid is made of values"),
        ({"search": {"type": "Random"}}, "maxRuns goes with type Random"),
        ({"search": {"type": "Grid", "maxRuns": 3}}, "maxRuns goes with type Random"),
        ({"search": {"type": "Random", "maxRuns": 1001}}, "should be less than or equal to 1000"),
        ({"parallelism": 0}, "should be greater than or equal to 1"),
        ({"objective": {"metric": "accuracy"}}, "higherIsBetter: Required value"),
        ({"template": {"spec": {"params": {"a-b": "1"}}}}, "a part of an environment variable's"),
        ({"template": {"spec": {"ttlSecondsAfterFinished": 60}}}, "a sweep's runs stay"),
        ({"template": {"spec": {"suspend": True}}}, "suspend the sweep, and not its runs"),
    ],
    ids=str,
)
def test_wrong_input_is_refused_with_a_sentence(world: World, change: Body, words: str):
    good: Body = {
        "params": {"C": {"min": 1, "max": 2}},
        "search": {"type": "Random", "maxRuns": 3},
        "objective": {"metric": "accuracy", "higherIsBetter": True},
        "template": {"spec": {}},
    }
    body = {
        "apiVersion": "modelcycle.dev/v1alpha1",
        "kind": "TrainingSweep",
        "metadata": {"name": NAME},
        "spec": {name: value for name, value in {**good, **change}.items() if value is not None},
    }
    refused = world.kubectl("create", "-f", "-", body=yaml.safe_dump(body), check=False)
    assert refused.returncode == 1
    assert words in refused.stderr


def test_what_is_tried_cannot_be_changed_and_how_it_is_carried_out_can(world: World):
    sweep(world, suspend=True)
    for change in (
        {"params": {"C": {"values": ["9"]}}},
        {"objective": {"goal": 1}},
        {"template": {"spec": {"args": ["x"]}}},
    ):
        patch = json.dumps({"spec": change})
        refused = world.kubectl("patch", "tsweep", NAME, "--type=merge", "-p", patch, check=False)
        assert "what is tried is immutable: create a TrainingSweep with another name" in refused.stderr
    patch = json.dumps({"spec": {"parallelism": 3, "maxFailed": 2}})
    assert world.kubectl("patch", "tsweep", NAME, "--type=merge", "-p", patch).returncode == 0


def test_the_example_is_one_that_the_api_server_takes(world: World):
    world.kubectl("create", "-f", str(ROOT / "examples/iris-source.yaml"))
    text = (ROOT / "examples/sweeps/iris.yaml").read_text()
    assert world.kubectl("create", "-f", "-", body=text).returncode == 0
    world.job("iris-sweep-1")
