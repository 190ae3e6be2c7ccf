"""Two clusters on one MLflow: each operator ends what its own deleted TrainingRuns left running, and no more."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.integration import apiserver
from tests.integration.conftest import prepared
from tests.integration.kube import Kube, eventually
from tests.integration.mlflow_server import MlflowServer
from tests.integration.process import Operator
from tests.integration.world import World, container

WATCHED, UNWATCHED = "watched", "unwatched"


@dataclass(frozen=True)
class Site:
    """A cluster, and a namespace of it."""

    kube: Kube
    mlflow: MlflowServer
    namespace: str

    def run(self, name: str) -> str:
        """A TrainingRun; its UID."""
        body = {"apiVersion": "modelcycle.dev/v1alpha1", "kind": "TrainingRun", "spec": {}}
        made = self.kube.create({**body, "metadata": {"name": name}}, self.namespace)
        return str(made["metadata"]["uid"])

    def script_of(self, name: str, uid: str = "deleted") -> str:
        """An MLflow run that goes on, of a TrainingRun; its id."""
        tags = {
            "modelcycle.cluster": self.kube.get("Namespace", "", "kube-system")["metadata"]["uid"],
            "modelcycle.namespace": self.namespace,
            "modelcycle.trainingrun": name,
            "modelcycle.trainingrun.uid": uid,
            "modelcycle.pod": f"{name}-1",
        }
        return self.mlflow.begin_run(tags)

    def is_killed(self, run_id: str) -> None:
        eventually(lambda: self.mlflow.run_status(run_id) == "KILLED", f"{run_id} is KILLED")


@pytest.fixture
def here(world: World) -> Site:
    """The cluster of all other tests; its operator watches all namespaces."""
    return Site(world.kube, world.mlflow, world.namespace)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory, mlflow: MlflowServer) -> Iterator[Kube]:
    """Another cluster; its operator watches one namespace."""
    with prepared(tmp_path_factory.mktemp("elsewhere")) as server:
        for name in (WATCHED, UNWATCHED):
            apiserver.kubectl(server, "create", "namespace", name)
        operator = Operator(server, mlflow, namespaces=(WATCHED,))
        operator.start()
        yield Kube(server)
        operator.stop()


def test_what_deleted_runs_left_running_is_ended_by_their_own_operator_alone(here: Site, elsewhere: Kube):
    there = Site(elsewhere, here.mlflow, WATCHED)
    unwatched = Site(elsewhere, here.mlflow, UNWATCHED)
    going_on = {
        "of a run of ours": here.script_of("lives", here.run("lives")),
        "of another cluster's run": there.script_of("lives", there.run("lives")),
        "of a namespace that nobody watches": unwatched.script_of("gone"),
        "of somebody else": here.mlflow.begin_run({"modelcycle.cluster": "unknown"}),
        "of nobody": here.mlflow.begin_run({}),
    }
    for _ in range(2):  # by the second time, all that goes on was looked at as often as was needed
        for site in (here, there):
            site.is_killed(site.script_of("gone"))
    assert {what: here.mlflow.run_status(run) for what, run in going_on.items()} == dict.fromkeys(
        going_on, "RUNNING"
    )


def test_a_run_whose_pod_goes_on_is_ended_when_the_pod_has(here: Site, world: World):
    here.run("orphaned")
    job = world.job("orphaned")
    world.pod_of(job, "orphaned-1", phase="Running", containerStatuses=[container("train", running={})])
    left = here.script_of("orphaned", job["metadata"]["ownerReferences"][0]["uid"])
    world.kubectl("delete", "trainingrun", "orphaned")  # nobody here collects its Job and pod
    here.is_killed(here.script_of("gone"))
    here.is_killed(here.script_of("gone"))
    assert here.mlflow.run_status(left) == "RUNNING"
    done = container("train", terminated={"exitCode": 0, "reason": "Completed"})
    world.pod_status("orphaned-1", phase="Succeeded", containerStatuses=[done])
    here.is_killed(left)


def test_a_run_that_is_deleted_while_the_operator_is_down_is_ended_when_it_is_back(here: Site, world: World):
    uid = here.run("in-flight")
    world.job("in-flight")
    left = here.script_of("in-flight", uid)
    world.operator.stop()
    world.kubectl("delete", "trainingrun", "in-flight")
    world.operator.start()
    here.is_killed(left)


def test_tags_that_are_no_names_hinder_nobody(here: Site):
    strange = Site(here.kube, here.mlflow, "../../../api/v1/namespaces/x")
    left = strange.script_of("pods?watch=true")
    here.is_killed(here.script_of("gone"))
    here.is_killed(here.script_of("gone"))
    assert here.mlflow.run_status(left) == "RUNNING"
