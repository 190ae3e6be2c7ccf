"""There is room for one version alone, as where there is one GPU."""

import pytest

from tests.e2e import stand
from tests.e2e.kube import condition, wait
from tests.e2e.nodes.conftest import PLACE
from tests.e2e.stand import Stand

LIMITS = {"memory": "1Gi", PLACE: "1"}
RESOURCES = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": LIMITS}

RECREATE = {"type": "Recreate", "recreateWhenUnschedulable": None}


@pytest.fixture(scope="module")
def crowded(model: str, workers: tuple[str, str]) -> Stand:
    """Served by a pod that has taken the one place there is."""
    return stand.set_up("e2e-crowded", model, 30081, alias="crowded", resources=RESOURCES)


def test_a_version_that_no_node_has_room_for_says_so_and_takes_the_place_of_the_old_one_where_it_may(
    crowded: Stand,
):
    before, after = crowded.serving(), crowded.follow_the_other_good_one()
    with crowded.load() as load:
        # A minute is what the scheduler, or an autoscaler of nodes, is given.
        said = stand.wait_until_the_candidate_says("recreateWhenUnschedulable", crowded.resource)
    assert f"Insufficient {PLACE}" in said
    assert (load.failures, set(load.first_seen)) == ([], {before})
    crowded.change(strategy={"recreateWhenUnschedulable": True})
    crowded.wait_until_complete(after)
    assert condition(crowded.read(), "Ready")["status"] == "True"


def test_with_recreate_a_version_that_is_rejected_gives_its_place_back(crowded: Stand):
    before = crowded.serving()
    crowded.change(strategy=RECREATE)
    bad = crowded.follow("raising")
    wait(crowded.resource, "condition=Ready=False")
    assert condition(crowded.read(), "Ready")["reason"] == "Recreating"
    wait(crowded.resource, f"jsonpath={{.status.rejected[*].version}}={bad}")
    wait(crowded.resource, "condition=Ready")
    assert crowded.read()["status"]["rejected"][0]["reason"] == "SelfTestFailed"
    assert crowded.serving() == before
    assert list(crowded.deployments()) == [before]


def test_with_recreate_a_good_version_takes_the_one_place(crowded: Stand):
    crowded.change(strategy=RECREATE)
    crowded.wait_until_complete(crowded.follow_the_other_good_one())
    assert condition(crowded.read(), "Ready")["status"] == "True"
