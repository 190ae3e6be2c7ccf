"""A HorizontalPodAutoscaler of a ModelDeployment, with the figures of a real metrics-server."""

import json
from collections.abc import Iterator

import pytest

from examples.load import Load
from tests.e2e import stand
from tests.e2e.kube import kubectl, wait
from tests.e2e.stand import BODY, Stand

REQUESTS_A_SECOND = 100
# What so many requests need of a CPU is a multiple of this; what the probes of an idle pod need is less.
CPU = "30m"


@pytest.fixture(scope="module")
def scaled(model: str, workers: tuple[str, str]) -> Iterator[Stand]:
    resources = {"requests": {"cpu": CPU, "memory": "64Mi"}, "limits": {"memory": "1Gi"}}
    autoscaling = {"maxReplicas": 3, "targetCPUUtilizationPercentage": 100}
    made = stand.set_up(
        "e2e-scaled", model, 30080, alias="scaled", resources=resources, autoscaling=autoscaling
    )
    # By default it waits five minutes before it takes a pod away. What others set beside the operator's fields stays.
    at_once = {"spec": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}}
    kubectl("patch", "hpa", made.name, "--type=merge", f"--patch={json.dumps(at_once)}")
    yield made
    kubectl("delete", made.resource)


def test_pods_come_under_load_and_go_afterwards_without_a_failed_request(scaled: Stand):
    wait(f"hpa/{scaled.name}", "condition=ScalingActive")
    with Load(scaled.port, BODY, REQUESTS_A_SECOND) as load:
        wait(scaled.resource, "jsonpath={.status.readyReplicas}=3", seconds=240)
        assert scaled.read()["spec"]["replicas"] == 3
    with scaled.load() as less:
        less.rate = 5
        wait(scaled.resource, "jsonpath={.status.replicas}=1", seconds=240)
    assert load.failures + less.failures == []
