"""The life of a ModelDeployment against a real API server and a real MLflow; the tests play kubelet and controllers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration import kubelet
from tests.integration.audit import audited, writes
from tests.integration.kube import Body, Kube, eventually
from tests.integration.world import World, container

NAME = "web"


@pytest.fixture
def model(world: World) -> str:
    """A model's name of this test's own: MLflow is shared."""
    return f"model-{world.namespace}"


def status(world: World, holds: Callable[[Body], object], what: str, name: str = NAME) -> Body:
    """The status, once something holds of it."""

    def look() -> Body | None:
        seen = world.status("ModelDeployment", name)
        return seen if holds(seen) else None

    return eventually(look, what)


def version_of(entry: Body | None) -> str:
    return str((entry or {}).get("version", ""))


def serve(world: World, version: int, name: str = NAME) -> str:
    """Plays the controllers until a version serves alone; answers its revision."""
    deployment = world.revision(name, version)
    pods = world.ready_pods(deployment)
    revision = str(deployment["metadata"]["labels"]["modelcycle.dev/revision"])
    eventually(lambda: world.selected(name) == revision, f"clients are led to version {version}")
    world.endpoints(name, *pods)
    status(world, lambda s: (s.get("serving") or {}).get("since"), f"version {version} serves alone", name)
    return revision


def test_a_model_that_does_not_exist_is_said_and_picked_up_when_it_appears(world: World, model: str):
    world.deployment(NAME, {"name": model, "latest": {}})
    seen = status(world, lambda s: s.get("reason") == "ModelNotFound", "the model is missed")
    assert f"no registered model '{model}'" in seen["message"]
    assert world.condition("ModelDeployment", NAME, "ModelResolved")["status"] == "False"
    world.mlflow.register(model)
    serve(world, 1)
    seen = status(world, lambda s: s.get("reason") == "RolloutComplete", "the rollout is complete")
    assert version_of(seen["serving"]) == "1"
    assert seen["url"] == f"http://{NAME}.{world.namespace}.svc"
    for kind in ("Ready", "UpToDate", "Progressing", "ModelResolved", "RegistryReachable"):
        assert world.condition("ModelDeployment", NAME, kind)["status"] == "True", kind
    told = {"RolloutStarted", "TrafficSwitched", "RolloutComplete"}
    eventually(lambda: told <= world.events(NAME), "Events tell of it")


def test_an_alias_that_does_not_exist_is_picked_up_when_it_is_set(world: World, model: str):
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "alias": "champion"})
    status(world, lambda s: s.get("reason") == "AliasNotFound", "the alias is missed")
    world.mlflow.point(model, "champion", 1)
    assert world.revision(NAME, 1)


def test_clients_stay_with_the_old_version_until_the_new_one_is_ready(world: World, model: str):
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "latest": {}})
    old = serve(world, 1)
    world.mlflow.register(model)
    candidate = world.revision(NAME, 2)
    world.pod_of(candidate, "v2", phase="Running", containerStatuses=[container("serve", running={})])
    status(world, lambda s: (s.get("candidate") or {}).get("step") == "Proving", "version 2 is being proved")
    assert world.selected(NAME) == old
    world.pod_status("v2", conditions=[{"type": "Ready", "status": "True"}])
    world.count_ready(candidate)
    eventually(lambda: world.selected(NAME) != old, "clients are led to version 2")
    assert world.revision(NAME, 1), "the old version is still warm"
    world.endpoints(NAME, "v2")
    seen = status(world, lambda s: s.get("reason") == "RolloutComplete", "the rollout is complete")
    assert version_of(seen["serving"]) == "2"
    assert [version_of(past) for past in seen["history"]] == ["1"]

    def left() -> list[str]:
        return [d["metadata"]["name"] for d in world.kube.list("Deployment", world.namespace)]

    # Status is written before what it says is done.
    eventually(lambda: left() == [candidate["metadata"]["name"]], "the old version is gone")


def test_a_version_that_cannot_be_served_is_rejected_and_the_old_one_goes_on(world: World, model: str):
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "latest": {}})
    old = serve(world, 1)
    world.mlflow.register(model)
    said = "The model's folder is damaged: MLmodel is not YAML. Log the model again."
    ended = {"exitCode": 3, "reason": "Error", "message": said}
    world.pod_of(
        world.revision(NAME, 2),
        "v2",
        phase="Running",
        containerStatuses=[container("serve", restarts=1, terminated=ended)],
    )
    seen = status(world, lambda s: s.get("rejected"), "version 2 is rejected")
    assert seen["rejected"][0]["version"] == "2"
    assert said in seen["rejected"][0]["message"]
    assert seen["reason"] == "VersionRejected"
    assert world.selected(NAME) == old
    eventually(lambda: len(world.kube.list("Deployment", world.namespace)) == 1, "the candidate is gone")
    assert world.condition("ModelDeployment", NAME, "Ready")["status"] == "True"
    assert world.condition("ModelDeployment", NAME, "UpToDate")["status"] == "False"
    # The next version gets its chance.
    world.mlflow.register(model)
    assert world.revision(NAME, 3)


def test_a_version_that_is_not_ready_in_time_is_rejected(world: World, model: str):
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "latest": {}}, progressDeadlineSeconds=10)
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    world.pod_of(
        world.revision(NAME, 1),
        "v1",
        phase="Pending",
        containerStatuses=[container("serve", waiting=waiting)],
    )
    seen = status(world, lambda s: s.get("rejected"), "version 1 is rejected")
    assert seen["rejected"][0]["reason"] == "ProgressDeadlineExceeded"
    assert "image cannot be pulled" in seen["rejected"][0]["message"]


def test_what_the_init_container_says_is_in_status_while_it_runs(
    world: World, model: str, kube: Kube, tmp_path: Path
):
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "latest": {}})
    candidate = world.revision(NAME, 1)
    candidate["spec"]["template"]["spec"]["nodeName"] = kubelet.NODE
    with kubelet.running(tmp_path, kube) as node:
        node.logs = {"v1": b'{"level": "info", "message": "pip: Collecting xgboost"}\n'}
        started = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        at_it = container("prepare", running={"startedAt": started})
        world.pod_of(candidate, "v1", podIP="10.0.0.9", initContainerStatuses=[at_it])
        said = "0 of 1 pods are ready. It is being prepared: pip: Collecting xgboost"
        status(world, lambda s: (s.get("candidate") or {}).get("message") == said, "its progress is told")


def test_an_alias_that_moves_back_is_followed_back(world: World, model: str):
    for _ in range(2):
        world.mlflow.register(model)
    world.mlflow.point(model, "champion", 2)
    world.deployment(NAME, {"name": model, "alias": "champion"})
    serve(world, 2)
    world.mlflow.point(model, "champion", 1)
    serve(world, 1)
    seen = status(world, lambda s: version_of(s.get("serving")) == "1", "version 1 serves")
    assert version_of(seen["history"][0]) == "2"


def test_what_serves_goes_on_serving_while_the_registry_is_down(
    world: World, model: str, registry_down: Callable[[], None]
):
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "latest": {}})
    old = serve(world, 1)
    registry_down()
    eventually(
        lambda: world.condition("ModelDeployment", NAME, "RegistryReachable")["status"] == "False",
        "the outage is said",
    )
    assert world.condition("ModelDeployment", NAME, "Ready")["status"] == "True"
    assert world.selected(NAME) == old
    world.mlflow.start()
    world.mlflow.register(model)
    assert world.revision(NAME, 2)


def test_a_service_of_somebody_else_with_the_same_name_is_left_alone(world: World, model: str):
    spec = {"selector": {"app": "mine"}, "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME}, "spec": spec}
    before = world.kube.create(service, world.namespace)
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "latest": {}})
    world.ready_pods(world.revision(NAME, 1))
    seen = status(world, lambda s: s.get("reason") == "NameTaken", "the name is taken")
    assert "Service 'web' that is somebody else's" in seen["message"]
    assert world.get("Service", NAME)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


def test_a_missing_claim_is_said_and_the_rollout_starts_when_it_is_there(bare: World):
    model = f"model-{bare.namespace}"
    bare.mlflow.register(model)
    bare.deployment(NAME, {"name": model, "latest": {}})
    status(bare, lambda s: "PersistentVolumeClaim 'mlruns'" in s.get("message", ""), "the claim is missed")
    assert not bare.kube.list("Deployment", bare.namespace)
    bare.claim()
    assert bare.revision(NAME, 1)


def test_a_version_on_s3_is_rolled_out_by_pods_that_fetch_it(world: World, model: str):
    world.mlflow.call("POST", "registered-models/create", {"name": model})
    world.mlflow.call("POST", "model-versions/create", {"name": model, "source": "s3://bucket/model"})
    world.deployment(NAME, {"name": model, "latest": {}})
    eventually(lambda: world.revision(NAME, 1), "its Deployment is made")
    (init,) = world.revision(NAME, 1)["spec"]["template"]["spec"]["initContainers"]
    assert {"name": "MODELCYCLE_MODEL_URI", "value": "s3://bucket/model"} in init["env"]


def test_kubectl_scale_moves_the_serving_pods_only_by_spec_replicas(world: World, model: str):
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "latest": {}})
    serve(world, 1)
    world.kubectl("scale", "modeldeployment", NAME, "--replicas=3")
    eventually(lambda: world.revision(NAME, 1)["spec"]["replicas"] == 3, "the Deployment has 3 replicas")
    world.kubectl("scale", "modeldeployment", NAME, "--replicas=0")
    status(
        world,
        lambda s: any(c["reason"] == "ScaledToZero" for c in s.get("conditions") or ()),
        "it is scaled to zero",
    )
    assert world.condition("ModelDeployment", NAME, "Ready")["status"] == "False"


def test_a_settled_deployment_and_a_restarted_operator_write_nothing(world: World, model: str):
    world.mlflow.register(model)
    world.deployment(NAME, {"name": model, "latest": {}})
    serve(world, 1)
    status(world, lambda s: s.get("reason") == "RolloutComplete", "the rollout is complete")
    world.operator.stop()
    with audited(world.server) as entries:
        world.operator.start()
        # Another deployment's candidate shows that all that was there before has been looked at.
        world.apply("ModelDeployment", "second", {"model": {"name": model, "version": 1}})
        world.revision("second", 1)
        mine = [e for e in entries() if e["objectRef"].get("name") == NAME]
        assert writes(mine) == []
