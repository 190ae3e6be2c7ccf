"""What a TrainingRun's Job looks like to a real API server: overlays, data, queues, several nodes."""

import pytest

from tests.integration.audit import audited, writes
from tests.integration.kube import Body, eventually
from tests.integration.world import World, container

NAME = "run"


def status_with(world: World, **wanted: str) -> Body:
    """The status, once it has these values."""

    def look() -> Body | None:
        status = world.status("TrainingRun", NAME)
        return status if wanted.items() <= status.items() else None

    return eventually(look, f"{wanted}")


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        (
            {"tolerations": [{"key": "gpu", "operator": "Equals"}]},
            "JobRefused",
            "spec.template.spec.tolerations[0].operator: Unsupported value",
        ),
        (
            {"nodeSelektor": {"gpu": "a100"}},
            "JobRefused",
            'unknown field "spec.template.spec.nodeSelektor"',
        ),
        ({"volumes": [{"name": "data", "nfs": "server:/path"}]}, "JobRefused", "cannot unmarshal string"),
        ({"priority": "high"}, "JobRefused", "cannot unmarshal string"),
        ({"restartPolicy": "OnFailure"}, "PodTemplateRefused", "restartPolicy may not be set"),
        ({"volumes": "data"}, "PodTemplateRefused", "is to be a list of objects, each with a 'name'"),
    ],
    ids=[
        "a value that there is not",
        "a misspelt field",
        "a string for a volume",
        "a word for a number",
        "restarts",
        "no list",
    ],
)
def test_a_pod_template_that_cannot_be_fails_the_run_with_what_is_wrong(
    world: World, spec: Body, reason: str, words: str
):
    world.run(NAME, podTemplate={"spec": spec})
    status = status_with(world, phase="Failed")
    assert (status["reason"], words in status["message"]) == (reason, True), status
    failed = world.condition("TrainingRun", NAME, "Failed")
    assert words in failed["message"]
    assert not world.kube.list("Job", world.namespace)


def test_an_overlay_is_in_the_job_that_the_api_server_took(world: World):
    sidecar = {"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}
    world.run(
        NAME,
        podTemplate={
            "metadata": {"labels": {"modelcycle.dev/trainingrun": "hidden", "team": "a"}},
            "spec": {
                "tolerations": [{"key": "gpu", "operator": "Exists"}],
                "securityContext": {"runAsUser": None, "fsGroup": 10001},
                "initContainers": [sidecar],
                "containers": [{"name": "train", "env": [{"name": "MLFLOW_RUN_CONTEXT", "value": "{}"}]}],
                "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory"}}],
            },
        },
    )
    template = world.job(NAME)["spec"]["template"]
    pod = template["spec"]
    assert template["metadata"]["labels"].items() >= {"modelcycle.dev/trainingrun": NAME, "team": "a"}.items()
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists"}]
    assert pod["securityContext"].get("runAsUser") is None
    assert (pod["securityContext"]["runAsGroup"], pod["securityContext"]["fsGroup"]) == (10001, 10001)
    assert [c["name"] for c in pod["initContainers"]] == ["proxy"]
    assert {"name": "tmp", "emptyDir": {"medium": "Memory"}} in pod["volumes"]
    (context,) = [v for v in pod["containers"][0]["env"] if v["name"] == "MLFLOW_RUN_CONTEXT"]
    assert "modelcycle.trainingrun.uid" in context["value"]


def test_a_claim_of_the_data_that_is_missing_is_named_and_the_run_starts_when_it_is_there(world: World):
    data = {"name": "data", "persistentVolumeClaim": {"claimName": "iris-data", "readOnly": True}}
    world.run(NAME, volumes=[data], volumeMounts=[{"name": "data", "mountPath": "/data"}])
    status = status_with(world, reason="ClaimNotFound")
    assert "PersistentVolumeClaim 'iris-data'" in status["message"]
    world.claim("iris-data")
    assert data in world.job(NAME)["spec"]["template"]["spec"]["volumes"]


def test_a_run_in_a_queue_waits_for_kueue(world: World):
    body = {
        "apiVersion": "modelcycle.dev/v1alpha1",
        "kind": "TrainingRun",
        "metadata": {"name": NAME, "labels": {"kueue.x-k8s.io/queue-name": "gpus"}},
        "spec": {},
    }
    world.kube.create(body, world.namespace)
    job = world.job(NAME)
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    assert job["spec"]["suspend"] is True


def test_several_nodes_are_a_service_an_indexed_job_and_one_more_write(world: World):
    with audited(world.server) as entries:
        world.run(NAME, nodes=3)
        job = world.job(NAME)
        service = world.get("Service", f"{NAME}-nodes")
        for rank in range(3):
            pod = world.pod_of(job, f"run-{rank}")
            label = {"metadata": {"labels": {"batch.kubernetes.io/job-completion-index": str(rank)}}}
            world.kube.patch("Pod", world.namespace, pod["metadata"]["name"], label)
            world.pod_status(
                f"run-{rank}", phase="Running", containerStatuses=[container("train", running={})]
            )
        status = status_with(world, phase="Running")
        assert status["attempts"] == 1
        world.end_job(NAME, "Complete", succeeded=3)
        status_with(world, phase="Succeeded")
        mine = [e for e in entries() if e["objectRef"].get("namespace") == world.namespace]
    assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)
    assert service["metadata"]["ownerReferences"] == job["metadata"]["ownerReferences"]
    assert (job["spec"]["completionMode"], job["spec"]["parallelism"]) == ("Indexed", 3)
    said = ["update trainingruns/status"] * 2
    assert writes(mine) == ["create services", "create jobs", *said]


def test_nodes_whose_service_has_another_owner_do_not_start(world: World):
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{NAME}-nodes"},
        "spec": {"clusterIP": "None"},
    }
    world.kube.create(service, world.namespace)
    world.run(NAME, nodes=2)
    status = status_with(world, reason="NameTaken")
    assert f"There is a Service '{NAME}-nodes' that is somebody else's" in status["message"]
    assert not world.kube.list("Job", world.namespace)
