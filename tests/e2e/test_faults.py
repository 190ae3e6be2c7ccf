"""What serves goes on serving while the operator or MLflow is away, and what was begun is ended afterwards."""

from collections.abc import Iterator

import pytest

from tests.e2e.kube import MLFLOW, OPERATOR, condition, items, kill_the_operator, kubectl, poll, run, wait
from tests.e2e.stand import Stand

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


def test_a_rollout_whose_operator_dies_before_the_switch_is_completed_by_the_next_one(serving: Stand):
    before = serving.serving()
    with serving.load() as load:
        after = serving.follow_the_other_good_one()
        begun = poll(lambda: serving.deployments().get(after), "the candidate's Deployment")
        kill_the_operator()
        selector = kubectl("get", "service", serving.name, "--output=jsonpath={.spec.selector}")
        serving.wait_until_complete(after)
    # Otherwise the operator's death came too late for this test to show anything.
    assert f'"modelcycle.dev/revision":"v{before}-' in selector
    assert load.failures == []
    assert set(load.first_seen) == {before, after}
    left = serving.deployments()
    assert list(left) == [after]
    assert left[after]["metadata"]["uid"] == begun["metadata"]["uid"]
    assert left[after]["metadata"]["generation"] == 1
    kubectl("rollout", "status", OPERATOR, "--timeout=60s")


@pytest.fixture
def without_mlflow(serving: Stand) -> Iterator[None]:
    kubectl("scale", MLFLOW, "--replicas=0")
    yield
    kubectl("scale", MLFLOW, "--replicas=1")
    kubectl("rollout", "status", MLFLOW, "--timeout=120s")


@pytest.mark.usefixtures("without_mlflow")
def test_while_mlflow_is_away_what_serves_answers_and_status_says_so_until_it_is_back(serving: Stand):
    with serving.load() as load:
        wait(serving.resource, "condition=RegistryReachable=False")
        away = serving.read()
        kubectl("scale", MLFLOW, "--replicas=1")
        wait(serving.resource, "condition=RegistryReachable=True")
    assert "does not answer" in condition(away, "RegistryReachable")["message"]
    assert condition(away, "Ready")["status"] == "True"
    assert load.failures == []
    assert set(load.first_seen) == {serving.serving()}
    assert list(serving.deployments()) == [serving.serving()]


def test_every_pod_that_there_is_fits_the_restricted_pod_security_standard(serving: Stand):
    kinds = {one for pod in items("pods") for one in pod["metadata"]["labels"]}
    assert kinds >= {
        "modelcycle.dev/trainingrun",
        "modelcycle.dev/modeldeployment",
        "app.kubernetes.io/component",
    }
    # The API server answers with a line for each pod that the level would not admit.
    asked = run("label", "--dry-run=server", "namespace", "default", RESTRICTED)
    assert (asked.returncode, asked.stderr) == (0, "")
    control = run("label", "--dry-run=server", "namespace", "kube-system", RESTRICTED)
    assert "violate the new PodSecurity enforce level" in control.stderr
