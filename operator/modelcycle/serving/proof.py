"""Whether a candidate has proved itself, cannot, or is still at it."""

import re
from dataclasses import dataclass
from typing import Literal

from modelcycle.failure import VOLUME_FULL, Failure, explain_end
from modelcycle.pods import IMAGE_PULL_FAILED, Pod
from modelcycle.serving.observed import RevisionDeployment

# The serving image's word for: this version can never be served as it is.
NEVER_SERVABLE = 3
RESTARTS_MAX = 3
# How its last line begins where it knows the reason.
REASONS = ("ModelNotServable", "UnsatisfiableRequirements", "NotTrusted", "SelfTestFailed")
_LAST_LINE = re.compile(rf"^({'|'.join(REASONS)}): (.+)\Z", re.MULTILINE)
_HOPELESS_IMAGES = {"InvalidImageName", "ErrImageNeverPull"}


@dataclass(frozen=True)
class Proof:
    """
    Attributes:
        verdict: Proven, Starting (no pod runs yet), Proving (pods run), or Failed.
        failure: with Failed, why; otherwise what is waited for.
    """

    verdict: Literal["Proven", "Starting", "Proving", "Failed"]
    failure: Failure


def judge(deployment: RevisionDeployment, pods: tuple[Pod, ...], replicas: int, told: str = "") -> Proof:
    """Proven is: as many pods as wanted are ready, that is, loaded and answering their own example.

    told: what keeps a pod, where its status does not say so.
    """
    failed = next((failure for pod in pods if (failure := _hopeless(pod))), None)
    if failed:
        return Proof("Failed", failed)
    # Two witnesses, as the watches of pods and of Deployments can each be behind.
    ready = min(deployment.ready, sum(pod.ready for pod in pods))
    if deployment.replicas == replicas and ready >= replicas:
        return Proof("Proven", Failure("Ready", ""))
    message = (
        f"{ready} of {replicas} pods are ready. {_trouble(deployment, pods) or told or note(pods)}".strip()
    )
    step: Literal["Proving", "Starting"] = "Proving" if any(pod.running for pod in pods) else "Starting"
    return Proof(step, Failure("NotReady", message))


def _hopeless(pod: Pod) -> Failure | None:
    """What no waiting will cure."""
    said = pod.ended and _LAST_LINE.search(pod.ended.message.strip())
    if pod.ended and pod.ended.exit_code == NEVER_SERVABLE:
        message = said[2] if said else pod.ended.message.strip()
        reason = said[1] if said else "ModelNotServable"
        return Failure(reason, message or "The serving image cannot serve it.")
    if pod.waiting and pod.waiting.reason in _HOPELESS_IMAGES:
        return Failure(pod.waiting.reason, f"The image cannot be used: {pod.waiting.message}")
    if pod.ended and pod.restarts >= RESTARTS_MAX:
        why = explain_end(pod.ended)
        if why.reason == VOLUME_FULL:  # no fault of the version: until its deadline somebody may make room
            return None
        crashed = said[1] if said else "CrashLoop"
        reason = crashed if why.reason == "CommandFailed" else why.reason
        return Failure(reason, f"Its container ended {pod.restarts} times. {why.message}")
    return None


def note(pods: tuple[Pod, ...]) -> str:
    """What is worth knowing of a version that is no reason to reject it, or ""."""
    return next((pod.note for pod in pods if pod.note), "")


def _trouble(deployment: RevisionDeployment, pods: tuple[Pod, ...]) -> str:
    if deployment.trouble:
        return f"A pod cannot be created: {deployment.trouble}"
    # Why a container ended says more than that it is not started again at once.
    waits = (pod.waiting for pod in pods if pod.waiting)
    waiting = next((one for one in waits if one.reason != "CrashLoopBackOff"), None)
    if waiting and waiting.reason == IMAGE_PULL_FAILED:
        return "The image cannot be pulled: check its name, and that the nodes may pull it."
    if waiting:
        return f"{waiting.reason}: {waiting.message}"
    ended = next((pod.ended for pod in pods if pod.ended and not pod.ready), None)
    return explain_end(ended).message if ended else ""
