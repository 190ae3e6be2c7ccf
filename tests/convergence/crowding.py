"""Where pods of two revisions cannot run at once: no node takes the second, or its node does not get the volume."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from modelcycle.plan import DEPLOYMENT_LABEL, REVISION_LABEL, Body

from tests.builders.base import wire_time
from tests.builders.children import PodBuilder
from tests.convergence.cluster import ApiServer

NO_NODE, NO_VOLUME = "no node", "no volume"
MULTI_ATTACH = 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) another'


def is_crowded_out(server: ApiServer, pod: Body) -> bool:
    """Whether a pod has to wait for those of other revisions to go."""
    if not server.crowded or _runs(pod):
        return False
    labels = pod["metadata"]["labels"]
    return any(
        _runs(other)
        for other in server.all("Pod")
        if other["metadata"]["labels"].get(DEPLOYMENT_LABEL) == labels[DEPLOYMENT_LABEL]
        and other["metadata"]["labels"][REVISION_LABEL] != labels[REVISION_LABEL]
    )


def _runs(pod: Body) -> bool:
    return bool(pod["status"]["phase"] == "Running" or pod["status"].get("initContainerStatuses"))


def what_is_said(server: ApiServer, pod: Body) -> Iterator[Callable[[], Any]]:
    """The scheduler says it in the pod's status; of a volume an Event alone tells. Who has a node, keeps it."""
    on_node = PodBuilder(pod).but(status={"conditions": None}).on_node("b").content
    waits = PodBuilder(pod).unschedulable().content
    if server.crowded == NO_NODE and not pod["spec"].get("nodeName"):
        if waits != pod:
            yield partial(server.update, waits)
    elif on_node != pod:
        yield partial(server.update, on_node)
    elif server.find("Event", _event(server, pod)["metadata"]["name"]) is None:
        yield partial(server.create, _event(server, pod))


def _event(server: ApiServer, pod: Body) -> Body:
    uid = pod["metadata"]["uid"]
    return {
        "kind": "Event",
        "metadata": {"name": f"held-{uid}"},
        "type": "Warning",
        "reason": "FailedAttachVolume",
        "note": MULTI_ATTACH,
        "regarding": {"uid": uid},
        "eventTime": wire_time(server.now),
    }
