"""Pods are added and taken while a version is rolled out, and all of them go and come back."""

from tests.e2e.kube import condition, kubectl, poll, wait
from tests.e2e.stand import Stand


def scale(stand: Stand, replicas: int) -> None:
    kubectl("scale", stand.resource, f"--replicas={replicas}")


def test_pods_that_are_added_during_a_rollout_are_there_in_both_versions_and_then_in_one(many: Stand):
    with many.rollout() as (before, _):
        scale(many, 3)
        poll(lambda: len(many.pods(before)) == 3, "three pods of what serves")
    assert many.read()["status"]["readyReplicas"] == 3
    with many.load() as load:
        scale(many, 1)
        poll(lambda: len(many.pods(many.serving())) == 1, "one pod is left")
        wait(many.resource, "jsonpath={.status.readyReplicas}=1")
    assert load.failures == []


def test_at_no_replicas_no_version_starts_and_afterwards_the_followed_one_does(many: Stand):
    before = many.serving()
    scale(many, 0)
    wait(many.resource, "condition=Ready=False")
    assert condition(many.read(), "Ready")["reason"] == "ScaledToZero"
    followed = many.follow_the_other_good_one()
    wait(many.resource, "jsonpath={.status.reason}=ScaledToZero")
    assert list(many.deployments()) == [before]
    scale(many, 2)
    many.wait_until_complete(followed)
    assert many.read()["status"]["readyReplicas"] == 2
