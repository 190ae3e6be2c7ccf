"""The way in from outside of the cluster: an Ingress or an HTTPRoute, what it says of itself, and the model's URL."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.api.way_in import Gateway, Route
from modelcycle.conditions import Conditions
from modelcycle.plan import Body
from modelcycle.serving import manifests
from modelcycle.serving.decision import Share
from modelcycle.serving.observed import Observed

INGRESS, HTTP_ROUTE = "Ingress", "HTTPRoute"


def ingress(deployment: ModelDeployment) -> Body | None:
    """spec of a networking.k8s.io/v1 Ingress; a null is what is taken away where it had been."""
    route, name = deployment.spec.route, deployment.metadata.name
    if route is None or route.gateway:
        return None
    backend = {"service": {"name": name, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    tls = [{"hosts": [route.host], "secretName": route.tls_secret_name}] if route.tls_secret_name else None
    return {
        # The default class is written into an Ingress that names none.
        **({"ingressClassName": route.ingress_class_name} if route.ingress_class_name else {}),
        "rules": [{"host": route.host, "http": {"paths": [path]}}],
        "tls": tls,
    }


def http_route(deployment: ModelDeployment, share: Share | None) -> Body | None:
    """spec of a gateway.networking.k8s.io/v1 HTTPRoute: all requests to what serves, or a share to a candidate."""
    route, name = deployment.spec.route, deployment.metadata.name
    if route is None or route.gateway is None:
        return None
    shares = {name: 100 - (share.weight if share else 0)}
    if share:
        shares[manifests.child_name(deployment, share.revision)] = share.weight
    backends = [{"name": service, "port": 80, "weight": weight} for service, weight in shares.items()]
    return {
        "parentRefs": [_parent(route.gateway)],
        "hostnames": [route.host],
        "rules": [{"backendRefs": backends}],
    }


def _parent(gateway: Gateway) -> Body:
    named = {"name": gateway.name, "namespace": gateway.namespace, "sectionName": gateway.section_name}
    return {name: value for name, value in named.items() if value}


@dataclass(frozen=True)
class Word:
    """What is said of the way in. holds: None while nobody knows."""

    holds: bool | None
    reason: str
    message: str


def judge(conditions: Conditions, observed: Observed) -> None:
    """The condition Routed, where spec.route is set."""
    if word := _word(observed):
        conditions.judge("Routed", word.holds, word.reason, word.message)
    else:
        conditions.drop("Routed")


def url(observed: Observed) -> str:
    """The address that a client can use."""
    route, word = observed.deployment.spec.route, _word(observed)
    if route is None or word is None or not word.holds:
        return manifests.url(observed.deployment)
    with_tls = route.gateway.tls if route.gateway else route.tls_secret_name
    return f"{'https' if with_tls else 'http'}://{route.host}"


def trouble(observed: Observed) -> str:
    """Why requests to the host do not reach the model, or ""."""
    word = _word(observed)
    return "" if word is None or word.holds else word.message


def is_behind(observed: Observed) -> bool:
    """Whether a controller of the Gateway has not taken the HTTPRoute as it is now, or one that is to go is there."""
    route, made = observed.deployment.spec.route, observed.accessory(HTTP_ROUTE)
    if made is None:
        return False
    if route is None or route.gateway is None:
        return True
    told = (condition for parent in _told(observed, route.gateway) for condition in parent.values())
    return any(condition.get("observedGeneration", made.generation) < made.generation for condition in told)


def _word(observed: Observed) -> Word | None:
    route = observed.deployment.spec.route
    if route is None:
        return None
    kind = HTTP_ROUTE if route.gateway else INGRESS
    if refusal := observed.refused.get(kind):
        return Word(False, refusal.reason, f"{refusal.message} What serves is reached in the cluster.")
    if observed.accessory(kind) is None:
        return Word(None, "BeingMade", f"The {kind} is being made.")
    if route.gateway:
        return _gateways_word(observed, route, route.gateway)
    return Word(True, "IngressMade", f"An Ingress leads {route.host} to what serves.")


def _gateways_word(observed: Observed, route: Route, gateway: Gateway) -> Word:
    """The first Accepted, and ResolvedRefs, that a controller of the Gateway says."""
    where = f"{gateway.namespace or observed.deployment.metadata.namespace}/{gateway.name}"
    told = list(_told(observed, gateway))
    if not told:
        message = f"The Gateway {where!r} does not answer: check that it is there and that a controller serves its class."
        return Word(None, "WaitingForGateway", message)
    for conditions in told:
        accepted, resolved = conditions.get("Accepted", {}), conditions.get("ResolvedRefs", {})
        if accepted.get("status") == "True" and resolved.get("status") != "False":
            return Word(True, "Accepted", f"The Gateway {where!r} leads {route.host} to what serves.")
    accepted, resolved = told[0].get("Accepted", {}), told[0].get("ResolvedRefs", {})
    no = resolved if accepted.get("status") == "True" else accepted
    message = (
        f"The Gateway {where!r} does not take the HTTPRoute: {no.get('message') or no.get('reason', '')}"
    )
    cure = _CURES.get(no.get("reason", ""), "")
    return Word(False, no.get("reason") or "NotAccepted", f"{message} {cure}".strip())


# Reasons of the Gateway API's own.
_CURES = {
    "NotAllowedByListeners": "Let its listener allow routes of this namespace (spec.listeners[].allowedRoutes).",
    "NoMatchingListenerHostname": "Let its listener take this host, or name another one in spec.route.host.",
    "NoMatchingParent": "Name a listener that it has in spec.route.gateway.sectionName.",
    "BackendNotFound": "That is so until a first version serves.",
}


def _told(observed: Observed, gateway: Gateway) -> Iterator[dict[str, Any]]:
    """Of each controller of the Gateway, its conditions by type."""
    made, own = observed.accessory(HTTP_ROUTE), observed.deployment.metadata.namespace
    for parent in made.parents if made else ():
        ref = parent["parentRef"]
        if (ref["name"], ref.get("namespace", own)) == (gateway.name, gateway.namespace or own):
            yield {condition["type"]: condition for condition in parent.get("conditions", ())}
