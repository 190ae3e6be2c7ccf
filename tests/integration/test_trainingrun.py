"""The life of a TrainingRun against a real API server and a real MLflow."""

from collections.abc import Callable

import pytest

from tests.integration.apiserver import ROOT
from tests.integration.audit import audited, writes
from tests.integration.kube import Body, eventually
from tests.integration.world import World, container

NAME = "run"


def phase(world: World, wanted: str) -> Body:
    """The status, once it has the phase."""

    def look() -> Body | None:
        status = world.status("TrainingRun", NAME)
        return status if status.get("phase") == wanted else None

    return eventually(look, f"phase {wanted}")


def reason(world: World, wanted: str) -> Body:
    """The status, once it gives the reason."""

    def look() -> Body | None:
        status = world.status("TrainingRun", NAME)
        return status if status.get("reason") == wanted else None

    return eventually(look, f"reason {wanted}")


def failed_pod(world: World, exit_code: int, message: str, why: str = "Error") -> None:
    terminated = {"exitCode": exit_code, "reason": why, "message": message}
    world.pod_of(
        world.job(NAME),
        "run-1",
        phase="Failed",
        containerStatuses=[container("train", terminated=terminated)],
    )
    world.end_job(NAME, "Failed", "BackoffLimitExceeded")


def test_an_ordinary_script_ends_as_succeeded_with_its_version_and_metric_in_three_writes(world: World):
    with audited(world.server) as entries:
        world.run(NAME, experiment="iris", params={"C": "1"}, tags={"team": "a"}, model={"name": "it-iris"})
        job = world.job(NAME)
        world.pod_of(job, "run-1", phase="Running", containerStatuses=[container("train", running={})])
        status = phase(world, "Running")
        assert status["jobUID"] == job["metadata"]["uid"]

        script = ROOT / "examples/iris/train.py"
        job["spec"]["template"]["spec"]["containers"][0]["env"].append(
            {"name": "MODEL_NAME", "value": "it-iris"}
        )
        world.train_here(job, "run-1", script)
        done = container("train", terminated={"exitCode": 0, "reason": "Completed"})
        world.pod_status("run-1", phase="Succeeded", containerStatuses=[done])
        world.end_job(NAME, "Complete")
        status = phase(world, "Succeeded")
        mine = [e for e in entries() if e["objectRef"].get("namespace") == world.namespace]

    assert status["version"] == "1"
    assert status["metric"].startswith("accuracy=0.9")
    assert {metric["name"] for metric in status["metrics"]} >= {"accuracy", "f1"}
    assert status["runs"][0]["runId"] == status["runId"]
    for kind in ("Complete", "Finished", "ModelRegistered"):
        assert world.condition("TrainingRun", NAME, kind)["status"] == "True"
    assert writes(mine) == ["create jobs", "update trainingruns/status", "update trainingruns/status"]
    run = world.mlflow.call(
        "POST", "runs/search", {"experiment_ids": _experiments(world), "filter": "tags.team='a'"}
    )
    tags = {tag["key"]: tag["value"] for tag in run["runs"][0]["data"]["tags"]}
    assert tags["modelcycle.pod"] == "run-1"
    assert tags["C"] == "1"


def _experiments(world: World) -> list[str]:
    found = world.mlflow.call("POST", "experiments/search", {"max_results": 100})
    return [experiment["experiment_id"] for experiment in found["experiments"]]


def test_a_command_that_exits_1_is_failed_with_its_exit_code_and_the_end_of_its_log(world: World):
    world.run(NAME)
    failed_pod(world, 1, "Traceback\nValueError: no such column")
    status = phase(world, "Failed")
    assert status["reason"] == "CommandFailed"
    assert "exit code 1" in status["message"]
    assert "ValueError: no such column" in status["message"]
    assert world.condition("TrainingRun", NAME, "Finished")["status"] == "True"
    eventually(lambda: "CommandFailed" in world.events(NAME), "an Event says so")


def test_a_command_that_is_killed_for_memory_says_which_field_to_raise(world: World):
    world.run(NAME)
    failed_pod(world, 137, "", "OOMKilled")
    status = phase(world, "Failed")
    assert status["reason"] == "OutOfMemory"
    assert "spec.resources.limits.memory" in status["message"]


