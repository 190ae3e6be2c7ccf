"""The way in from outside: a Gateway leads no request to a version that has not proved itself, nor to pods that go."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from modelcycle.api.modeldeployment import APPROVE
from modelcycle.plan import VERSION_LABEL, Body

from tests.builders.base import merged
from tests.convergence.controllers import ready, stumbled
from tests.convergence.registry import ERRS, GOOD
from tests.convergence.story import (
    NAME,
    a_world,
    annotate,
    change,
    ends_well,
    history,
    made,
    move,
    publish,
    rejected,
    serving,
    status,
    step_by_step,
)
from tests.convergence.test_anything import EXAMPLES
from tests.convergence.world import ALIAS, CANARY, GATEWAY, INGRESS, World

OWN_URL = "http://a.example.org"


def a_world_with_a_gateway(replicas: int = 2) -> World:
    world = a_world()
    change(world, route=GATEWAY, strategy=CANARY, replicas=replicas)
    world.settles()
    return world


def weights(world: World) -> list[int]:
    """What the HTTPRoute says: for the clients' Service, and for the candidate's where it is named."""
    route = world.server.find("HTTPRoute", NAME)
    return [backend["weight"] for backend in route["spec"]["rules"][0]["backendRefs"]] if route else []


def said(world: World) -> tuple[str, str]:
    """Status and reason of the condition Routed."""
    found = [c for c in status(world)["conditions"] if c["type"] == "Routed"]
    return (found[0]["status"], found[0]["reason"]) if found else ("", "")


def candidate(world: World) -> Body:
    found: Body = status(world).get("candidate") or {}
    return found


def services(world: World) -> int:
    return len(world.server.all("Service"))


def in_its_first_step(behaviour: str = GOOD) -> World:
    """Version 2 is a canary: the Gateway leads the first step's share to it."""
    world = a_world_with_a_gateway()
    publish(world, behaviour)
    step_by_step(world, lambda: candidate(world).get("weight") == 10)
    assert weights(world) == [90, 10]
    return world


def test_shares_are_exact_with_all_pods_and_in_the_cluster_clients_stay_with_what_serves() -> None:
    world = in_its_first_step()
    pods = [p for p in world.server.all("Pod") if p["metadata"]["labels"][VERSION_LABEL] == "2"]
    assert (len(pods), serving(world)) == (2, "1")
    world.seconds_pass(31)
    step_by_step(world, lambda: candidate(world).get("weight") == 40)
    assert (weights(world), serving(world)) == ([60, 40], "1")
    ends_well(world)
    assert (serving(world), weights(world), services(world)) == ("2", [100], 1)
    assert history(world) == ["2", "1"]


def test_a_share_that_the_gateway_has_not_taken_is_none_and_its_step_does_not_begin() -> None:
    world = a_world_with_a_gateway()
    world.the_gateway_sleeps_or_wakes()
    publish(world)
    step_by_step(world, lambda: weights(world) == [90, 10])
    world.settles()
    assert candidate(world)["weight"] == 0
    assert "since" not in candidate(world)["canary"]
    world.the_gateway_sleeps_or_wakes()
    ends_well(world)
    assert serving(world) == "2"


def with_a_share_that_the_gateway_does_not_take() -> World:
    """Version 2 is a canary, and a minute has passed since the Gateway was asked."""
    world = a_world_with_a_gateway()
    world.the_gateway_sleeps_or_wakes()
    publish(world)
    step_by_step(world, lambda: weights(world) == [90, 10])
    world.settles()
    world.seconds_pass(61)
    world.settles()
    return world


def test_a_share_that_the_gateway_does_not_take_in_a_minute_waits_for_somebody_to_decide() -> None:
    world = with_a_share_that_the_gateway_does_not_take()
    assert (serving(world), status(world)["reason"]) == ("1", "Inconclusive")
    assert "The Gateway is to lead 10 % of the requests to it" in status(world)["message"]
    annotate(world, APPROVE, "2")
    world.settles()
    assert serving(world) == "2"


def test_a_share_that_the_gateway_takes_late_is_a_step_like_others() -> None:
    world = with_a_share_that_the_gateway_does_not_take()
    world.the_gateway_sleeps_or_wakes()
    step_by_step(world, lambda: candidate(world).get("weight") == 10)
    assert "asked" not in candidate(world)["canary"]
    assert (weights(world), status(world)["reason"]) == ([90, 10], "RolloutInProgress")
    ends_well(world)
    assert (serving(world), weights(world)) == ("2", [100])


def test_pods_stay_until_the_gateway_leads_to_them_no_more() -> None:
    """The laws judge each deletion."""
    world = in_its_first_step()
    world.the_gateway_sleeps_or_wakes()
    publish(world)
    step_by_step(world, lambda: weights(world) == [100])
    world.settles()
    assert "2" in made(world), "the Gateway has not said that it has taken the weights"
    world.the_gateway_sleeps_or_wakes()
    ends_well(world)
    assert (history(world), services(world)) == (["3", "1"], 1)


def test_a_canary_that_answers_with_errors_gives_its_share_back_first() -> None:
    world = in_its_first_step(ERRS)
    ends_well(world)
    assert (serving(world), rejected(world), weights(world), made(world)) == ("1", ["2"], [100], ["1"])


def test_a_canary_that_is_not_ready_any_more_has_no_share_until_it_is() -> None:
    world = in_its_first_step()
    pod = next(
        p for p in world.server.all("Pod") if p["metadata"]["labels"][VERSION_LABEL] == "2" and ready(p)
    )
    world.laws.outside.add(pod["metadata"]["uid"])
    world.server.update(stumbled(pod))
    world.the_watch_catches_up()
    world.the_operator_works()
    assert weights(world) == [100]
    ends_well(world)
    assert serving(world) == "2"


