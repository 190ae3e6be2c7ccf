"""What stands beside the pods that serve, on a real API server."""

from tests.integration.kube import eventually
from tests.integration.world import World

NAME = "it-beside"
SCALED = {"minReplicas": 2, "maxReplicas": 4}


def test_an_autoscaler_and_a_disruption_budget_come_change_and_go_with_the_spec(world: World):
    world.mlflow.register(NAME)
    world.deployment("beside", {"name": NAME, "latest": {}}, autoscaling=SCALED)

    def bounds() -> tuple[int, int] | None:
        spec = world.get("HorizontalPodAutoscaler", "beside")["spec"]
        return (spec["minReplicas"], spec["maxReplicas"])

    assert eventually(bounds, "the autoscaler is there") == (2, 4)
    budget = eventually(lambda: world.get("PodDisruptionBudget", "beside"), "the budget is there")
    assert budget["spec"]["maxUnavailable"] == 1
    world.kubectl("patch", "pdb", "beside", "--type=merge", "-p", '{"spec": {"maxUnavailable": 2}}')
    eventually(
        lambda: world.get("PodDisruptionBudget", "beside")["spec"]["maxUnavailable"] == 1,
        "the budget is as it was",
    )
    patch = '{"spec": {"autoscaling": {"maxReplicas": 6}}}'
    world.kubectl("patch", "modeldeployment", "beside", "--type=merge", "-p", patch)
    eventually(lambda: bounds() == (2, 6), "the autoscaler has the new bounds")
    world.kubectl(
        "patch", "modeldeployment", "beside", "--type=merge", "-p", '{"spec": {"autoscaling": null}}'
    )
    eventually(
        lambda: not world.kube.list("HorizontalPodAutoscaler", world.namespace), "the autoscaler is gone"
    )
    eventually(lambda: not world.kube.list("PodDisruptionBudget", world.namespace), "the budget is gone")


def test_an_overlay_that_cannot_be_merged_rejects_the_version_with_a_sentence(world: World):
    world.mlflow.register("it-overlay")
    overlay = {"spec": {"restartPolicy": "Never"}}
    world.deployment("overlay", {"name": "it-overlay", "latest": {}}, podTemplate=overlay)
    rejected = eventually(
        lambda: world.status("ModelDeployment", "overlay").get("rejected"), "it is rejected"
    )
    assert rejected[0]["reason"] == "PodTemplateInvalid"
    assert "restartPolicy may not be set" in rejected[0]["message"]
