"""What serves is left alone, and made again where somebody deleted it."""

import pytest
from modelcycle.serving.rollout import CLAIM_RETRY_SECONDS

from tests.builders.children import a_serving_pod
from tests.builders.seen import DeploymentSeen, a_deployment_seen
from tests.unit.serving.rollouts import decided, one_serves, two_is_followed


def test_what_serves_and_is_followed_is_left_alone() -> None:
    seen = one_serves()
    rollout = decided(seen)
    assert (rollout.create, rollout.switch, rollout.candidate, rollout.look_again) == (None, "", None, None)
    assert rollout.keep == {seen.name_of(1)}
    assert rollout.message == "Version 1 serves."


def test_a_serving_deployment_that_somebody_deleted_is_made_again() -> None:
    seen = one_serves().but(revisions=(), pods=())
    rollout = decided(seen)
    assert rollout.create
    assert rollout.create.name == seen.name_of(1)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(two_is_followed().having_rejected(2), id="another one was rejected"),
        pytest.param(one_serves().resolving_to_nothing(), id="the alias is gone"),
        pytest.param(one_serves().but(resolution=None, files=None), id="the registry is unread"),
    ],
)
def test_a_serving_deployment_that_somebody_deleted_is_made_again_also_when(seen: DeploymentSeen) -> None:
    revision = seen.deployment.revision(1)
    rollout = decided(seen.but(revisions=(), pods=(), lost=revision))
    assert rollout.create == revision
    assert rollout.look_again == CLAIM_RETRY_SECONDS
    assert revision.name in rollout.keep


def test_a_candidate_is_made_before_what_serves_is_made_again() -> None:
    seen = two_is_followed().but(revisions=(), pods=())
    lost = seen.deployment.revision(1)
    rollout = decided(seen.but(lost=lost))
    assert rollout.create
    assert rollout.create.name == seen.name_of(2)
    assert decided(seen.trying(2).with_deployment_of(2).but(lost=lost)).create == lost


def test_a_serving_deployment_is_made_again_when_its_claim_is_back() -> None:
    seen = one_serves().but(revisions=(), pods=(), claim_exists=False)
    rollout = decided(seen)
    assert rollout.create is None
    assert rollout.look_again == CLAIM_RETRY_SECONDS
    assert "no PersistentVolumeClaim 'mlruns'" in rollout.message


def test_a_selector_that_somebody_moved_is_moved_back() -> None:
    seen = a_deployment_seen().following(2).with_ready_pods_of(1).with_ready_pods_of(2)
    seen = seen.recorded_as_serving(2).selecting(1)
    rollout = decided(seen)
    assert rollout.switch == seen.name_of(2)
    assert rollout.serving
    assert rollout.serving.version == "1"


def test_a_selector_that_nobody_remembers_still_tells_its_version() -> None:
    seen = a_deployment_seen().following(2).with_ready_pods_of(1).selecting(1)
    rollout = decided(seen)
    assert rollout.serving
    assert (rollout.serving.version, rollout.serving.run_id) == ("1", None)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(one_serves(), id="it is followed"),
        pytest.param(two_is_followed(), id="another one is followed"),
        pytest.param(two_is_followed().having_rejected(2), id="the followed one was rejected"),
        pytest.param(one_serves().but(resolution=None, files=None), id="the registry is unread"),
        pytest.param(one_serves().resolving_to_nothing(), id="the alias is gone"),
    ],
)
def test_a_client_service_that_somebody_deleted_is_made_again_for_what_served_when(
    seen: DeploymentSeen,
) -> None:
    lost = seen.but(service=None, endpoints={})
    rollout = decided(lost)
    assert rollout.switch == lost.name_of(1)
    assert lost.name_of(1) in rollout.keep


def test_a_client_service_is_made_again_also_while_not_all_pods_are_ready() -> None:
    seen = one_serves()
    pods = (seen.pod_of(1).running(),)
    assert decided(seen.but(service=None, endpoints={}, pods=pods)).switch == seen.name_of(1)


def test_pods_of_another_revision_prove_nothing() -> None:
    seen = two_is_followed().trying(2).with_deployment_of(2)
    stranger = a_serving_pod("v2-00000000").ready()
    assert decided(seen.but(pods=(*seen.pods, stranger))).switch == ""
