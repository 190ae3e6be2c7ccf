"""Canary: clients reach a few of the candidate's pods beside those of what serves, and more from step to step.

The share is the ratio of pods behind one Service, or exact by an HTTPRoute (weights.py); what serves keeps all of its
own pods until the end, so that it can answer everybody the moment that the candidate fails.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from modelcycle.api.modeldeployment import CanaryProgress, CanaryStep, Candidate, ModelDeployment, Serving
from modelcycle.errand import Exercise
from modelcycle.failure import Failure
from modelcycle.plan import REVISION_LABEL
from modelcycle.serving import annotations, way_in, weights
from modelcycle.serving.approval import awaited
from modelcycle.serving.comparison import examples
from modelcycle.serving.decision import Rollout, reject, under_way
from modelcycle.serving.observed import Observed, Traffic

LOOK_SECONDS = 5
# A step whose figures are still missing so long after its pause, or whose share a Gateway has not taken, says nothing.
PATIENCE_SECONDS = 60


def pods(weight: int, serving: int) -> int:
    """How many pods of a candidate come next to a share of `weight` percent beside so many that serve."""
    if weight >= 50:
        return serving
    return min(serving, max(1, round(weight * serving / (100 - weight))))


def wanted(deployment: ModelDeployment, candidate: Candidate, serving: Serving | None) -> int:
    """How many pods the candidate is to have in the step that it is in. serving: as the cluster shows it."""
    spec = deployment.spec
    if spec.strategy.canary is None or candidate.in_place or serving is None:
        return spec.replicas
    if weights.used(deployment):
        return spec.replicas
    steps, index = spec.strategy.canary.steps, candidate.canary.index if candidate.canary else 0
    if index >= len(steps) or candidate.step in ("Switching", "Settling"):
        return spec.replicas
    return min(spec.replicas, pods(steps[index].weight, spec.replicas))


def step(observed: Observed, before: Rollout, candidate: Candidate, now: datetime) -> Rollout | None:
    """The decision for a proven candidate; None when it has been through all steps, or there are none."""
    decided = _step(observed, before, candidate, now)
    return weights.shared(observed, decided) if decided and weights.used(observed.deployment) else decided


def _step(observed: Observed, before: Rollout, candidate: Candidate, now: datetime) -> Rollout | None:
    canary, progress = observed.deployment.spec.strategy.canary, candidate.canary or CanaryProgress()
    if canary is None or candidate.in_place or before.serving is None or progress.index >= len(canary.steps):
        return None
    if weights.used(observed.deployment):
        going = weights.weighed(observed, candidate.model_copy(update={"canary": progress}))
        if trouble := way_in.trouble(observed):
            return _inconclusive(observed, before, going, trouble)
        approach = _led_to(observed, before, going, canary.steps[progress.index], now)
    else:
        own = {candidate.revision, before.serving.revision}
        if left := [pod for pod in observed.pods if pod.label(REVISION_LABEL) not in own]:
            return under_way(before, candidate, "Proving", f"{len(left)} pods of other versions still to go.")
        going = candidate.model_copy(update={"weight": _weight(observed, candidate), "canary": progress})
        approach = _approached(observed, before, going)
    if approach:
        return approach
    progress = progress.model_copy(update={"asked": None})
    going = going.model_copy(update={"canary": progress})
    if progress.since is None:
        return _begun(observed, before, going, progress, now)
    return _judged(observed, before, going, progress, now)


def _led_to(
    observed: Observed, before: Rollout, candidate: Candidate, share: CanaryStep, now: datetime
) -> Rollout | None:
    """The way to the step's share by weights; None when the Gateway has taken it, for which it has a minute."""
    if not weights.answers(observed, candidate.revision):
        return under_way(before, candidate, "Canary", "The endpoints of its own Service are being made.")
    said = weights.unconfirmed(observed, candidate, share)
    if not said:
        return None
    progress = candidate.canary or CanaryProgress()
    asked = progress.asked or now
    going = candidate.model_copy(update={"canary": progress.model_copy(update={"asked": asked})})
    left = PATIENCE_SECONDS - (now - asked).total_seconds()
    if left <= 0:
        return _inconclusive(observed, before, going, said)
    return replace(under_way(before, going, "Canary", said, look_again=left), widen=True)


def _approached(observed: Observed, before: Rollout, candidate: Candidate) -> Rollout | None:
    """The way to the step's share by the ratio of pods; None when clients reach all of the step's pods."""
    wanted_now = wanted(observed.deployment, candidate, before.serving)
    reached = _shares(observed).get(candidate.revision, 0) >= wanted_now
    if observed.service is None or not observed.service.wide or not reached:
        begun = under_way(before, candidate, "Canary", "Its pods join those that clients reach.")
        return replace(begun, widen=True)
    return None


def _weight(observed: Observed, candidate: Candidate) -> int:
    """The true share by the ratio of pods, in percent."""
    shares = _shares(observed)
    return round(100 * shares.get(candidate.revision, 0) / max(1, sum(shares.values())))


