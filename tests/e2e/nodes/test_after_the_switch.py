"""A version stops answering right after it has taken over."""

from collections.abc import Iterator

import pytest

from tests.e2e import registry, stand
from tests.e2e.kube import Manifest, kubectl, poll, wait
from tests.e2e.nodes.room import on
from tests.e2e.stand import Stand


@pytest.fixture(scope="module")
def young(model: str) -> Iterator[Stand]:
    """Its former version stays for as long as it takes the kubelet to find out that the new one does not answer."""
    made = stand.set_up("e2e-young", model, 30080, alias="young")
    made.change(keepPreviousSeconds=300)
    yield made
    kubectl("delete", made.resource)


def stop(pod: Manifest) -> None:
    """Its processes stand still, as those that wait for something for ever."""
    own = f"grep -lsz '^HOSTNAME={pod['metadata']['name']}$' /proc/[0-9]*/environ"
    on(pod["spec"]["nodeName"], f"{own} | cut -d/ -f3 | xargs kill -STOP")


@pytest.mark.parametrize("strategy", ["BlueGreen", "Recreate"])
def test_the_version_before_answers_again_when_the_new_one_stops_answering(young: Stand, strategy: str):
    young.change(strategy={"type": strategy})
    before, after = young.serving(), young.follow_the_other_good_one()
    wait(young.resource, f"jsonpath={{.status.serving.version}}={after}")
    (pod,) = young.pods(after)
    stop(pod)
    wait(young.resource, f"jsonpath={{.status.rejected[*].version}}={after}")
    assert young.read()["status"]["rejected"][0]["reason"] == "FailedAfterSwitch"
    wait(young.resource, f"jsonpath={{.status.serving.version}}={before}")
    wait(young.resource, "condition=Ready")
    poll(lambda: stand.is_ready(young.port), "the version before answers")
    poll(lambda: list(young.deployments()) == [before], "what failed is gone")
    # Only what was followed elsewhere meanwhile is tried again.
    registry.set_alias(young.model, young.alias, before)
    wait(young.resource, "jsonpath={.status.reason}=RolloutComplete")
