"""What is followed goes to and fro, vanishes and comes back, and at last the registry itself goes back in time."""

import time
from collections.abc import Iterator

import pytest

from tests.e2e import registry, stand
from tests.e2e.kube import condition, kubectl, poll, wait
from tests.e2e.stand import Stand


@pytest.fixture(scope="module")
def followed(model: str, workers: tuple[str, str]) -> Iterator[Stand]:
    """A model of its own, as one of the tests takes a version out of the registry."""
    own = registry.model_name("followed")
    registry.ask("POST", "registered-models/create", name=own)
    for alias in ("good", "better"):
        registry.set_alias(own, alias, registry.register_copy(of=model, alias=alias, name=own))
    made = stand.set_up("e2e-followed", own, 30080)
    yield made
    kubectl("delete", made.resource)


def uids(followed: Stand, version: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in followed.pods(version)}


def test_an_alias_that_flaps_once_a_second_is_followed_to_where_it_comes_to_rest(followed: Stand):
    before = followed.serving()
    with followed.load() as load:
        after = followed.follow_the_other_good_one()
        for version in (before, after) * 5:
            time.sleep(1)  # it is what happens here, and nothing is waited for
            registry.set_alias(followed.model, followed.alias, version)
        followed.wait_until_complete(after)
    assert load.failures == []
    assert set(load.first_seen) <= {before, after}
    assert followed.read()["status"].get("rejected", []) == []


def test_going_back_while_the_version_before_is_warm_takes_no_new_pod(followed: Stand):
    followed.change(keepPreviousSeconds=600)
    before = followed.serving()
    warm = uids(followed, before)
    with followed.load() as load:
        after = followed.follow_the_other_good_one()
        wait(followed.resource, f"jsonpath={{.status.serving.version}}={after}")
        poll(lambda: after in load.first_seen, "an answer of the new version")
        registry.set_alias(followed.model, followed.alias, before)
        wait(followed.resource, f"jsonpath={{.status.serving.version}}={before}")
        assert uids(followed, before) == warm
        followed.change(keepPreviousSeconds=10)
        followed.wait_until_complete(before)
    assert uids(followed, before) == warm
    assert load.failures == []


def test_what_serves_goes_on_while_the_alias_is_gone_and_the_next_version_takes_over_when_it_is_back(
    followed: Stand,
):
    before = followed.serving()
    with followed.load() as load:
        registry.ask("DELETE", "registered-models/alias", name=followed.model, alias=followed.alias)
        wait(followed.resource, "condition=ModelResolved=False")
        missing = followed.read()
        assert condition(missing, "ModelResolved")["reason"] == "AliasNotFound"
        assert condition(missing, "Ready")["status"] == "True"
        assert set(load.first_seen) == {before}
        followed.wait_until_complete(followed.follow_the_other_good_one())
    assert load.failures == []


def test_in_a_registry_that_went_back_in_time_an_older_version_is_followed_only_when_it_is_named(
    followed: Stand,
):
    older, newest = (registry.version_of(followed.model, alias)["version"] for alias in ("good", "better"))
    if followed.serving() != newest:
        followed.wait_until_complete(followed.follow("better"))
    with followed.load() as load:
        registry.ask("DELETE", "model-versions/delete", name=followed.model, version=newest)
        registry.set_alias(followed.model, followed.alias, older)
        wait(followed.resource, "jsonpath={.status.reason}=RegistryWentBack")
        back = followed.read()
        assert condition(back, "Ready")["status"] == "True"
        assert f"name it: spec.model.version: {older}" in back["status"]["message"]
        assert list(followed.deployments()) == [newest]
        followed.change(model={"alias": None, "version": int(older)})
        followed.wait_until_complete(older)
    assert load.failures == []
    assert set(load.first_seen) == {newest, older}
