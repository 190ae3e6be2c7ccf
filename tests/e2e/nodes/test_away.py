"""The operator dies, or MLflow is away, while a version is rolled out."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.e2e.kube import MLFLOW, condition, kill_the_operator, kubectl, wait
from tests.e2e.stand import Stand


def test_an_operator_that_dies_before_and_after_the_switch_leaves_one_rollout(many: Stand):
    with many.rollout() as (before, after):
        kill_the_operator()
        begun = many.deployments()[after]
        wait(many.resource, "jsonpath={.status.candidate.step}=Settling")
        kill_the_operator()
    (left,) = many.deployments().values()
    assert (left["metadata"]["uid"], left["metadata"]["generation"]) == (begun["metadata"]["uid"], 1)
    past = [one["version"] for one in many.read()["status"]["history"]]
    assert past[0] == before
    assert after not in past[:1]
    assert sum(f"Version {after} answers" in told for told in many.told("TrafficSwitched")) == 1


@contextlib.contextmanager
def without_mlflow() -> Iterator[None]:
    kubectl("scale", MLFLOW, "--replicas=0")
    try:
        yield
    finally:
        kubectl("scale", MLFLOW, "--replicas=1")
        kubectl("rollout", "status", MLFLOW, "--timeout=120s")


@pytest.mark.parametrize("operator_dies", [False, True], ids=["", "and the operator starts anew"])
def test_a_rollout_goes_on_while_mlflow_is_away_and_ends_when_it_is_back(many: Stand, operator_dies: bool):
    with many.rollout() as (_, after):
        with without_mlflow():
            if operator_dies:
                kill_the_operator()
            wait(many.resource, f"jsonpath={{.status.serving.version}}={after}")
            # One lost answer is no outage: a rollout can be over before it is said.
            wait(many.resource, "condition=RegistryReachable=False")
            away = condition(many.read(), "RegistryReachable")
        wait(many.resource, "condition=RegistryReachable=True")
    assert (away["status"], away["reason"]) == ("False", "RegistryUnreachable")
