"""A canary by the ratio of pods."""

from modelcycle.api.modeldeployment import APPROVE
from modelcycle.plan import VERSION_LABEL

from tests.convergence.registry import ERRS
from tests.convergence.story import (
    NAME,
    a_world_with_canaries,
    annotate,
    change,
    ends_well,
    history,
    made,
    publish,
    rejected,
    serving,
    status,
    step_by_step,
)
from tests.convergence.world import World


def canary_pods(world: World) -> int:
    """Pods of version 2."""
    return sum(pod["metadata"]["labels"][VERSION_LABEL] == "2" for pod in world.server.all("Pod"))


def test_a_canary_gets_more_pods_from_step_to_step_and_then_takes_over() -> None:
    world = a_world_with_canaries()
    publish(world)
    step_by_step(world, lambda: (status(world).get("candidate") or {}).get("weight") == 20)
    assert (serving(world), canary_pods(world)) == ("", 1), "clients reach both"
    world.seconds_pass(31)
    step_by_step(world, lambda: canary_pods(world) == 3)
    assert serving(world) == ""
    ends_well(world)
    assert (serving(world), made(world), history(world)) == ("2", ["2"], ["2", "1"])


def test_a_canary_that_answers_with_errors_is_rejected_and_clients_reach_the_old_pods_alone() -> None:
    world = a_world_with_canaries()
    publish(world, ERRS)
    ends_well(world)
    assert (serving(world), rejected(world), made(world)) == ("1", ["2"], ["1"])
    assert status(world)["rejected"][0]["reason"] == "CanaryFailed"
    assert "50.0%" in status(world)["rejected"][0]["message"]


def test_a_canary_whose_pods_tell_no_figures_is_no_pass_until_somebody_says_so() -> None:
    world = a_world_with_canaries()
    world.registry.quiet = True
    publish(world)
    ends_well(world)
    assert (serving(world), status(world)["reason"]) == ("", "Inconclusive")
    annotate(world, APPROVE, "2")
    ends_well(world)
    assert serving(world) == "2"


def test_a_canary_that_is_superseded_gives_its_clients_back_first() -> None:
    world = a_world_with_canaries()
    publish(world)
    step_by_step(world, lambda: serving(world) == "")
    publish(world)
    step_by_step(world, lambda: serving(world) == "1")
    ends_well(world)
    assert history(world) == ["3", "1"]


def test_where_what_served_is_deleted_a_canary_takes_over_with_all_its_pods() -> None:
    """The laws judge where clients are sent."""
    world = a_world_with_canaries()
    publish(world)
    step_by_step(world, lambda: (status(world).get("candidate") or {}).get("weight") == 20)
    former = next(
        one for one in world.server.all("Deployment") if one["metadata"]["labels"][VERSION_LABEL] == "1"
    )
    service = world.server.find("Service", NAME)
    assert service
    for body in (former, service):
        world.server.remove(body)
    world.laws.outside |= {pod["metadata"]["uid"] for pod in world.server.owned("Pod", former)}
    ends_well(world)
    assert (serving(world), canary_pods(world)) == ("2", 4)


def test_a_canary_that_clients_do_not_ask_is_sent_its_own_example_and_goes_on() -> None:
    world = a_world_with_canaries()
    world.registry.idle = True
    publish(world)
    ends_well(world)
    assert (serving(world), rejected(world)) == ("2", [])


def test_a_canary_that_raises_on_its_own_example_is_seen_though_clients_do_not_ask_it() -> None:
    world = a_world_with_canaries()
    world.registry.idle = True
    publish(world, ERRS)
    ends_well(world)
    assert status(world)["rejected"][0]["reason"] == "CanaryFailed"


def test_a_canary_whose_predict_has_side_effects_is_not_sent_its_example() -> None:
    world = a_world_with_canaries()
    world.registry.idle = True
    change(world, selfTest={"mode": "Load"})
    world.settles()
    publish(world)
    ends_well(world)
    assert status(world)["reason"] == "Inconclusive"
    assert "Of 0 requests 0 failed." in status(world)["message"]


def test_an_approved_canary_whose_figures_are_missing_waits_where_it_is_and_is_approved_once_more() -> None:
    world = a_world_with_canaries()
    world.registry.idle = True
    change(world, selfTest={"mode": "Load"}, promotion="Manual")
    world.settles()
    publish(world)
    ends_well(world)
    assert status(world)["reason"] == "AwaitingApproval"
    annotate(world, APPROVE, "2")
    ends_well(world)
    assert (status(world)["reason"], status(world)["candidate"]["weight"] > 0) == ("Inconclusive", True)
    annotate(world, APPROVE, "2/again")
    ends_well(world)
    assert serving(world) == "2"


def test_a_canary_begins_also_where_what_served_broke_and_the_service_was_deleted() -> None:
    world = a_world_with_canaries()
    world.a_version_breaks(0)
    service = world.server.find("Service", NAME)
    assert service
    world.server.remove(service)
    publish(world)
    ends_well(world)
    assert (serving(world), history(world)) == ("2", ["2", "1"])
