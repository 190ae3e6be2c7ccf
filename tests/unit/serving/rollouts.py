"""ModelDeployments in the middle of their life, and what is decided of them."""

from modelcycle.serving.decision import Rollout
from modelcycle.serving.rollout import decide

from tests.builders.base import NOW, ago
from tests.builders.seen import DeploymentSeen, a_deployment_seen


def decided(seen: DeploymentSeen) -> Rollout:
    return decide(seen.observed(), NOW)


def nothing_serves() -> DeploymentSeen:
    return a_deployment_seen().following(1)


def one_serves() -> DeploymentSeen:
    """Version 1 serves and is followed."""
    return a_deployment_seen().following(1).served_by(1, since=ago(3600))


def two_is_followed() -> DeploymentSeen:
    """Version 1 serves, version 2 is followed."""
    return one_serves().following(2)


def two_has_taken_over(since_seconds: float | None = 5) -> DeploymentSeen:
    """The selector names version 2; version 1 is still warm."""
    since = None if since_seconds is None else ago(since_seconds)
    seen = a_deployment_seen().following(2).with_ready_pods_of(1).remembering(1).trying(2, "Switching")
    return seen.served_by(2, since=since)
