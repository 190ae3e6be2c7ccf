"""What came out of a run: its MLflow runs, its metric, its logs; against a real API server and a real MLflow."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import kubelet
from tests.integration.kube import Body, Kube, eventually
from tests.integration.kubelet import NODE, Kubelet
from tests.integration.world import World, container

NAME = "run"
SEARCH = Path(__file__).parent / "search.py"
MEBIBYTE = 2**20
DONE = {"exitCode": 0, "reason": "Completed"}
BROKEN = {"exitCode": 1, "reason": "Error"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, kube: Kube) -> Iterator[Kubelet]:
    with kubelet.running(tmp_path_factory.mktemp("kubelet"), kube) as running:
        yield running


def tags_of(job: Body, pod: str) -> dict[str, str]:
    """What MLflow's client reads in the pod."""
    (train,) = job["spec"]["template"]["spec"]["containers"]
    context = next(v["value"] for v in train["env"] if v["name"] == "MLFLOW_RUN_CONTEXT")
    found: dict[str, str] = json.loads(context.replace("$(POD_NAME)", pod))
    return found


def pod_has_ended(world: World, job: Body, name: str, terminated: Body) -> None:
    """A pod on the node whose kubelet has its log."""
    template = job["spec"]["template"]["spec"] | {"nodeName": NODE}
    on_node = {**job, "spec": {**job["spec"], "template": {**job["spec"]["template"], "spec": template}}}
    phase = "Failed" if terminated["exitCode"] else "Succeeded"
    statuses = [container("train", terminated=terminated)]
    world.pod_of(on_node, name, phase=phase, containerStatuses=statuses)


def over(world: World) -> Body:
    """The status, once the run is finished."""
    eventually(lambda: world.condition("TrainingRun", NAME, "Finished"), "the run is finished")
    return world.status("TrainingRun", NAME)


def test_every_attempts_log_is_an_artifact_of_the_main_run_cut_to_its_last_ten_mebibytes(
    world: World, node: Kubelet
):
    long = b"".join(b"epoch %07d\n" % n for n in range(12 * MEBIBYTE // 14))
    node.logs = {"run-1": b"no such column\n", "run-2": long}
    world.run(NAME, backoffLimit=1, objective={"metric": "recall"})
    job = world.job(NAME)
    world.mlflow.begin_run(tags_of(job, "run-1"), recall=0.1)
    main = world.mlflow.begin_run(tags_of(job, "run-2"), accuracy=0.9, recall=0.8)
    pod_has_ended(world, job, "run-1", BROKEN)
    pod_has_ended(world, job, "run-2", DONE)
    world.end_job(NAME, "Complete")
    status = over(world)

    assert (status["runId"], status["metric"]) == (main, "recall=0.8")
    assert status["runURL"] == f"https://mlflow.example.org/#/experiments/0/runs/{main}"
    assert world.condition("TrainingRun", NAME, "LogStored")["status"] == "True"
    assert world.mlflow.artifact(main, "logs/run-1.log") == b"no such column\n"
    assert world.mlflow.artifact(main, "logs/run-2.log") == long[-10 * MEBIBYTE :]
    assert [(run["runId"] == main, run["status"]) for run in status["runs"]] == [
        (False, "FAILED"),
        (True, "FINISHED"),
    ]
    assert world.mlflow.run_status(main) == "FINISHED"


def test_a_log_that_cannot_be_had_holds_nothing_up_and_a_condition_says_so(world: World, node: Kubelet):
    node.logs = {}
    world.run(NAME)
    job = world.job(NAME)
    main = world.mlflow.begin_run(tags_of(job, "run-1"))
    pod_has_ended(world, job, "run-1", BROKEN)
    ended = "2026-01-01T00:00:00Z"  # so long ago that nothing is waited for
    failed = {"status": "True", "lastTransitionTime": ended, "reason": "BackoffLimitExceeded", "message": ""}
    conditions = [{**failed, "type": "FailureTarget"}, {**failed, "type": "Failed"}]
    world.kube.patch_status(
        "Job", world.namespace, NAME, {"startTime": ended, "failed": 1, "conditions": conditions}
    )
    status = over(world)
    stored = world.condition("TrainingRun", NAME, "LogStored")
    assert (stored["status"], stored["reason"]) == ("False", "NotStored")
    assert "The log of pod run-1 was not kept" in stored["message"]
    assert (status["phase"], status["runId"], world.mlflow.run_status(main)) == ("Failed", main, "FAILED")


def test_a_deleted_jobs_runs_are_closed_as_killed_with_the_outcome(world: World):
    world.run(NAME)
    job = world.job(NAME)
    left = world.mlflow.begin_run(tags_of(job, "run-1"))
    world.pod_of(job, "run-1", phase="Running", containerStatuses=[container("train", running={})])
    eventually(lambda: world.status("TrainingRun", NAME)["jobUID"], "the Job is recorded")
    world.kube.delete("Job", world.namespace, NAME)
    status = over(world)
    assert status["reason"] == "JobDeleted"
    assert [(run["runId"], run["status"]) for run in status["runs"]] == [(left, "KILLED")]
    assert world.mlflow.run_status(left) == "KILLED"


def test_all_runs_of_a_script_are_found_also_the_nested_ones_and_those_that_autolog_starts(world: World):
    world.run(NAME, objective={"metric": "accuracy"})
    job = world.job(NAME)
    world.train_here(job, "run-1", SEARCH)
    world.pod_of(job, "run-1", phase="Succeeded", containerStatuses=[container("train", terminated=DONE)])
    world.end_job(NAME, "Complete")
    status = over(world)
    names = [run["name"] for run in status["runs"]]
    assert {"search", "nested", "last"} <= set(names)
    assert status["runsTotal"] == len(names) == 5, "two candidates of the grid"
    assert {run["status"] for run in status["runs"]} == {"FINISHED"}
    main = next(run for run in status["runs"] if run["runId"] == status["runId"])
    assert (main["name"], status["metric"]) == ("last", "accuracy=0.9")
