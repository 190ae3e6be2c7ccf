"""The way in from outside: what is made, what it says of itself, and the address that clients are told."""

from datetime import datetime
from typing import Any

import pytest
from modelcycle.conditions import find
from modelcycle.plan import Patch, Plan, Refusal
from modelcycle.serving import way_in
from modelcycle.serving.decision import Share
from modelcycle.serving.observed import Accessory, Backend, project_service
from modelcycle.serving.plan import REFUSED_RETRY_SECONDS, plan
from modelcycle.serving.rollout import decide

from tests.builders.base import NOW, ago, wire_time
from tests.builders.children import a_client_service
from tests.builders.resources import a_model_deployment
from tests.builders.seen import DeploymentSeen, a_deployment_seen

HOST = "iris.example.org"
INSIDE = "http://iris.team.svc"
BY_GATEWAY = {"host": HOST, "gateway": {"name": "public", "namespace": "infra"}}
CANARY = {"type": "Canary", "canary": {"steps": [{"weight": 10}, {"weight": 40}]}}


@pytest.mark.parametrize(
    ("route", "spec"),
    [
        (None, None),
        (BY_GATEWAY, None),
        ({"host": HOST}, {"tls": None}),
        ({"host": HOST, "ingressClassName": "nginx"}, {"ingressClassName": "nginx", "tls": None}),
        (
            {"host": HOST, "tlsSecretName": "iris-tls"},
            {"tls": [{"hosts": [HOST], "secretName": "iris-tls"}]},
        ),
    ],
)
def test_an_ingress_leads_all_of_a_host_to_the_service(
    route: dict[str, Any] | None, spec: dict[str, Any] | None
) -> None:
    made = way_in.ingress(a_model_deployment().with_spec(route=route).build())
    if spec is None:
        assert made is None
        return
    backend = {"service": {"name": "iris", "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    assert made == {**spec, "rules": [{"host": HOST, "http": {"paths": [path]}}]}


@pytest.mark.parametrize(
    ("share", "weights"),
    [
        (None, {"iris": 100}),
        (Share("v2-abc", 10), {"iris": 90, "iris-v2-abc": 10}),
        (Share("v2-abc", 100), {"iris": 0, "iris-v2-abc": 100}),
    ],
)
def test_an_http_route_leads_a_share_to_the_candidates_own_service(
    share: Share | None, weights: dict[str, int]
) -> None:
    made = way_in.http_route(a_model_deployment().with_spec(route=BY_GATEWAY).build(), share)
    assert made
    assert (made["hostnames"], made["parentRefs"]) == ([HOST], [{"name": "public", "namespace": "infra"}])
    assert {b["name"]: b["weight"] for b in made["rules"][0]["backendRefs"]} == weights


def one_serves(**route: Any) -> DeploymentSeen:
    deployment = a_model_deployment().with_spec(route={"host": HOST, **route})
    return a_deployment_seen(deployment).following(1).served_by(1, since=ago(3600))


def ingress() -> Accessory:
    spec = way_in.ingress(one_serves().observed().deployment)
    assert spec
    return Accessory("Ingress", "iris", "i", "1", spec)


def gateways(
    *said: tuple[str, str, str],
    parent: dict[str, str] = BY_GATEWAY["gateway"],  # type: ignore[assignment]
    behind: bool = False,
    share: Share | None = None,
) -> Accessory:
    """An HTTPRoute, and what a controller says: type, status and reason of each condition."""
    deployment = a_model_deployment().with_spec(route=BY_GATEWAY).build()
    conditions = tuple(
        {"type": t, "status": s, "reason": r, "message": f"{r}!", "observedGeneration": 3 if behind else 4}
        for t, s, r in said
    )
    parents = ({"parentRef": parent, "conditions": conditions},) if said else ()
    spec = way_in.http_route(deployment, share)
    assert spec
    return Accessory("HTTPRoute", "iris", "r", "1", spec, generation=4, parents=parents)


ACCEPTED, RESOLVED = ("Accepted", "True", "Accepted"), ("ResolvedRefs", "True", "ResolvedRefs")
NOT_ALLOWED = ("Accepted", "False", "NotAllowedByListeners")
NO_BACKEND = ("ResolvedRefs", "False", "BackendNotFound")
PLAIN: dict[str, Any] = {}
WITH_TLS = {"tlsSecretName": "tls"}
GATEWAY: dict[str, Any] = {"gateway": BY_GATEWAY["gateway"]}
GATEWAY_WITH_TLS = {"gateway": {**GATEWAY["gateway"], "tls": True}}
ELSEWHERE = {"name": "public", "namespace": "other"}


@pytest.mark.parametrize(
    ("route", "there", "condition", "url"),
    [
        (PLAIN, None, ("Unknown", "BeingMade"), INSIDE),
        (PLAIN, ingress(), ("True", "IngressMade"), f"http://{HOST}"),
        (WITH_TLS, ingress(), ("True", "IngressMade"), f"https://{HOST}"),
        (GATEWAY, None, ("Unknown", "BeingMade"), INSIDE),
        (GATEWAY, gateways(), ("Unknown", "WaitingForGateway"), INSIDE),
        (GATEWAY, gateways(ACCEPTED, parent=ELSEWHERE), ("Unknown", "WaitingForGateway"), INSIDE),
        (GATEWAY, gateways(NOT_ALLOWED), ("False", "NotAllowedByListeners"), INSIDE),
        (GATEWAY, gateways(ACCEPTED, NO_BACKEND), ("False", "BackendNotFound"), INSIDE),
        (GATEWAY, gateways(ACCEPTED, RESOLVED), ("True", "Accepted"), f"http://{HOST}"),
        (GATEWAY, gateways(ACCEPTED), ("True", "Accepted"), f"http://{HOST}"),
        (GATEWAY_WITH_TLS, gateways(ACCEPTED, RESOLVED), ("True", "Accepted"), f"https://{HOST}"),
    ],
)
def test_the_url_is_the_one_outside_as_soon_as_that_leads_to_the_model(
    route: dict[str, Any], there: Accessory | None, condition: tuple[str, str], url: str
) -> None:
    seen = one_serves(**route).but(accessories=(there,) if there else ())
    assert (routed(plan(seen.observed(), NOW)), url_of(seen)) == (condition, url)


def routed(planned: Plan) -> tuple[str, str]:
    found = find(planned.status.conditions, "Routed") if planned.status else None  # type: ignore[attr-defined]
    return (found.status, found.reason) if found else ("", "")


def url_of(seen: DeploymentSeen) -> str:
    return way_in.url(seen.observed())


def test_without_a_route_nothing_is_said_of_one() -> None:
    seen = a_deployment_seen().following(1).served_by(1)
    assert (routed(plan(seen.observed(), NOW)), url_of(seen)) == (("", ""), INSIDE)


@pytest.mark.parametrize("kind", ["Ingress", "HTTPRoute", "PodDisruptionBudget", "HorizontalPodAutoscaler"])
def test_what_is_refused_beside_the_pods_is_said_and_stops_no_rollout(kind: str) -> None:
    refusal = Refusal(f"{kind}Refused", "The API server refuses it.", final=True)
    route = GATEWAY if kind == "HTTPRoute" else PLAIN
    seen = one_serves(**route).following(2).but(refused={kind: refusal})
    planned = plan(seen.observed(), NOW)
    assert planned.status
    said = [c.message for c in planned.status.conditions if c.reason == f"{kind}Refused"]  # type: ignore[attr-defined]
    assert len(said) == 1
    assert said[0].startswith("The API server refuses it.")
    assert "Deployment" in [body["kind"] for body in planned.creates], "version 2 is tried all the same"
    assert planned.look_again is not None
    assert planned.look_again <= REFUSED_RETRY_SECONDS


def two_shares(route: Accessory, ready: int = 1) -> DeploymentSeen:
    """Version 2 is a canary in its first step; its own Service leads to so many pods."""
    seen = one_serves(**GATEWAY).wanting(strategy=CANARY).following(2).with_ready_pods_of(2)
    seen = seen.trying(2, "Canary", canary={"index": 0})
    own = project_service(
        a_client_service(seen.deployment, 2).named(f"iris-{seen.name_of(2)}").with_uid("own").body()
    )
    pods = frozenset(f"pod-{i}" for i in range(ready))
    return seen.but(accessories=(route,), backends=(Backend(own, pods),))


def to_two(weight: int) -> Share:
    return Share(a_model_deployment().revision(2).name, weight)


def asked_for(patches: tuple[Patch, ...]) -> list[int]:
    return [b["weight"] for patch in patches for b in patch.body["spec"]["rules"][0]["backendRefs"]]


@pytest.mark.parametrize(
    ("seen", "asked", "weight", "begun"),
    [
        pytest.param(
            two_shares(gateways(ACCEPTED), ready=0), [], 0, False, id="its Service leads nowhere yet"
        ),
        pytest.param(two_shares(gateways(ACCEPTED)), [90, 10], 0, False, id="the share is asked for"),
        pytest.param(
            two_shares(gateways(ACCEPTED, share=to_two(10), behind=True)), [], None, False, id="not taken yet"
        ),
        pytest.param(two_shares(gateways(ACCEPTED, share=to_two(10))), [], 10, True, id="taken"),
        pytest.param(
            two_shares(gateways(ACCEPTED, share=to_two(40))), [90, 10], 40, False, id="somebody else's weight"
        ),
        pytest.param(
            two_shares(gateways(ACCEPTED, share=to_two(10)), ready=0), [100], 10, False, id="its pods went"
        ),
        pytest.param(two_shares(gateways(NOT_ALLOWED)), [90, 10], None, False, id="not let in"),
    ],
)
def test_a_step_by_weight_begins_when_the_gateway_has_taken_it(
    seen: DeploymentSeen, asked: list[int], weight: int | None, begun: bool
) -> None:
    planned = plan(seen.observed(), NOW)
    assert asked_for(planned.patches) == asked
    candidate = planned.status.candidate  # type: ignore[union-attr]
    assert (candidate.weight, bool(candidate.canary.since)) == (weight, begun)
    assert planned.deletes == ()


NOT_TAKEN = gateways(ACCEPTED, share=to_two(10), behind=True)


@pytest.mark.parametrize(
    ("route", "asked", "reason", "since", "look_again"),
    [
        pytest.param(NOT_TAKEN, None, "RolloutInProgress", NOW, 60, id="it is asked"),
        pytest.param(NOT_TAKEN, 59, "RolloutInProgress", ago(59), 1, id="it was asked before"),
        pytest.param(NOT_TAKEN, 60, "Inconclusive", ago(60), 5, id="a minute has passed"),
        pytest.param(
            gateways(ACCEPTED, share=to_two(10)), 60, "RolloutInProgress", None, 5, id="it has taken it"
        ),
    ],
)
def test_a_gateway_has_a_minute_to_take_a_share(
    route: Accessory, asked: float | None, reason: str, since: datetime | None, look_again: float
) -> None:
    seen = two_shares(route)
    if asked is not None:
        seen = seen.trying(2, "Canary", canary={"index": 0, "asked": wire_time(ago(asked))})
    rollout = decide(seen.observed(), NOW)
    assert rollout.candidate
    assert rollout.candidate.canary
    assert (rollout.reason, rollout.candidate.canary.asked) == (reason, since)
    assert (rollout.look_again, rollout.share) == (look_again, to_two(10))


@pytest.mark.parametrize(
    ("route", "deleted"),
    [
        (gateways(ACCEPTED, share=to_two(10)), []),
        (gateways(ACCEPTED, behind=True), []),
        (gateways(ACCEPTED), ["Service"]),
        (gateways(), ["Service"]),
    ],
    ids=["has a share", "the Gateway has not taken that away", "is led to no more", "never was"],
)
def test_the_service_of_a_revision_goes_when_no_gateway_leads_to_it_and_its_pods_after_it(
    route: Accessory, deleted: list[str]
) -> None:
    seen = two_shares(route).wanting(hold=True)
    assert [ref.kind for ref in plan(seen.observed(), NOW).deletes] == deleted
    if deleted:
        assert [ref.kind for ref in plan(seen.but(backends=()).observed(), NOW).deletes] == ["Deployment"]
