"""The life of a TrainingRun, with the operator killed at every request: one Job, one outcome."""

from collections.abc import Callable

import pytest
from modelcycle.plan import Body

from tests.builders.base import merged
from tests.builders.resources import a_training_run
from tests.convergence.cluster import Fault
from tests.convergence.world import World

RUN = "run-0"
Story = Callable[[World], None]


def train(world: World, *attempts: str, **spec: object) -> None:
    run = (
        a_training_run(RUN).expecting().with_spec(args=list(attempts), backoffLimit=len(attempts) - 1, **spec)
    )
    world.server.create(run.but(metadata={"uid": None}).content)


def run(world: World) -> Body:
    body = world.server.find("TrainingRun", RUN)
    assert body
    return body


def change(world: World, **spec: object) -> None:
    world.server.update(merged(run(world), {"spec": spec}))


def said(world: World) -> tuple[str, str]:
    status = run(world).get("status", {})
    return status.get("phase", ""), status.get("reason", "")


def goes_on_until_it_says(world: World, phase: str, reason: str) -> None:
    world.goes_on_until(lambda: said(world) == (phase, reason))


def one_runs(world: World) -> bool:
    """One of its pods runs."""
    return any(pod["status"]["phase"] == "Running" for pod in world.server.all("Pod"))


def is_tried_twice(world: World) -> None:
    train(world, "logs registers fails", "logs registers")
    # A run that is over soon is never seen running by an operator that is away meanwhile.
    world.goes_on_until(lambda: said(world)[0] == "Running" or world.laws.ends)
    world.goes_on_until(lambda: world.laws.ends)
    world.settles()


def is_suspended_twice(world: World) -> None:
    train(world, "logs registers", suspend=True)
    world.settles()
    assert said(world) == ("Suspended", "Suspended")
    change(world, suspend=False)
    world.goes_on_until(lambda: one_runs(world))
    change(world, suspend=True)
    world.settles()
    # Where the request is lost that suspends it, it can be over before the next one.
    assert world.laws.ends or said(world) == ("Suspended", "Suspended")
    assert not one_runs(world)
    change(world, suspend=False)
    world.settles()


def is_drained_and_finds_no_node(world: World) -> None:
    train(world, "logs registers")
    world.goes_on_until(lambda: one_runs(world))
    world.all_nodes_are_full_or_free()
    world.a_node_is_drained(0)
    goes_on_until_it_says(world, "Pending", "Unschedulable")
    world.all_nodes_are_full_or_free()
    world.settles()


def is_refused_its_pod(world: World) -> None:
    world.pods_of_jobs_are_refused_or_allowed()
    train(world, "logs", pendingDeadlineSeconds=60)
    goes_on_until_it_says(world, "Pending", "FailedCreate")
    world.settles()
    assert world.server.all("Job") == []


def is_drained_again_and_again(world: World) -> None:
    train(world, "logs")
    while not world.laws.ends:
        world.goes_on_until(lambda: one_runs(world) or world.laws.ends)
        world.a_node_is_drained(0)
    world.settles()
    assert not one_runs(world)


def is_deleted_when_its_time_is_over(world: World) -> None:
    train(world, "logs registers", ttlSecondsAfterFinished=60)
    world.settles()
    assert not {"TrainingRun", "Job", "Pod"} & {kind for kind, _ in world.server.objects}


STORIES: dict[Story, str] = {
    is_tried_twice: "JobComplete",
    is_suspended_twice: "JobComplete",
    is_drained_and_finds_no_node: "JobComplete",
    is_refused_its_pod: "PendingDeadlineExceeded",
    is_drained_again_and_again: "TooManyDisruptions",
    is_deleted_when_its_time_is_over: "JobComplete",
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
@pytest.mark.parametrize("fault", ["the request is lost", "the answer is lost", "the operator dies"])
def test_whatever_request_is_the_last_there_is_one_job_and_one_outcome_of_a_run_that(
    story: Story, fault: Fault
) -> None:
    calm = World()
    story(calm)
    for before in range(calm.cluster.sent):
        world = World()
        none: list[Fault] = [""] * before
        world.cluster.faults = [*none, fault]
        story(world)
        ((run_uid, ends),) = world.laws.ends.items()
        assert ends == [STORIES[story]]
        assert world.cluster.writes.count(f"create Job {RUN}") == 1
        world.excuses[run_uid] = {STORIES[story]}
        world.check()


@pytest.mark.parametrize(
    ("story", "budget"),
    [
        pytest.param(is_tried_twice, 3 + 1, id="is tried twice"),
        pytest.param(is_suspended_twice, 3 + 3 * 2, id="is suspended, resumed, suspended and resumed"),
        pytest.param(is_drained_and_finds_no_node, 3 + 2, id="is disrupted and waits for a node"),
        pytest.param(is_refused_its_pod, 3 + 1, id="is refused its pod, and is stopped"),
        pytest.param(is_deleted_when_its_time_is_over, 3 + 1, id="is deleted when its time is over"),
    ],
)
def test_the_budget_of_writes_holds_for_a_run_that(story: Story, budget: int) -> None:
    world = World()
    story(world)
    assert len(world.cluster.writes) <= budget, world.cluster.writes
