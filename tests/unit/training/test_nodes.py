"""A training on several nodes."""

from typing import Any

import pytest
from modelcycle.training import nodes
from modelcycle.training.job import job

from tests.builders.base import DEFAULTS
from tests.builders.resources import TrainingRunBuilder, a_training_run

INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"


def job_of(run: TrainingRunBuilder) -> dict[str, Any]:
    return job(run.build(), DEFAULTS)


def pod_of(run: TrainingRunBuilder) -> dict[str, Any]:
    pod: dict[str, Any] = job_of(run)["spec"]["template"]["spec"]
    return pod


def service_of(run: TrainingRunBuilder) -> dict[str, Any]:
    return nodes.service(run.build())


THREE = a_training_run().on_nodes(3)


def test_each_node_has_a_pod_of_its_own_number() -> None:
    spec = job_of(THREE)["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)


@pytest.mark.parametrize("run", [a_training_run(), a_training_run().on_nodes(1)], ids=["none named", "one"])
def test_one_node_is_an_ordinary_job(run: TrainingRunBuilder) -> None:
    job = job_of(run)["spec"]
    assert not {"completionMode", "completions", "parallelism"} & set(job)
    assert not {"subdomain", "topologySpreadConstraints"} & set(pod_of(run))
    assert "MASTER_ADDR" not in [variable["name"] for variable in pod_of(run)["containers"][0]["env"]]


def test_pods_find_each_other_by_name_before_they_are_ready() -> None:
    service = service_of(THREE)
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert (
        service["spec"]["selector"].items() <= job_of(THREE)["spec"]["template"]["metadata"]["labels"].items()
    )
    assert pod_of(THREE)["subdomain"] == service["metadata"]["name"]


def test_the_service_is_collected_with_the_run_and_is_not_the_one_of_a_deployment_of_its_name() -> None:
    metadata = service_of(THREE)["metadata"]
    assert metadata["ownerReferences"] == job_of(THREE)["metadata"]["ownerReferences"]
    assert metadata["name"] == "iris-1-nodes"


def test_the_pods_of_a_former_run_of_the_same_name_are_not_found() -> None:
    assert service_of(THREE)["spec"]["selector"] != service_of(THREE.with_uid("later"))["spec"]["selector"]


def test_the_environment_is_what_torch_reads() -> None:
    env = {variable["name"]: variable for variable in pod_of(THREE)["containers"][0]["env"]}
    values = {name: variable["value"] for name, variable in env.items() if "value" in variable}
    wanted = {"MASTER_ADDR": "iris-1-0.iris-1-nodes", "MASTER_PORT": "29500"}
    assert values.items() >= (wanted | {"WORLD_SIZE": "3", "PET_NNODES": "3"}).items()
    assert values.items() >= {f"PET_{name}": value for name, value in wanted.items()}.items()
    for name in ("RANK", "NODE_RANK", "PET_NODE_RANK"):
        assert env[name]["valueFrom"]["fieldRef"]["fieldPath"] == INDEX


def test_the_user_may_say_more_of_it_and_name_it() -> None:
    own = [{"name": "WORLD_SIZE", "value": "12"}, {"name": "URL", "value": "tcp://$(MASTER_ADDR)"}]
    env = pod_of(THREE.with_spec(env=own))["containers"][0]["env"]
    assert [v["value"] for v in env if v["name"] == "WORLD_SIZE"] == ["3", "12"]
    names = [variable["name"] for variable in env]
    assert names.index("MASTER_ADDR") < names.index("URL")


def test_nodes_are_shared_only_where_there_are_too_few() -> None:
    (spread,) = pod_of(THREE)["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["maxSkew"]) == ("kubernetes.io/hostname", 1)
    assert spread["whenUnsatisfiable"] == "ScheduleAnyway"


@pytest.mark.parametrize(
    ("run", "action"),
    [
        pytest.param(a_training_run(), "Ignore", id="of one node is no attempt"),
        pytest.param(THREE, "FailJob", id="of several ends all, since none can join again"),
        pytest.param(
            THREE.with_spec(backoffLimit=2), "Ignore", id="of several that can join again is no attempt"
        ),
    ],
)
def test_a_disruption(run: TrainingRunBuilder, action: str) -> None:
    (rule,) = job_of(run)["spec"]["podFailurePolicy"]["rules"]
    assert rule["action"] == action
    assert rule["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
