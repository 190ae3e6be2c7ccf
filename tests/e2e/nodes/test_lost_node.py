"""A node is lost while a version is rolled out: nobody drained it, and it stops from one moment to the next."""

import contextlib
import os
import subprocess
from collections.abc import Iterator

import pytest

from cluster import kind, state
from tests.e2e import stand
from tests.e2e.kube import MLFLOW, OPERATOR, kubectl, poll, wait
from tests.e2e.nodes.test_drain import drained, nodes_of
from tests.e2e.stand import Stand

# The node is found lost after 50 s (kube-controller-manager's --node-monitor-grace-period); by default its pods would
# then be given five minutes to come back.
SOON = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
TOLERATIONS = [{"key": f"node.kubernetes.io/{what}", **SOON} for what in ("unreachable", "not-ready")]


def engine(*words: str) -> None:
    made = state.made()
    assert made
    env = {**os.environ, **kind.environment(made)}
    subprocess.run([made.engine, *words], env=env, check=True, capture_output=True)


@contextlib.contextmanager
def lost(node: str) -> Iterator[None]:
    """Every process of the node stands still, the kubelet's as the pods'."""
    engine("pause", node)
    try:
        yield
    finally:
        engine("unpause", node)
        wait(f"node/{node}", "condition=Ready")


@pytest.fixture(scope="module")
def two_places(model: str, workers: tuple[str, str]) -> Iterator[Stand]:
    """A pod on each of two workers, and none of the operator's or MLflow's on the one that will be lost."""
    stays, goes = workers
    with drained(goes):
        for deployment in (OPERATOR, MLFLOW):
            kubectl("rollout", "status", deployment, "--timeout=120s")
    template = {"spec": {"tolerations": TOLERATIONS}}
    made = stand.set_up("e2e-lost", model, 30080, alias="lost", replicas=2, podTemplate=template)
    assert nodes_of(made, made.serving()) == {stays, goes}
    yield made
    kubectl("delete", made.resource)


def test_a_node_that_is_lost_in_mid_rollout_does_not_keep_the_new_version_from_taking_over(
    two_places: Stand, workers: tuple[str, str]
):
    stays, goes = workers
    before, after = two_places.serving(), two_places.follow_the_other_good_one()
    poll(lambda: len(two_places.pods(after)) == 2, "the candidate's pods")
    with lost(goes):
        wait(f"node/{goes}", "condition=Ready=Unknown")
        # Until then the cluster's own network leads a part of the requests to the lost node.
        poll(
            lambda: all(stand.is_ready(two_places.port) for _ in range(20)),
            "no request goes to the lost node",
        )
        with two_places.load() as load:
            wait(two_places.resource, f"jsonpath={{.status.serving.version}}={after}")
            wait(two_places.resource, "jsonpath={.status.reason}=RolloutComplete")
        assert nodes_of(two_places, after) == {stays}
    assert load.failures == []
    assert set(load.first_seen) <= {before, after}
    assert two_places.read()["status"].get("rejected", []) == []
