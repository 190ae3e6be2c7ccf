"""ModelDeployments in a step of a canary."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from modelcycle.serving.observed import Traffic

from tests.builders.base import ago, wire_time
from tests.builders.children import a_client_service
from tests.builders.seen import DeploymentSeen, a_deployment_seen

PAUSE = 60
CANARY = {"type": "Canary", "canary": {"steps": [{"weight": 50, "pauseSeconds": PAUSE}]}}


def in_a_step(
    traffic: Traffic | None,
    since: float | None,
    step: str = "Canary",
    spec: Mapping[str, Any] = MappingProxyType({}),
    **progress: Any,
) -> DeploymentSeen:
    """Clients reach the one pod of version 2 beside that of version 1, since so many seconds.

    spec: other fields of it, from the begin on; some of them are another revision when they change.
    """
    began = {} if since is None else {"since": wire_time(ago(since)), "requests": 10, "errors": 1}
    seen = a_deployment_seen().wanting(strategy=CANARY, **spec).following(1).served_by(1, since=ago(3600))
    seen = seen.following(2).trying(2, step, canary={"index": 0, **began, **progress}).with_ready_pods_of(2)
    reached = {pod.build().name: True for pod in seen.pods}
    wide = a_client_service(seen.deployment).with_spec(selector={"modelcycle.dev/revision": None})
    return seen.but(traffic=traffic, service=wide, endpoints=reached)
