"""Exact shares: who has them, what the Gateway leads to a revision, and who has a Service of its own for it."""

from dataclasses import replace
from typing import Any

import pytest
from modelcycle.api.modeldeployment import Candidate
from modelcycle.serving import way_in, weights
from modelcycle.serving.decision import Share
from modelcycle.serving.observed import Accessory, Backend, project_service

from tests.builders.base import NOW
from tests.builders.children import a_client_service
from tests.builders.resources import a_model_deployment
from tests.builders.seen import DeploymentSeen, a_deployment_seen
from tests.unit.serving.canaries import CANARY
from tests.unit.serving.rollouts import decided

PUBLIC = {"name": "public", "namespace": "infra"}
BY_GATEWAY = {"host": "iris.example.org", "gateway": PUBLIC}
BY_INGRESS = {"host": "iris.example.org"}
BLUE_GREEN = {"type": "BlueGreen", "canary": None}
EXACT: dict[str, Any] = {"strategy": CANARY, "route": BY_GATEWAY}


@pytest.mark.parametrize(
    ("spec", "used"),
    [
        ({"strategy": CANARY, "route": BY_GATEWAY}, True),
        ({"strategy": CANARY, "route": BY_INGRESS}, False),
        ({"strategy": CANARY}, False),
        ({"strategy": BLUE_GREEN, "route": BY_GATEWAY}, False),
    ],
    ids=["canary and gateway", "canary and Ingress", "canary", "gateway"],
)
def test_shares_are_exact_with_a_canary_and_a_gateway(spec: dict[str, Any], used: bool) -> None:
    assert weights.used(a_model_deployment().with_spec(**spec).build()) is used


def one_serves(**spec: Any) -> DeploymentSeen:
    return a_deployment_seen().wanting(**{**EXACT, **spec}).following(1).served_by(1)


def route(seen: DeploymentSeen, weight: int, said: str = "True", behind: bool = False) -> Accessory:
    """The HTTPRoute with version 2's share, and whether the Gateway accepts it. behind: it spoke of an older one."""
    spec = way_in.http_route(seen.deployment.build(), Share(seen.name_of(2), weight) if weight else None)
    assert spec
    accepted = {"type": "Accepted", "status": said, "reason": "R", "observedGeneration": 1 if behind else 2}
    parents = ({"parentRef": PUBLIC, "conditions": [accepted]},)
    return Accessory("HTTPRoute", "iris", "r", "1", spec, generation=2, parents=parents)


SEEN = one_serves()


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        pytest.param(route(SEEN, 10), 10, id="its share"),
        pytest.param(route(SEEN, 0), 0, id="none"),
        pytest.param(route(SEEN, 10, behind=True), None, id="the Gateway has not taken it yet"),
        pytest.param(route(SEEN, 10, said="False"), None, id="the Gateway does not take it"),
        pytest.param(None, None, id="there is no HTTPRoute"),
    ],
)
def test_what_the_gateway_leads_to_a_revision_is_what_it_has_confirmed(
    there: Accessory | None, taken: int | None
) -> None:
    observed = SEEN.but(accessories=(there,) if there else ()).observed()
    assert weights.taken(observed, SEEN.name_of(2)) == taken


@pytest.mark.parametrize(
    ("spec", "canary", "weight"),
    [
        pytest.param({}, {"index": 0}, 10, id="a canary"),
        pytest.param({}, None, None, id="not a canary yet"),
        pytest.param({"strategy": BLUE_GREEN}, {"index": 0}, None, id="not by weights"),
    ],
)
def test_its_weight_in_status_is_what_the_gateway_has_taken(
    spec: dict[str, Any], canary: dict[str, int] | None, weight: int | None
) -> None:
    observed = one_serves(**spec).but(accessories=(route(SEEN, 10),)).observed()
    assert weights.weighed(observed, candidate("Canary", canary)).weight == weight


def candidate(step: str, canary: dict[str, int] | None) -> Candidate:
    fields = {"version": "2", "revision": SEEN.name_of(2), "startedAt": NOW}
    return Candidate.model_validate({**fields, "step": step, "canary": canary})


@pytest.mark.parametrize(
    ("spec", "tried", "there", "made"),
    [
        pytest.param({}, ("Canary", {"index": 0}), False, True, id="a canary"),
        pytest.param({}, ("AwaitingApproval", {"index": 0}), False, True, id="a canary that waits"),
        pytest.param({}, ("Switching", {"index": 1}), False, True, id="until it has taken over"),
        pytest.param({}, ("Canary", {"index": 0}), True, False, id="it has one"),
        pytest.param({}, ("Canary", None), False, False, id="its first step has not begun"),
        pytest.param({}, ("AwaitingApproval", None), False, False, id="it waits before its first step"),
        pytest.param({}, ("Proving", {"index": 0}), False, False, id="its proof was lost"),
        pytest.param({}, ("Settling", {"index": 1}), False, False, id="it has taken over"),
        pytest.param({}, None, False, False, id="there is no candidate"),
        pytest.param({"route": None}, ("Canary", {"index": 0}), False, False, id="by the ratio of pods"),
    ],
)
def test_who_has_a_service_of_its_own(
    spec: dict[str, Any], tried: tuple[str, dict[str, int] | None] | None, there: bool, made: bool
) -> None:
    seen = one_serves(**spec)
    own = project_service(a_client_service(seen.deployment, 2).with_uid("own").body())
    seen = seen.but(backends=(Backend(own),) if there else ())
    rollout = replace(decided(seen), candidate=candidate(*tried) if tried else None)
    names = [body["metadata"]["name"] for body in weights.service(seen.observed(), rollout)]
    assert names == ([f"iris-{seen.name_of(2)}"] if made else [])
