"""A registry that lacks the version that serves, and leads to an older one."""

from dataclasses import replace

import pytest
from modelcycle.registry import Resolution, Version, identity

from tests.builders.base import ago, wire_time
from tests.builders.registry import a_version
from tests.builders.seen import DeploymentSeen
from tests.unit.serving.rollouts import decided, one_serves

FIVE = a_version(5)
ANOTHER_FIVE = replace(FIVE, created=FIVE.created - 1, source="models:/another")


def five_serves(*known: Version, followed: Version, recorded: str = identity(FIVE)) -> DeploymentSeen:
    """Version 5 serves, and the registry knows these. recorded: which entry of it version 5 was."""
    seen = one_serves().but(service=None, revisions=(), pods=()).served_by(5, since=ago(3600))
    serving = {"identity": recorded or None, "since": wire_time(ago(3600))}
    seen = seen.but(deployment=seen.deployment.with_status(serving=serving), versions=known)
    return seen.following(followed.number).but(resolution=Resolution(followed, "Resolved", ""))


OLDER = a_version(3)
SAME_MOMENT = replace(a_version(6), created=FIVE.created)


@pytest.mark.parametrize(
    ("known", "followed"),
    [
        pytest.param((OLDER,), OLDER, id="it knows older ones alone"),
        pytest.param((OLDER, ANOTHER_FIVE), OLDER, id="it gave its number to another one"),
        pytest.param((OLDER, ANOTHER_FIVE), ANOTHER_FIVE, id="that one is followed"),
        pytest.param((SAME_MOMENT,), SAME_MOMENT, id="what is followed is as old"),
    ],
)
def test_what_serves_stays_and_says_how_to_go_on_where(known: tuple[Version, ...], followed: Version) -> None:
    rollout = decided(five_serves(*known, followed=followed))
    assert (rollout.reason, rollout.create, rollout.switch) == ("RegistryWentBack", None, "")
    assert "Version 5, which serves, is not in the registry any more" in rollout.message
    assert f"name it: spec.model.version: {followed.number}." in rollout.message
    assert rollout.serving
    assert rollout.serving.version == "5"


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(five_serves(OLDER, FIVE, followed=OLDER), id="the alias goes back"),
        pytest.param(five_serves(a_version(6), followed=a_version(6)), id="a newer one is followed"),
        pytest.param(five_serves(OLDER, followed=OLDER, recorded=""), id="nobody knows which entry it was"),
        pytest.param(
            five_serves(OLDER, followed=OLDER).wanting(model={"alias": None, "version": 3}),
            id="spec names it",
        ),
    ],
)
def test_an_older_or_newer_version_is_followed_as_usual_where(seen: DeploymentSeen) -> None:
    rollout = decided(seen)
    assert rollout.reason == "RolloutInProgress"
    assert rollout.create
