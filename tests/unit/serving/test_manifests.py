"""The Deployment of a revision, and the Service that clients use."""

from dataclasses import replace
from typing import Any

import pytest
from modelcycle.plan import DEPLOYMENT_LABEL, MANAGED_BY, REVISION_LABEL, VERSION_LABEL
from modelcycle.serving import manifests

from tests.builders.base import DEFAULTS
from tests.builders.registry import path_of
from tests.builders.resources import ModelDeploymentBuilder, a_model_deployment


def deployment_of(deployment: ModelDeploymentBuilder | None = None, number: int = 2) -> dict[str, Any]:
    made = deployment or a_model_deployment()
    return manifests.revision_deployment(made.build(), DEFAULTS, made.revision(number), 3)


def pod_of(deployment: ModelDeploymentBuilder | None = None) -> dict[str, Any]:
    pod: dict[str, Any] = deployment_of(deployment)["spec"]["template"]["spec"]
    return pod


def container_of(deployment: ModelDeploymentBuilder | None = None) -> dict[str, Any]:
    (container,) = pod_of(deployment)["containers"]
    found: dict[str, Any] = container
    return found


def environment_of(deployment: ModelDeploymentBuilder | None = None) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container_of(deployment)["env"]}


def init_of(pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["initContainers"]
    found: dict[str, Any] = container
    return found


def test_a_deployment_is_named_and_labelled_after_its_revision() -> None:
    revision = a_model_deployment().revision(2).name
    made = deployment_of()
    labels = {DEPLOYMENT_LABEL: "iris", REVISION_LABEL: revision, VERSION_LABEL: "2", **MANAGED_BY}
    assert made["metadata"]["name"] == f"iris-{revision}"
    assert made["metadata"]["labels"] == labels
    assert made["spec"]["template"]["metadata"]["labels"] == labels


def test_a_deployment_selects_the_pods_of_its_revision_alone() -> None:
    revision = a_model_deployment().revision(2).name
    selector = {DEPLOYMENT_LABEL: "iris", REVISION_LABEL: revision}
    assert deployment_of()["spec"]["selector"] == {"matchLabels": selector}


def test_children_are_collected_with_their_owner_and_never_block_its_deletion() -> None:
    deployment = a_model_deployment()
    service = manifests.client_service(deployment.build(), "v2-12345678")
    for child in (deployment_of(deployment), service):
        (owner,) = child["metadata"]["ownerReferences"]
        assert owner == {
            "apiVersion": "modelcycle.dev/v1alpha1",
            "kind": "ModelDeployment",
            "name": "iris",
            "uid": "iris-uid",
            "controller": True,
            "blockOwnerDeletion": False,
        }


def test_clients_reach_the_pods_of_the_named_revision_on_port_80() -> None:
    service = manifests.client_service(a_model_deployment().build(), "v2-12345678")
    assert service["metadata"]["name"] == "iris"
    assert service["spec"] == {
        "selector": {DEPLOYMENT_LABEL: "iris", REVISION_LABEL: "v2-12345678"},
        "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
    }
    assert manifests.url(a_model_deployment().build()) == "http://iris.team.svc"


def test_pods_are_told_their_model_by_its_folder() -> None:
    environment = environment_of()
    assert environment["MODELCYCLE_MODEL_NAME"] == "iris"
    assert environment["MODELCYCLE_MODEL_VERSION"] == "2"
    assert environment["MODELCYCLE_MODEL_PATH"] == path_of(2)


def test_the_users_environment_cannot_change_what_is_served() -> None:
    """Of two variables of a name the last one counts."""
    own = [
        {"name": "MODELCYCLE_MODEL_PATH", "value": "/tmp/other"},
        {"name": "OMP_NUM_THREADS", "value": "1"},
    ]
    environment = environment_of(a_model_deployment().with_spec(env=own))
    assert environment["MODELCYCLE_MODEL_PATH"] == path_of(2)
    assert environment["OMP_NUM_THREADS"] == "1"


def test_the_server_mounts_everything_read_only_and_the_init_container_writes_the_cache_alone() -> None:
    pod = pod_of()
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "mlruns"]
    assert volume["persistentVolumeClaim"] == {"claimName": "mlruns"}
    models = {"name": "mlruns", "mountPath": "/mlruns", "subPath": "mlruns", "readOnly": True}
    cache = {"name": "mlruns", "mountPath": "/cache", "subPath": "cache"}
    tmp = {"name": "tmp", "mountPath": "/tmp"}
    assert container_of()["volumeMounts"] == [models, {**cache, "readOnly": True}, tmp]
    assert init_of(pod)["volumeMounts"] == [models, {**cache, "readOnly": False}, tmp]


def test_the_init_container_prepares_by_the_same_image_environment_and_resources() -> None:
    own = [{"name": "PIP_INDEX_URL", "value": "https://packages.example.org/simple"}]
    spec = {"image": "own/serve:2", "resources": {"limits": {"memory": "1Gi"}}, "env": own}
    deployment = a_model_deployment().with_spec(**spec)
    init, serve = init_of(pod_of(deployment)), container_of(deployment)
    assert init["command"] == ["python", "-m", "modelserver.prepare"]
    for field in ("image", "resources", "securityContext", "terminationMessagePolicy"):
        assert init[field] == serve[field]
    environment = {variable["name"]: variable["value"] for variable in init["env"]}
    assert environment["PIP_INDEX_URL"] == "https://packages.example.org/simple"
    assert environment["MODELCYCLE_MODEL_PATH"] == path_of(2)
    assert environment["MODELCYCLE_REQUIREMENTS"] == "Install"


