"""A node is drained while a version is rolled out."""

import contextlib
from collections.abc import Iterator

from tests.e2e.kube import kubectl, run
from tests.e2e.stand import Stand


@contextlib.contextmanager
def drained(node: str) -> Iterator[None]:
    """Also of MLflow and of the operator, where they are on it."""
    try:
        kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=240s")
        yield
    finally:
        run("uncordon", node)


def nodes_of(stand: Stand, version: str) -> set[str]:
    return {pod["spec"].get("nodeName", "") for pod in stand.pods(version)}


def test_a_drain_in_mid_rollout_costs_no_request_and_the_rollout_goes_on(
    many: Stand, workers: tuple[str, str]
):
    stays, goes = workers
    assert nodes_of(many, many.serving()) == {stays, goes}
    with many.rollout() as (_, after), drained(goes):
        many.wait_until_complete(after)
        assert nodes_of(many, after) == {stays}