@pytest.mark.parametrize(
    ("pod", "wanted", "words"),
    [
        (
            {
                "containerStatuses": [
                    container("train", waiting={"reason": "ImagePullBackOff", "message": "no such image"})
                ]
            },
            "ImagePullFailed",
            "no such image",
        ),
        (
            {
                "conditions": [
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available: 3 Insufficient cpu.",
                    }
                ]
            },
            "Unschedulable",
            "3 Insufficient cpu",
        ),
    ],
    ids=["an image that cannot be pulled", "a pod that never schedules"],
)
def test_a_pod_that_does_not_start_is_pending_with_the_clusters_own_words(
    world: World, pod: Body, wanted: str, words: str
):
    world.run(NAME)
    world.pod_of(world.job(NAME), "run-1", phase="Pending", **pod)
    status = reason(world, wanted)
    assert status["phase"] == "Pending"
    assert words in status["message"]


def test_a_run_whose_claim_is_missing_says_so_and_starts_when_it_is_there(bare: World):
    bare.run(NAME)
    status = reason(bare, "ClaimNotFound")
    assert "PersistentVolumeClaim 'mlruns'" in status["message"]
    assert not bare.kube.list("Job", bare.namespace)
    bare.claim()
    assert bare.job(NAME)


def test_a_job_of_somebody_else_with_the_same_name_is_left_alone(world: World):
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": NAME},
        "spec": {"template": {"spec": pod}},
    }
    before = world.kube.create(job, world.namespace)
    world.run(NAME)
    status = reason(world, "NameTaken")
    assert "somebody else's" in status["message"]
    assert world.get("Job", NAME)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_a_run_whose_job_is_deleted_has_failed_and_never_starts_again(world: World):
    world.run(NAME)
    world.pod_of(
        world.job(NAME), "run-1", phase="Running", containerStatuses=[container("train", running={})]
    )
    phase(world, "Running")
    world.kube.delete("Job", world.namespace, NAME)
    assert phase(world, "Failed")["reason"] == "JobDeleted"
    assert not world.kube.list("Job", world.namespace)


def test_a_run_that_is_over_has_no_job_that_goes_on(world: World):
    world.run(NAME)
    world.job(NAME)
    over = {
        "type": "Finished",
        "status": "True",
        "reason": "Failed",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    world.kube.patch_status("Job", world.namespace, NAME, {"startTime": "2026-01-01T00:00:00Z", "active": 1})
    world.kube.patch_status("TrainingRun", world.namespace, NAME, {"phase": "Failed", "conditions": [over]})
    eventually(lambda: not world.kube.list("Job", world.namespace), "the Job is stopped")


def test_a_job_that_kubernetes_refuses_fails_the_run_with_the_api_servers_words(world: World):
    world.run(NAME, resources={"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}})
    status = phase(world, "Failed")
    assert status["reason"] == "JobRefused"
    assert "must be less than or equal to memory limit" in status["message"]


def test_a_run_that_ends_while_the_registry_is_down_is_judged_when_it_is_back(
    world: World, registry_down: Callable[[], None]
):
    world.run(NAME)
    world.job(NAME)
    registry_down()
    world.end_job(NAME, "Complete")
    status = reason(world, "CollectingResults")
    assert status["phase"] == "Running"
    assert "does not answer" in status["message"]
    world.mlflow.start()
    assert phase(world, "Succeeded")["runsTotal"] == 0


def test_runs_that_start_together_find_their_new_experiment(world: World, registry_down: Callable[[], None]):
    registry_down()
    for name in ("one", "two"):
        world.run(name, experiment=f"{world.namespace}-together")

    def why() -> list[str]:
        return [world.status("TrainingRun", name).get("reason", "") for name in ("one", "two")]

    eventually(lambda: why() == ["RegistryUnreachable"] * 2, "both wait for the registry")
    assert world.kube.list("Job", world.namespace) == []
    world.mlflow.start()
    for name in ("one", "two"):
        world.job(name)
    found = world.mlflow.call("POST", "experiments/search", {"max_results": 100})
    assert [e["name"] for e in found["experiments"]].count(f"{world.namespace}-together") == 1


def test_a_finished_run_and_a_restarted_operator_write_nothing(world: World):
    world.run(NAME)
    world.job(NAME)
    world.end_job(NAME, "Complete")
    phase(world, "Succeeded")
    world.operator.stop()
    with audited(world.server) as entries:
        world.operator.start()
        # The next run's outcome shows that all that was there before has been looked at.
        world.run("another")
        world.job("another")
        world.end_job("another", "Complete")
        eventually(
            lambda: world.status("TrainingRun", "another")["phase"] == "Succeeded", "the other run ends"
        )
        others = [e for e in entries() if e["objectRef"].get("name") not in ("another", None)]
        assert writes(others) == []
