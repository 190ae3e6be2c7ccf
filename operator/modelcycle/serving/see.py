"""A rollout as the cluster shows it, before anything is decided."""

from datetime import datetime

from modelcycle.api.modeldeployment import RETRY, Past, Rejected, Serving
from modelcycle.plan import REVISION_LABEL
from modelcycle.serving import annotations, gates, lineage, weights
from modelcycle.serving import revision as revisions
from modelcycle.serving.decision import Rollout
from modelcycle.serving.observed import Observed
from modelcycle.serving.revision import Revision


def see(observed: Observed, now: datetime) -> Rollout:
    """What serves is read off the client Service's selector; the rest is remembered in status."""
    deployment, status = observed.deployment, observed.deployment.status
    target, met = target_of(observed), gates.digest(deployment.spec)
    serving, history = _serving(observed, now)
    rejected = _rejected(observed, target, met)
    return Rollout(
        target=target,
        serving=lineage.completed(serving, target, observed.origin),
        candidate=lineage.completed(status.candidate, target, observed.origin),
        rejected=rejected,
        history=history,
        approved=status.approved or "",
        retry_handled=deployment.metadata.annotations.get(RETRY, ""),
        gates=met,
        keep=_kept(observed, serving, history, rejected),
    )


def target_of(observed: Observed) -> Revision | None:
    """The followed version as a revision, if it resolves and its files are where pods can read them."""
    version = observed.resolution.version if observed.resolution else None
    if version is None or observed.files is None or not observed.files.found:
        return None
    name = revisions.name(observed.deployment, observed.defaults, version)
    return Revision(name, version, observed.files.path, observed.files.uri)


def previous(rollout: Rollout) -> Past | None:
    """What served before what serves now."""
    return rollout.history[0] if rollout.history else None


def _rejected(observed: Observed, target: Revision | None, met: str) -> tuple[Rejected, ...]:
    """A rejection lapses when something else was seen to be followed, by other gates, and by a retry."""
    deployment = observed.deployment
    current = (
        entry
        for entry in deployment.status.rejected
        if (target is None or entry.revision == target.name) and (entry.gates or "") == met
    )
    return annotations.not_retried(deployment, current)


def _kept(
    observed: Observed, serving: Serving | None, history: tuple[Past, ...], rejected: tuple[Rejected, ...]
) -> frozenset[str]:
    """What serves, the one before it until that answers well, and whatever clients are still led to.

    What has made room comes back when the pods of all others have gone: none is kept for it.
    """
    led_to_by_gateway = weights.led_to(observed)
    if serving is None:
        return led_to_by_gateway
    failed = any(entry.revision == serving.revision for entry in rejected)
    answers = (serving.since is not None and not failed) or observed.deployment.spec.replicas == 0
    made = observed.of_revision(serving.revision)
    comes_back = made is not None and made.replicas == 0
    led_to = {name for name, is_ready in observed.endpoints if is_ready}
    reached = {pod.label(REVISION_LABEL) for pod in observed.pods if pod.name in led_to}
    return led_to_by_gateway | frozenset(
        {
            serving.revision,
            *reached,
            *(past.revision for past in history[:1] if not answers and not comes_back),
        }
    )


def _serving(observed: Observed, now: datetime) -> tuple[Serving | None, tuple[Past, ...]]:
    """What the selector names; with the first sight of a switch, the one before goes into history."""
    spec, status = observed.deployment.spec, observed.deployment.status
    before, history = status.serving, tuple(status.history[: spec.revision_history_limit])
    name = observed.service.revision if observed.service else ""
    if before and observed.service and observed.service.wide:
        return before, history
    if not name:
        there = before is not None and observed.of_revision(before.revision) is not None
        return before if there else None, history
    if before and before.revision == name:
        return _since(observed, before, now), history
    if before:
        history = (Past(**lineage.of(before), until=now), *history)[: spec.revision_history_limit]
    return _since(observed, _new_serving(observed, name), now), history


def _new_serving(observed: Observed, name: str) -> Serving:
    candidate = observed.deployment.status.candidate
    if candidate and candidate.revision == name:
        return Serving(**lineage.of(candidate), identity=candidate.identity)
    # Somebody else moved the selector, it was moved back, or status was lost: the name still tells the version.
    return Serving(version=name.removeprefix("v").split("-")[0], revision=name)


def _since(observed: Observed, serving: Serving, now: datetime) -> Serving:
    """Dated when the endpoints first list ready pods of this revision only."""
    if serving.since:
        return serving
    own = {pod.name for pod in observed.pods_of(serving.revision)}
    ready = [name for name, is_ready in observed.endpoints if is_ready]
    if ready and own.issuperset(ready):
        return serving.model_copy(update={"since": now})
    return serving
