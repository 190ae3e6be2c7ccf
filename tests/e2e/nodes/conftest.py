"""What the tests on several nodes share: the workers, and a model that is served by two pods."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e import stand
from tests.e2e.kube import items, kubectl
from tests.e2e.stand import Stand

# The scheduler gives it to one pod at a time, as a GPU.
PLACE = "modelcycle.dev/place"


@pytest.fixture(scope="session")
def workers(installation: None) -> tuple[str, str]:
    """Two nodes that take pods. The first one has the one PLACE, and stays; the second one may be drained."""
    found = [
        node["metadata"]["name"]
        for node in items("nodes", "--selector=!node-role.kubernetes.io/control-plane")
    ]
    if len(found) < 2:
        pytest.fail("These tests need two workers: run `make test-nodes`.", pytrace=False)
    place = [{"op": "add", "path": f"/status/capacity/{PLACE.replace('/', '~1')}", "value": "1"}]
    kubectl("patch", "node", found[0], "--subresource=status", "--type=json", f"--patch={json.dumps(place)}")
    kubectl("uncordon", *found)  # a run that was cut short can have left one drained
    return found[0], found[1]


@pytest.fixture(scope="session")
def two_pods(model: str, workers: tuple[str, str]) -> Stand:
    return stand.set_up("e2e-two", model, 30083, alias="two", replicas=2)


@pytest.fixture
def many(two_pods: Stand) -> Iterator[Stand]:
    """Served by two pods; whatever a test asks of the rollout is taken back."""
    yield two_pods
    two_pods.change(replicas=2, promotion=None, strategy=None)