@pytest.mark.parametrize("dies_after", range(1, 14))
def test_wherever_the_operator_dies_all_comes_to_what_was_wanted(dies_after: int) -> None:
    world = in_its_first_step(ERRS)
    world.seconds_pass(5)
    world.cluster.faults.extend([""] * dies_after)
    world.cluster.faults.append("the operator dies")
    ends_well(world)
    assert (serving(world), weights(world), made(world)) == ("1", [100], ["1"])


def no_gateway_api(world: World) -> None:
    world.server.gateway_api = False


def nobody_answers(world: World) -> None:
    world.the_gateway_sleeps_or_wakes()


def somebody_elses(world: World) -> None:
    world.server.create({"kind": "HTTPRoute", "metadata": {"name": NAME}, "spec": {}})


@pytest.mark.parametrize(
    ("trouble", "condition"),
    [
        (no_gateway_api, ("False", "GatewayAPINotInstalled")),
        (nobody_answers, ("Unknown", "WaitingForGateway")),
        (somebody_elses, ("False", "NameTaken")),
    ],
)
def test_without_a_way_in_a_canary_waits_for_somebody_to_decide_and_what_serves_goes_on(
    trouble: Callable[[World], None], condition: tuple[str, str]
) -> None:
    world = a_world()
    trouble(world)
    change(world, route=GATEWAY, strategy=CANARY)
    publish(world)
    world.settles()
    assert said(world) == condition
    assert status(world)["url"] == "http://a.team.svc"
    assert (serving(world), status(world)["reason"]) == ("1", "Inconclusive")
    annotate(world, APPROVE, "2")
    world.settles()
    assert serving(world) == "2"


def test_what_is_in_the_way_is_waited_out() -> None:
    world = a_world()
    world.server.create({"kind": "Ingress", "metadata": {"name": NAME}, "spec": {"rules": []}})
    change(world, route=INGRESS)
    world.settles()
    assert said(world) == ("False", "NameTaken")
    stranger = world.server.find("Ingress", NAME)
    assert stranger
    assert stranger["spec"] == {"rules": []}, "it is left alone"
    world.server.remove(stranger)
    ends_well(world)
    assert (said(world), status(world)["url"]) == (("True", "IngressMade"), OWN_URL)


def test_the_way_in_changes_with_the_spec_also_in_the_middle_of_a_canary() -> None:
    world = in_its_first_step()
    change(world, route=INGRESS)
    step_by_step(world, lambda: not world.server.find("HTTPRoute", NAME))
    assert world.server.find("Ingress", NAME)
    ends_well(world)
    assert (serving(world), services(world)) == ("2", 1)
    change(world, route=None)
    ends_well(world)
    assert status(world)["url"] == "http://a.team.svc"


def test_pods_outlast_a_route_that_is_not_wanted_any_more() -> None:
    world = in_its_first_step()
    world.the_gateway_sleeps_or_wakes()
    world.registry.aliases = {ALIAS: 1}
    step_by_step(world, lambda: weights(world) == [100])
    change(world, route=INGRESS)
    ends_well(world)
    assert (serving(world), made(world)) == ("1", ["1"])


def test_weights_that_somebody_else_sets_are_put_right() -> None:
    world = a_world_with_a_gateway()
    route = world.server.find("HTTPRoute", NAME)
    assert route
    (rule,) = route["spec"]["rules"]
    other = {**rule, "backendRefs": [*rule["backendRefs"], {"name": "other", "weight": 50}]}
    world.server.update(merged(route, {"spec": {"rules": [other]}}))
    ends_well(world)
    assert weights(world) == [100]


def test_a_route_that_somebody_deletes_takes_no_approval_with_it() -> None:
    world = in_its_first_step()
    change(world, promotion="Manual")
    route = world.server.find("HTTPRoute", NAME)
    assert route
    world.server.remove(route)
    step_by_step(world, lambda: weights(world) == [90, 10])
    ends_well(world)
    assert serving(world) == "2"


def test_a_canary_that_comes_back_waits_for_approval_like_any_other() -> None:
    world = in_its_first_step()
    change(world, promotion="Manual")
    move(world, 1)
    ends_well(world)
    move(world, 2)
    ends_well(world)
    assert (serving(world), status(world)["reason"]) == ("1", "AwaitingApproval")
    assert (weights(world), services(world)) == ([100], 1)


HAPPENINGS = (
    *[World.the_operator_sends_or_receives] * 4,
    *[World.the_operator_finishes_a_pass] * 2,
    *[World.all_goes_well_for_a_while] * 3,
    *[World.the_watch_delivers] * 3,
    *[World.somebody_acts] * 3,
    World.time_passes,
    World.the_gateway_sleeps_or_wakes,
    World.the_operator_crashes,
    World.a_request_gets_lost,
    World.a_ready_pod_stumbles,
    World.a_version_is_registered,
    World.the_alias_moves,
    World.the_registry_is_polled,
    World.somebody_scales,
    World.somebody_changes_the_way_in,
    World.somebody_changes_the_strategy,
    World.somebody_wants_to_approve_or_not,
    World.somebody_approves,
    World.somebody_holds_or_lets_go,
    World.somebody_deletes,
)
STORIES = st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 23)), min_size=30, max_size=30)


@settings(
    max_examples=int(EXAMPLES or 100),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(STORIES)
def test_whatever_happens_while_a_gateway_leads_a_share_to_a_canary(
    story: list[tuple[Callable[[World, int], None], int]],
) -> None:
    world = in_its_first_step()
    for happens, pick in story:
        note(f"{happens.__name__} {pick}")
        happens(world, pick)
    world.all_trouble_ends()
    world.settles()
    world.check()
