"""Several nodes, on as many as the cluster has: `make test-nodes` runs this on one of three."""

from tests.e2e import registry
from tests.e2e.kube import get, items, kubectl, wait
from tests.e2e.runs import status_of

RUN, FAILING = "e2e-nodes", "e2e-node-fails"


def pods_of(name: str) -> dict[str, str]:
    """The node of each pod, by its rank."""
    return {
        pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]: pod["spec"]["nodeName"]
        for pod in items("pods", f"--selector=modelcycle.dev/trainingrun={name}")
    }


def test_three_pods_meet_by_name_and_train_one_model_that_rank_0_logs(together: None):
    wait(f"trainingrun/{RUN}", "condition=Finished")
    status = status_of(RUN)
    assert (status["phase"], status["attempts"]) == ("Succeeded", 1), status
    assert (status["version"], status["runsTotal"]) == ("1", 1)
    metrics = {metric["name"]: float(metric["value"]) for metric in status["metrics"]}
    # Each had a third of them, and their sum went by the sockets.
    assert metrics["rows"] == 150
    assert metrics["mlogloss"] < 0.1
    tags = registry.ask("GET", "runs/get", run_id=status["runId"])["run"]["data"]["tags"]
    pod = next(tag["value"] for tag in tags if tag["key"] == "modelcycle.pod")
    assert pod.startswith(f"{RUN}-0-")


def test_the_pods_are_on_as_many_nodes_as_there_are(together: None):
    wait(f"trainingrun/{RUN}", "condition=Finished")
    pods, there = pods_of(RUN), len(items("nodes"))
    assert set(pods) == {"0", "1", "2"}
    assert len(set(pods.values())) == min(3, there)


def test_a_pod_that_fails_ends_the_others_and_is_named(together: None):
    wait(f"trainingrun/{FAILING}", "condition=Finished")
    status = status_of(FAILING)
    assert (status["phase"], status["reason"]) == ("Failed", "CommandFailed"), status
    assert status["message"] == "Node 1: The command ended with exit code 3. Its last output:\nno shard 1"
    assert get("job", FAILING)["status"].get("active", 0) == 0


def test_the_service_goes_with_the_run(together: None):
    wait(f"trainingrun/{FAILING}", "condition=Finished")
    kubectl("delete", "trainingrun", FAILING, "--timeout=30s")
    wait(f"service/{FAILING}-nodes", "delete", seconds=60)
