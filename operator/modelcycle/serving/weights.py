"""A canary's exact share: the weights of an HTTPRoute on the clients' Service and on one of the candidate's own.

Each step is seen before the next. Out: the candidate's Service, its endpoints, then its weight. Back: its weight, the
Gateway's word that it has taken that, then the Service, and last the pods, which stay while the Service does.
"""

from dataclasses import replace

from modelcycle.api.modeldeployment import CanaryStep, Candidate, ModelDeployment
from modelcycle.plan import Body, Ref
from modelcycle.serving import manifests, way_in
from modelcycle.serving.decision import Rollout, Share
from modelcycle.serving.observed import Observed
from modelcycle.serving.way_in import HTTP_ROUTE

_SHARING = {"Canary", "AwaitingApproval", "Switching"}


def used(deployment: ModelDeployment) -> bool:
    """Whether shares are set by weights, not by the ratio of pods."""
    spec = deployment.spec
    return spec.strategy.canary is not None and spec.route is not None and spec.route.gateway is not None


def unconfirmed(observed: Observed, candidate: Candidate, step: CanaryStep) -> str:
    """What is said while the Gateway has not taken the step's share, or ""."""
    if taken(observed, candidate.revision) == step.weight:
        return ""
    return f"The Gateway is to lead {step.weight} % of the requests to it, and has not confirmed that yet."


def shared(observed: Observed, rollout: Rollout) -> Rollout:
    """A decision to share clients with the candidate, as a weight: never before its own Service leads to pods."""
    canary, candidate = observed.deployment.spec.strategy.canary, rollout.candidate
    if canary is None or candidate is None or candidate.canary is None or not rollout.widen:
        return rollout
    step = canary.steps[min(candidate.canary.index, len(canary.steps) - 1)]
    share = Share(candidate.revision, step.weight) if answers(observed, candidate.revision) else None
    return replace(rollout, widen=False, share=share)


def weighed(observed: Observed, candidate: Candidate) -> Candidate:
    """status.candidate.weight is what the Gateway leads to it; what it has not confirmed is not known."""
    weight = taken(observed, candidate.revision) if used(observed.deployment) and candidate.canary else None
    return candidate if weight is None else candidate.model_copy(update={"weight": weight})


def taken(observed: Observed, revision: str) -> int | None:
    """What the Gateway leads to a revision, in percent; None while it has not said that it has taken the weights."""
    made = observed.accessory(HTTP_ROUTE)
    if made is None or way_in.is_behind(observed) or way_in.trouble(observed):
        return None
    return made.weights.get(manifests.child_name(observed.deployment, revision), 0)


def answers(observed: Observed, revision: str) -> bool:
    """Whether the revision's own Service leads to all of its pods that are wanted."""
    backend = next((b for b in observed.backends if b.service.revision == revision), None)
    return backend is not None and len(backend.ready) >= max(1, observed.deployment.spec.replicas)


def service(observed: Observed, rollout: Rollout) -> tuple[Body, ...]:
    """The candidate's own Service, where it is to be made."""
    revision = _wanted(observed, rollout)
    if not revision or any(backend.service.revision == revision for backend in observed.backends):
        return ()
    return (manifests.revision_service(observed.deployment, revision),)


def _wanted(observed: Observed, rollout: Rollout) -> str:
    """The revision that is to have a Service of its own, or ""."""
    candidate = rollout.candidate
    if candidate is None or candidate.canary is None or candidate.step not in _SHARING:
        return ""
    return candidate.revision if used(observed.deployment) else ""


def services_over(observed: Observed, rollout: Rollout) -> tuple[Ref, ...]:
    """Services of revisions that no Gateway leads to any more."""
    if way_in.is_behind(observed):
        return ()
    wanted, named = _wanted(observed, rollout), _named(observed)
    return tuple(
        Ref("Service", backend.service.name, backend.service.uid)
        for backend in observed.backends
        if backend.service.revision != wanted and backend.service.name not in named
    )


def led_to(observed: Observed) -> frozenset[str]:
    """Revisions whose pods a Gateway may still lead requests to."""
    prefix = manifests.child_name(observed.deployment, "")
    named = {service.removeprefix(prefix) for service in _named(observed) if service.startswith(prefix)}
    return frozenset({backend.service.revision for backend in observed.backends} | named)


def _named(observed: Observed) -> set[str]:
    made = observed.accessory(HTTP_ROUTE)
    return {name for name, weight in made.weights.items() if weight} if made else set()
