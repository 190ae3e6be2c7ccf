"""Lives of one TrainingRun, each with the writes that the budget allows it."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.writes import controllers
from benchmarks.writes.controllers import end, pod, start
from tests.integration.kube import eventually
from tests.integration.world import World

RUN = "run"
UNDISTURBED = 3


@dataclass(frozen=True)
class Story:
    """allowed: writes beyond those of an undisturbed run, by DESIGN's budget."""

    name: str
    allowed: int
    live: Callable[[World], None]


def says(world: World, word: str) -> None:
    """The run's phase or reason is so."""

    def look() -> bool:
        status = world.status("TrainingRun", RUN)
        return word in (status.get("phase"), status.get("reason"))

    eventually(look, word)


def runs(world: World, name: str) -> None:
    start(world, name)
    says(world, "Running")


def succeeds(world: World, name: str) -> None:
    runs(world, name)
    end(world, name)
    says(world, "Succeeded")


def suspend(world: World, suspended: bool) -> None:
    world.kube.patch("TrainingRun", world.namespace, RUN, {"spec": {"suspend": suspended}})


def undisturbed(world: World) -> None:
    world.run(RUN)
    succeeds(world, pod(world, RUN))


def born_suspended(world: World) -> None:
    world.run(RUN, suspend=True)
    says(world, "Suspended")
    suspend(world, False)
    succeeds(world, pod(world, RUN))


def suspended_under_way(world: World) -> None:
    world.run(RUN)
    first = pod(world, RUN)
    runs(world, first)
    suspend(world, True)
    says(world, "Suspended")
    suspend(world, False)
    succeeds(world, pod(world, RUN, but=first))


def failed_attempt(world: World) -> None:
    world.run(RUN, backoffLimit=1)
    first = pod(world, RUN)
    runs(world, first)
    end(world, first, exit_code=1)
    succeeds(world, pod(world, RUN, but=first))


def unschedulable(world: World) -> None:
    world.run(RUN)
    name = pod(world, RUN)
    why = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
    world.pod_status(name, conditions=[why])
    says(world, "Unschedulable")
    world.pod_status(name, conditions=[{**why, "status": "True"}])
    succeeds(world, name)


def refused_pod(world: World) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}}
    world.kube.create({**quota, "spec": {"hard": {"pods": "0"}}}, world.namespace)
    eventually(lambda: world.get("ResourceQuota", "none")["status"].get("hard"), "the quota is counted")
    world.run(RUN)
    says(world, "FailedCreate")
    world.kube.delete("ResourceQuota", world.namespace, "none")
    succeeds(world, pod(world, RUN))


def disrupted(world: World) -> None:
    world.run(RUN)
    first = pod(world, RUN)
    runs(world, first)
    target = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    end(world, first, exit_code=143, conditions=[target])
    says(world, "Disrupted")
    succeeds(world, pod(world, RUN, but=first))


def two_nodes(world: World) -> None:
    world.run(RUN, nodes=2)
    eventually(lambda: len(controllers.pods(world, RUN)) == 2, "two pods")
    names = [one["metadata"]["name"] for one in controllers.pods(world, RUN)]
    for name in names:
        start(world, name)
    says(world, "Running")
    for name in names:
        end(world, name)
    says(world, "Succeeded")


def promoted(world: World) -> None:
    model = f"model-{world.namespace}"
    rule = {"metric": "accuracy", "atLeast": 0.5}
    world.run(RUN, model={"name": model, "promote": {"alias": "champion", "when": [rule]}})
    name = pod(world, RUN)
    runs(world, name)
    controllers.log_model(world, RUN, name, model, accuracy=0.9)
    end(world, name)
    says(world, "Succeeded")
    assert world.condition("TrainingRun", RUN, "Promoted")["status"] == "True"


def deleted_in_time(world: World) -> None:
    world.run(RUN, ttlSecondsAfterFinished=1)
    name = pod(world, RUN)
    runs(world, name)
    end(world, name)
    eventually(lambda: not world.kube.list("TrainingRun", world.namespace), "it is deleted")


STORIES = (
    Story("undisturbed", 0, undisturbed),
    Story("born suspended, resumed", 2, born_suspended),
    Story("suspended under way, resumed", 4, suspended_under_way),
    Story("a failed attempt", 1, failed_attempt),
    Story("waits for a node", 1, unschedulable),
    Story("waits for a quota", 1, refused_pod),
    Story("a disruption: attempt and reason", 2, disrupted),
    Story("two nodes", 1, two_nodes),
    Story("promoted", 0, promoted),
    Story("deleted by its ttl", 1, deleted_in_time),
)
