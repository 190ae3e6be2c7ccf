"""A node is drained while a version is rolled out."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.e2e import registry
from tests.e2e.kube import kubectl, poll, run, wait
from tests.e2e.stand import Stand


@contextlib.contextmanager
def drained(node: str) -> Iterator[None]:
    """Also of MLflow and of the operator, where they are on it."""
    try:
        kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s")
        yield
    finally:
        run("uncordon", node)


def nodes_of(stand: Stand, version: str) -> set[str]:
    return {pod["spec"].get("nodeName", "") for pod in stand.pods(version)}


@pytest.fixture
def spread(many: Stand, workers: tuple[str, str]) -> Stand:
    """A pod on each worker, wherever a former drain has left them."""
    serving = many.serving()
    if nodes_of(many, serving) != set(workers):
        many.change(replicas=1)
        poll(lambda: len(many.pods(serving)) == 1, "one pod is left")
        many.change(replicas=2)
        wait(many.resource, "jsonpath={.status.readyReplicas}=2")
    assert nodes_of(many, serving) == set(workers)
    return many


def test_a_drain_in_mid_rollout_costs_no_request_and_the_rollout_goes_on(
    spread: Stand, workers: tuple[str, str]
):
    stays, goes = workers
    with spread.rollout() as (_, after), drained(goes):
        spread.wait_until_complete(after)
        assert nodes_of(spread, after) == {stays}


def test_a_drain_does_not_wait_for_a_version_that_never_gets_ready(spread: Stand, workers: tuple[str, str]):
    stays, goes = workers
    before = spread.serving()
    with spread.load() as load:
        stuck = spread.follow("never-ready")
        poll(lambda: len(spread.pods(stuck)) == 2, "the candidate's pods")
        with drained(goes):
            assert nodes_of(spread, before) == {stays}
            assert spread.read()["status"]["candidate"]["version"] == stuck
        registry.set_alias(spread.model, spread.alias, before)
        spread.wait_until_complete(before)
    assert (load.failures, set(load.first_seen)) == ([], {before})
