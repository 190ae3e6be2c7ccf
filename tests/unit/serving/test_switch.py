"""Clients have been led to a revision: what serves now, what served before, and what stays warm."""

from datetime import datetime

import pytest

from tests.builders.base import NOW, ago
from tests.builders.seen import a_deployment_seen
from tests.unit.serving.rollouts import decided, one_serves, two_has_taken_over


def test_what_serves_is_read_off_the_selector() -> None:
    seen = one_serves().with_ready_pods_of(2).trying(2, "Switching").following(2).selecting(2)
    rollout = decided(seen)
    assert rollout.serving
    assert (rollout.serving.version, rollout.serving.run_id) == ("2", "run-2")
    assert rollout.candidate
    assert rollout.candidate.step == "Settling"


def test_the_version_before_goes_into_history_with_the_first_sight_of_the_switch() -> None:
    seen = one_serves().with_ready_pods_of(2).trying(2, "Switching").following(2).selecting(2)
    assert [(past.version, past.until) for past in decided(seen).history] == [("1", NOW)]
    assert decided(two_has_taken_over()).history == tuple(
        two_has_taken_over().deployment.build().status.history
    )


def test_history_has_five_entries() -> None:
    seen = one_serves()
    for number in range(11, 16):
        seen = seen.remembering(number)
    rollout = decided(seen.with_ready_pods_of(2).trying(2).following(2).selecting(2))
    assert [past.version for past in rollout.history] == ["1", "15", "14", "13", "12"]


def test_serving_is_dated_when_the_endpoints_list_its_ready_pods_alone() -> None:
    rollout = decided(two_has_taken_over(since_seconds=None))
    assert rollout.serving
    assert rollout.serving.since == NOW


@pytest.mark.parametrize(
    "endpoints",
    [
        pytest.param({}, id="nothing yet"),
        pytest.param({"iris-{1}-0": True}, id="the previous revision's pod"),
        pytest.param({"iris-{1}-0": True, "iris-{2}-0": True}, id="the pods of both"),
        pytest.param({"iris-{2}-0": False}, id="a pod that is not ready"),
    ],
)
def test_serving_is_not_dated_while_the_endpoints_list(endpoints: dict[str, bool]) -> None:
    seen = two_has_taken_over(since_seconds=None)
    names = {
        name.replace("{1}", seen.name_of(1)).replace("{2}", seen.name_of(2)): ready
        for name, ready in endpoints.items()
    }
    rollout = decided(seen.but(endpoints=names))
    assert rollout.serving
    assert rollout.serving.since is None
    assert seen.name_of(1) in rollout.keep


def test_an_endpoint_of_the_previous_version_that_is_not_ready_gets_no_clients() -> None:
    seen = two_has_taken_over(since_seconds=None)
    endpoints = {f"iris-{seen.name_of(1)}-0": False, f"iris-{seen.name_of(2)}-0": True}
    rollout = decided(seen.but(endpoints=endpoints))
    assert rollout.serving
    assert rollout.serving.since == NOW


def test_the_previous_version_stays_warm_for_its_time() -> None:
    seen = two_has_taken_over(since_seconds=20)
    rollout = decided(seen)
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}
    assert rollout.look_again == 40
    assert rollout.candidate
    assert rollout.candidate.step == "Settling"


def test_the_previous_version_goes_when_its_time_is_over() -> None:
    seen = two_has_taken_over(since_seconds=60)
    rollout = decided(seen)
    assert rollout.keep == {seen.name_of(2)}
    assert rollout.candidate is None
    assert rollout.reason == "RolloutComplete"


@pytest.mark.parametrize("since", [None, ago(5)], ids=["before clients have left it", "afterwards"])
def test_only_the_last_of_the_previous_versions_stays_warm(since: datetime | None) -> None:
    earlier = a_deployment_seen().following(2).with_ready_pods_of(3).remembering(3)
    seen = earlier.with_ready_pods_of(1).remembering(1).trying(2, "Settling")
    rollout = decided(seen.served_by(2, since=since).but(endpoints={}))
    assert rollout.keep == {seen.name_of(1), seen.name_of(2)}


def test_a_first_version_has_nothing_to_keep_warm() -> None:
    seen = a_deployment_seen().following(1).trying(1, "Switching").served_by(1)
    rollout = decided(seen)
    assert rollout.candidate is None
    assert rollout.reason == "RolloutComplete"


def test_a_next_version_does_not_wait_until_the_previous_one_is_gone() -> None:
    seen = two_has_taken_over(since_seconds=5).following(3)
    rollout = decided(seen)
    assert rollout.create
    assert rollout.create.name == seen.name_of(3)
    assert seen.name_of(2) in rollout.keep


@pytest.mark.parametrize("followed", [1, 3], ids=["back to the one before", "on to the next one"])
def test_a_version_whose_pods_fail_right_after_the_switch_can_be_left(followed: int) -> None:
    """Its endpoints never list a ready pod: there is no time to wait for."""
    switched = a_deployment_seen().with_ready_pods_of(1).remembering(1).trying(2, "Switching")
    switched = switched.with_deployment_of(2, switched.pod_of(2).running()).selecting(2)
    seen = switched.recorded_as_serving(2, since=None).following(followed)
    rollout = decided(seen)
    assert rollout.candidate
    assert rollout.candidate.version == str(followed)


def test_the_previous_version_is_kept_until_clients_have_left_it_also_when_a_third_one_starts() -> None:
    seen = two_has_taken_over(since_seconds=None).but(endpoints={}).following(3)
    assert decided(seen).keep == {seen.name_of(1), seen.name_of(2), seen.name_of(3)}
    later = seen.trying(3)
    assert decided(later).keep == {seen.name_of(1), seen.name_of(2), seen.name_of(3)}


def test_nothing_is_kept_warm_at_zero_replicas() -> None:
    seen = two_has_taken_over(since_seconds=None).but(endpoints={})
    rollout = decided(seen.but(deployment=seen.deployment.with_replicas(0)))
    assert rollout.keep == {seen.name_of(2)}
    assert rollout.candidate is None