def _shares(observed: Observed) -> Mapping[str, int]:
    """Ready pods that clients are led to, by revision."""
    led_to = {name for name, is_ready in observed.endpoints if is_ready}
    out: dict[str, int] = {}
    for pod in observed.pods:
        if pod.name in led_to:
            out[pod.label(REVISION_LABEL)] = out.get(pod.label(REVISION_LABEL), 0) + 1
    return out


def _begun(
    observed: Observed, before: Rollout, candidate: Candidate, progress: CanaryProgress, now: datetime
) -> Rollout:
    traffic = observed.traffic
    figures = {"requests": traffic.requests, "errors": traffic.errors} if traffic else {}
    begun = candidate.model_copy(update={"canary": progress.model_copy(update={"since": now, **figures})})
    return _going_on(before, begun, "", LOOK_SECONDS)


def _going_on(before: Rollout, candidate: Candidate, said: str, look_again: float) -> Rollout:
    message = f"Its share of the requests is {candidate.weight} %. {said}".strip()
    return replace(under_way(before, candidate, "Canary", message, look_again=look_again), widen=True)


def _judged(
    observed: Observed, before: Rollout, candidate: Candidate, progress: CanaryProgress, now: datetime
) -> Rollout | None:
    canary = observed.deployment.spec.strategy.canary
    assert canary is not None
    assert progress.since is not None
    since = since_the_start(observed.traffic, progress)
    if (
        since
        and since.requests >= canary.min_requests
        and since.errors > canary.max_error_rate * since.requests
    ):
        return reject(
            before, candidate.version, candidate.revision, _too_many_errors(since, canary.max_error_rate), now
        )
    left = (
        progress.since + timedelta(seconds=canary.steps[progress.index].pause_seconds) - now
    ).total_seconds()
    if left > 0:
        return _going_on(before, candidate, _figures(since), min(left, LOOK_SECONDS))
    if since and since.requests >= canary.min_requests:
        further = candidate.model_copy(update={"canary": CanaryProgress(index=progress.index + 1)})
        return step(observed, before, further, now) or _all_passed(before, further)
    if candidate.step == "Canary" and left > -PATIENCE_SECONDS:
        return _exercised(observed, before, candidate, progress, since)
    return _inconclusive(observed, before, candidate, f"{_figures(since)} {progress.exercise or ''}".strip())


def _exercised(
    observed: Observed,
    before: Rollout,
    candidate: Candidate,
    progress: CanaryProgress,
    since: Traffic | None,
) -> Rollout:
    """Clients have not asked enough of it: it is asked its own input example, unless its predict has side effects."""
    deployment = observed.deployment
    canary = deployment.spec.strategy.canary
    assert canary is not None
    assert progress.since is not None
    said = f"{_figures(since)} It waits for {canary.min_requests}."
    if deployment.spec.self_test.mode == "Load" or since is None:
        return _going_on(before, candidate, said, LOOK_SECONDS)
    missing = canary.min_requests - since.requests
    errand = Exercise(examples(observed, candidate), candidate.revision, progress.since, missing)
    if outcome := observed.came_of(errand):
        why = outcome.no_rows or outcome.problem
        tried = candidate.model_copy(update={"canary": progress.model_copy(update={"exercise": why or None})})
        return _inconclusive(observed, before, tried, f"{_figures(since)} {why}".strip())
    said = f"{said} Its own input example is sent to it meanwhile."
    return replace(_going_on(before, candidate, said, LOOK_SECONDS), errand=errand)


def _inconclusive(observed: Observed, before: Rollout, candidate: Candidate, said: str) -> Rollout:
    """Figures that are missing are no pass: somebody has to say so, or they come late."""
    canary = observed.deployment.spec.strategy.canary
    if canary and annotations.approves(observed.deployment, candidate):
        passed = CanaryProgress(index=len(canary.steps))
        return _all_passed(before, candidate.model_copy(update={"canary": passed}))
    waiting = awaited(observed, replace(before, candidate=candidate), "Inconclusive", said, LOOK_SECONDS)
    return replace(waiting, widen=True)


def _all_passed(before: Rollout, candidate: Candidate) -> Rollout:
    """It gets the rest of its pods, and then takes over."""
    return _going_on(before, candidate, "It has been through all steps.", 0)


def shares_clients(deployment: ModelDeployment, candidate: Candidate | None) -> bool:
    """Whether the clients' Service may lead to the candidate's pods beside those of what serves."""
    return (
        candidate is not None
        and not weights.used(deployment)
        and candidate.canary is not None
        and candidate.step in ("Canary", "AwaitingApproval")
    )


def since_the_start(traffic: Traffic | None, progress: CanaryProgress) -> Traffic | None:
    """What was answered in this step. A pod that was started again counts from nothing, so then all of it is taken."""
    if traffic is None:
        return None
    requests = traffic.requests - (progress.requests or 0)
    errors = traffic.errors - (progress.errors or 0)
    return Traffic(requests, errors) if requests >= 0 and errors >= 0 else traffic


def _figures(since: Traffic | None) -> str:
    if since is None:
        return "Its pods do not say how many requests they have answered."
    return f"Of {since.requests} requests {since.errors} failed."


def _too_many_errors(since: Traffic, limit: float) -> Failure:
    rate = since.errors / since.requests
    return Failure("CanaryFailed", f"{_figures(since)} That is {rate:.1%}, and at most {limit:.1%} may.")
