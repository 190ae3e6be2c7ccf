"""What a person is told of a ModelDeployment, as Events."""

from collections.abc import Iterator
from typing import Literal

from modelcycle.api.modeldeployment import Candidate, ModelDeploymentStatus
from modelcycle.conditions import find
from modelcycle.plan import Event


def events(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> tuple[Event, ...]:
    """What a person would want to have been told, read off the difference of two statuses."""
    return (
        *_rejections(before, after),
        *_moves(before, after),
        *_comparison(before.candidate, after.candidate),
        *_steps(before.candidate, after.candidate),
        *_waits(before, after),
        *_resolution(before, after),
    )


def _rejections(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> tuple[Event, ...]:
    known = {entry.revision for entry in before.rejected}
    return tuple(
        Event("Warning", entry.reason, f"Version {entry.version} was rejected: {entry.message}")
        for entry in after.rejected
        if entry.revision not in known
    )


def _moves(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Event]:
    started, was, serving = after.candidate, before.candidate, after.serving
    if started and (was is None or was.revision != started.revision):
        yield Event("Normal", "RolloutStarted", f"Version {started.version} is being rolled out.")
    if serving and (before.serving is None or before.serving.revision != serving.revision):
        yield Event("Normal", "TrafficSwitched", f"Version {serving.version} answers clients now.")
    if was and started is None and serving and serving.revision == was.revision:
        yield Event("Normal", "RolloutComplete", f"The rollout of version {was.version} is complete.")


def _comparison(before: Candidate | None, after: Candidate | None) -> Iterator[Event]:
    was, is_now = before and before.parity and before.parity.verdict, after and after.parity
    if after is None or not is_now or is_now.verdict == was:
        return
    about = f"Version {after.version}, beside {is_now.against}: {is_now.message}"
    if is_now.verdict == "Passed":
        yield Event("Normal", "ParityPassed", about)
    elif is_now.verdict == "Inconclusive":
        yield Event("Warning", "ParityInconclusive", about)


def _steps(before: Candidate | None, after: Candidate | None) -> Iterator[Event]:
    """A step of a canary begins when clients have their share of it."""
    step = after.canary if after else None
    if after is None or step is None or step.since is None:
        return
    if before is None or before.canary is None or before.canary.since != step.since:
        share = f"its share of the requests is {after.weight} %."
        yield Event(
            "Normal", "CanaryStep", f"Version {after.version} is in canary step {step.index + 1}: {share}"
        )


def _waits(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Event]:
    """Nothing goes on until somebody decides."""
    if before.reason == after.reason or after.reason not in _WAITS:
        return
    parity = after.candidate.parity if after.candidate else None
    if after.reason != "Inconclusive" or parity is None or parity.verdict != "Inconclusive":
        yield Event(_WAITS[after.reason], after.reason, after.message or "")


_WAITS: dict[str, Literal["Normal", "Warning"]] = {
    "AwaitingApproval": "Normal",
    "Inconclusive": "Warning",
    "RegistryWentBack": "Warning",
}


def _resolution(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> tuple[Event, ...]:
    was, is_now = find(before.conditions, "ModelResolved"), find(after.conditions, "ModelResolved")
    if is_now is None or is_now.status != "False" or (was and was.reason == is_now.reason):
        return ()
    return (Event("Warning", is_now.reason, is_now.message),)
