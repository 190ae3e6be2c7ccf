"""What stands beside the pods that serve."""

from typing import Any

import pytest
from modelcycle.plan import REVISION_LABEL
from modelcycle.serving.accessories import changes
from modelcycle.serving.observed import Accessory
from modelcycle.serving.plan import plan

from tests.builders.base import NOW
from tests.builders.resources import ModelDeploymentBuilder, a_model_deployment
from tests.builders.seen import a_deployment_seen

SCALED = {"minReplicas": 2, "maxReplicas": 5, "targetCPUUtilizationPercentage": 70}


INGRESS = {"host": "iris.example.org"}
GATEWAY = {"host": "iris.example.org", "gateway": {"name": "public"}}


def made(deployment: ModelDeploymentBuilder, *there: Accessory) -> list[str]:
    found = changes(deployment.build(), there)
    return [
        *(f"+{body['kind']}" for body in found.creates),
        *(f"~{patch.ref.kind}" for patch in found.patches),
        *(f"-{ref.kind}" for ref in found.deletes),
    ]


def as_made(deployment: ModelDeploymentBuilder) -> tuple[Accessory, ...]:
    """All that is wanted is there, with defaults that the API server has set, at any depth."""
    return tuple(
        Accessory(body["kind"], "iris", "uid", "1", defaulted(body["spec"]))
        for body in changes(deployment.build(), ()).creates
    )


def defaulted(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{name: defaulted(below) for name, below in value.items()}, "aDefault": {}}
    return [defaulted(below) for below in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("deployment", "wanted"),
    [
        pytest.param(a_model_deployment(), [], id="one pod"),
        pytest.param(a_model_deployment().with_replicas(0), [], id="none"),
        pytest.param(a_model_deployment().with_replicas(2), ["+PodDisruptionBudget"], id="two"),
        pytest.param(
            a_model_deployment().with_spec(autoscaling=SCALED),
            ["+HorizontalPodAutoscaler", "+PodDisruptionBudget"],
            id="at least two",
        ),
        pytest.param(
            a_model_deployment().with_replicas(3).with_spec(autoscaling={**SCALED, "minReplicas": 1}),
            ["+HorizontalPodAutoscaler"],
            id="as many as are needed, and perhaps one",
        ),
        pytest.param(a_model_deployment().with_spec(route=INGRESS), ["+Ingress"], id="a host"),
        pytest.param(a_model_deployment().with_spec(route=GATEWAY), ["+HTTPRoute"], id="a host of a Gateway"),
    ],
)
def test_what_stands_beside(deployment: ModelDeploymentBuilder, wanted: list[str]) -> None:
    assert made(deployment) == wanted
    assert made(deployment, *as_made(deployment)) == [], "then nothing is written"


def test_what_is_not_wanted_any_more_goes() -> None:
    there = as_made(a_model_deployment().with_spec(autoscaling=SCALED))
    assert made(a_model_deployment(), *there) == ["-HorizontalPodAutoscaler", "-PodDisruptionBudget"]


def test_what_a_spec_says_no_more_is_taken_out_of_what_is_there() -> None:
    there = as_made(a_model_deployment().with_spec(route={**INGRESS, "tlsSecretName": "iris-tls"}))
    (patch,) = changes(a_model_deployment().with_spec(route=INGRESS).build(), there).patches
    assert patch.body["spec"]["tls"] is None


def test_of_one_way_in_comes_the_other() -> None:
    there = as_made(a_model_deployment().with_spec(route=INGRESS))
    assert made(a_model_deployment().with_spec(route=GATEWAY), *there) == ["+HTTPRoute", "-Ingress"]


def test_other_bounds_are_written_into_the_autoscaler_that_is_there() -> None:
    there = as_made(a_model_deployment().with_spec(autoscaling=SCALED))
    wider = a_model_deployment().with_spec(autoscaling={**SCALED, "maxReplicas": 9})
    assert made(wider, *there) == ["~HorizontalPodAutoscaler"]


def test_the_autoscaler_scales_the_model_deployment_itself() -> None:
    (autoscaler, _) = changes(a_model_deployment().with_spec(autoscaling=SCALED).build(), ()).creates
    assert autoscaler["spec"]["scaleTargetRef"]["kind"] == "ModelDeployment"
    assert autoscaler["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 70


def test_a_drain_heeds_the_pods_of_what_serves_alone() -> None:
    """Pods of a version that never gets ready would hold it up until their deadline."""
    two = a_model_deployment().with_replicas(2)
    serving = two.with_status(serving={"version": "1", "revision": "v1-a"})
    (before,), (after,) = changes(two.build(), ()).creates, changes(serving.build(), ()).creates
    of_all = before["spec"]["selector"]["matchLabels"]
    of_it = after["spec"]["selector"]["matchLabels"]
    assert of_it == of_all | {REVISION_LABEL: "v1-a"}
    assert made(serving, *as_made(two)) == ["~PodDisruptionBudget"]


def test_the_pass_that_records_what_serves_leads_the_disruption_budget_to_it() -> None:
    """Nothing else may happen afterwards that would wake the operator."""
    before = a_deployment_seen(a_model_deployment().with_replicas(2)).recorded_as_serving(1)
    seen = before.but(accessories=as_made(before.deployment))
    switched = seen.following(2).with_ready_pods_of(2, 2).selecting(2).trying(2, step="Switching")
    planned = plan(switched.observed(), NOW)
    assert planned.status
    assert planned.status.serving.revision == switched.name_of(2)  # type: ignore[attr-defined]
    budget = next(patch for patch in planned.patches if patch.ref.kind == "PodDisruptionBudget")
    assert budget.body["spec"]["selector"]["matchLabels"][REVISION_LABEL] == switched.name_of(2)