def test_files_that_are_not_on_the_volume_are_fetched_by_their_address_with_mlflows_credentials() -> None:
    store = {"secretRef": {"name": "store"}}
    deployment = a_model_deployment().with_spec(envFrom=[store])
    elsewhere = replace(deployment.revision(2), path="", uri="mlflow-artifacts:/costs/$(HOME)")
    defaults = replace(DEFAULTS, registry_secret="mlflow")
    made = manifests.revision_deployment(deployment.build(), defaults, elsewhere, 1)
    init = init_of(made["spec"]["template"]["spec"])
    environment = {variable["name"]: variable["value"] for variable in init["env"]}
    assert environment["MODELCYCLE_MODEL_URI"] == "mlflow-artifacts:/costs/$$(HOME)"
    assert environment["MODELCYCLE_MODEL_PATH"] == ""
    assert environment["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    assert init["envFrom"] == [store, {"secretRef": {"name": "mlflow", "optional": True}}]
    assert made["spec"]["template"]["spec"]["containers"][0]["envFrom"] == [store]


def test_pods_are_restricted_and_have_no_token() -> None:
    pod = pod_of()
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["runAsGroup"] == 10001
    assert "fsGroup" not in pod["securityContext"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }


@pytest.mark.parametrize(
    ("spec", "name", "value"),
    [
        ({}, "MODELCYCLE_SELF_TEST_MODE", "Predict"),
        ({}, "MODELCYCLE_SELF_TEST_TIMEOUT_SECONDS", "30"),
        ({}, "MODELCYCLE_TRUST", "Any"),
        ({"selfTest": {"mode": "Load"}}, "MODELCYCLE_SELF_TEST_MODE", "Load"),
        ({"selfTest": {"timeoutSeconds": 90}}, "MODELCYCLE_SELF_TEST_TIMEOUT_SECONDS", "90"),
        ({"trust": "NoPickle"}, "MODELCYCLE_TRUST", "NoPickle"),
    ],
    ids=str,
)
def test_the_server_is_told_how_to_prove_the_model(spec: dict[str, Any], name: str, value: str) -> None:
    assert environment_of(a_model_deployment().with_spec(**spec))[name] == value


def test_a_pod_is_ready_by_its_own_example_and_alive_by_its_loop() -> None:
    container = container_of(a_model_deployment().with_spec(progressDeadlineSeconds=120))
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    startup = container["startupProbe"]
    assert startup["httpGet"]["path"] == "/readyz"
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 120


def test_a_pod_has_time_to_drain() -> None:
    assert pod_of()["terminationGracePeriodSeconds"] > int(environment_of()["MODELCYCLE_DRAIN_SECONDS"]) + 5


@pytest.mark.parametrize(
    ("spec", "field", "value"),
    [
        ({"image": "own/serve:2"}, "image", "own/serve:2"),
        ({"resources": {"limits": {"cpu": 2}}}, "resources", {"limits": {"cpu": 2}}),
    ],
    ids=["image", "resources"],
)
def test_the_container_takes_from_the_spec_its(spec: dict[str, Any], field: str, value: Any) -> None:
    assert container_of(a_model_deployment().with_spec(**spec))[field] == value


def test_the_container_leaves_out_what_the_spec_leaves_out() -> None:
    assert "resources" not in container_of()


def test_replicas_are_those_asked_for() -> None:
    assert deployment_of(a_model_deployment())["spec"]["replicas"] == 3


def test_an_overlay_is_merged_into_the_pod_and_cannot_take_its_marks() -> None:
    overlay = {
        "metadata": {"labels": {"modelcycle.dev/revision": "mine", "team": "a"}},
        "spec": {"nodeSelector": {"disk": "fast"}, "containers": [{"name": "serve", "workingDir": "/x"}]},
    }
    made = a_model_deployment().with_spec(podTemplate=overlay)
    template = deployment_of(made)["spec"]["template"]
    assert template["metadata"]["labels"]["modelcycle.dev/revision"] == made.revision(2).name
    assert template["metadata"]["labels"]["team"] == "a"
    assert template["spec"]["nodeSelector"] == {"disk": "fast"}
    (container,) = template["spec"]["containers"]
    assert (container["workingDir"], bool(container["image"])) == ("/x", True)


def test_an_overlay_without_what_serves_is_refused_in_a_sentence() -> None:
    overlay = {"spec": {"containers": [{"name": "serve", "$patch": "delete"}]}}
    made = a_model_deployment().with_spec(podTemplate=overlay)
    assert "'serve'" in manifests.overlay_problem(made.build(), DEFAULTS, made.revision(1))
    assert manifests.overlay_problem(a_model_deployment().build(), DEFAULTS, made.revision(1)) == ""


def test_replicas_are_those_of_the_spec() -> None:
    assert deployment_of(a_model_deployment().with_replicas(3))["spec"]["replicas"] == 3


def test_batching_is_told_to_the_pod_only_where_it_is_asked_for() -> None:
    asked = environment_of(a_model_deployment().with_spec(batching={"maxBatchSize": 64}))
    told = {name: value for name, value in asked.items() if name.startswith("MODELCYCLE_BATCH")}
    assert told == {"MODELCYCLE_BATCH_MAX_ROWS": "64", "MODELCYCLE_BATCH_MAX_LATENCY_MS": "10"}
    assert not [name for name in environment_of() if name.startswith("MODELCYCLE_BATCH")]
