"""What is read of a pod, and what it says about why it does not run."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Waiting reasons that the kubelet alternates between while an image cannot be had.
_IMAGE_REASONS = {"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ImageInspectError"}
# Waiting reasons that pass by themselves and say nothing.
_QUIET_REASONS = {"ContainerCreating", "PodInitializing"}
IMAGE_PULL_FAILED = "ImagePullFailed"
UNSCHEDULABLE = "Unschedulable"


@dataclass(frozen=True)
class Ended:
    """How a container ended last. at: when, where its status says so; memory: its limit, or ""."""

    exit_code: int
    reason: str
    message: str
    at: datetime | None = None
    container: str = ""
    memory: str = ""


@dataclass(frozen=True)
class Waiting:
    """Why a container, or the pod, does not start."""

    reason: str
    message: str


@dataclass(frozen=True)
class Pod:
    """A projection of a v1 Pod.

    Attributes:
        gone_by: when it has to be gone, once its deletion was asked for: its grace is over then.
        disruption: why something in the cluster ends it, such as the drain of its node; "" if nothing does.
        initialized: each init container that ended well, and the message that it left.
        initializing: each init container that runs, and since when.
    """

    name: str
    uid: str
    owner_uid: str
    labels: tuple[tuple[str, str], ...]
    created: datetime
    phase: str
    ready: bool
    gone_by: datetime | None
    running: bool
    restarts: int
    disruption: str
    waiting: Waiting | None
    ended: Ended | None
    initialized: tuple[tuple[str, str], ...]
    initializing: tuple[tuple[str, datetime], ...]
    node: str
    ip: str

    @property
    def note(self) -> str:
        """What its init containers had to say, or ""."""
        return " ".join(message for _, message in self.initialized if message)

    @property
    def deleting(self) -> bool:
        return self.gone_by is not None

    @property
    def disrupted(self) -> bool:
        return bool(self.disruption)

    @property
    def over(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    def label(self, name: str) -> str:
        return dict(self.labels).get(name, "")


def project(body: dict[str, Any]) -> Pod:
    """A Pod from what the API server sends."""
    metadata, status = body["metadata"], body.get("status", {})
    init, own = status.get("initContainerStatuses", ()), status.get("containerStatuses", ())
    containers = [*init, *own]
    # An init container that ended well is no end of the pod.
    done = [c for c in init if _terminated(c).get("exitCode") == 0]
    conditions = {c["type"]: c for c in status.get("conditions", ())}
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        owner_uid=next((o["uid"] for o in metadata.get("ownerReferences", ()) if o.get("controller")), ""),
        labels=tuple(sorted(metadata.get("labels", {}).items())),
        created=timestamp(metadata["creationTimestamp"]),
        phase=status.get("phase", "Pending"),
        ready=conditions.get("Ready", {}).get("status") == "True",
        gone_by=_time(metadata.get("deletionTimestamp")),
        running=any("running" in c.get("state", {}) for c in own),
        restarts=max((c.get("restartCount", 0) for c in containers), default=0),
        disruption=_disruption(conditions.get("DisruptionTarget", {})),
        waiting=_waiting(containers, conditions.get("PodScheduled", {})),
        # A sidecar among the init containers is killed when the pod's own containers have ended.
        ended=_ended([*own, *(c for c in init if c not in done)], status, _memory_limits(body)),
        initialized=tuple((c["name"], _terminated(c).get("message", "").strip()) for c in done),
        initializing=tuple((c["name"], at) for c in init if (at := _running_since(c))),
        node=body.get("spec", {}).get("nodeName", ""),
        ip=status.get("podIP", ""),
    )


@dataclass(frozen=True)
class Told:
    """A warning Event about a Job or a pod."""

    reason: str
    message: str
    at: datetime

    @property
    def held_elsewhere(self) -> bool:
        """Whether a pod of another node has a volume that one node at a time can have.

        kube-controller-manager: pkg/controller/volume/attachdetach/reconciler/reconciler.go, reportMultiAttachError
        """
        return self.reason == "FailedAttachVolume" and self.message.startswith("Multi-Attach error")


def project_event(body: dict[str, Any]) -> Told:
    """An events.k8s.io/v1 Event: one that repeats says in its series, or in an older field, when it was last."""
    series = body.get("series") or {}
    at = series.get("lastObservedTime") or body.get("deprecatedLastTimestamp") or body.get("eventTime")
    at = at or body["metadata"]["creationTimestamp"]
    return Told(body.get("reason", ""), body.get("note", ""), timestamp(at))


def foremost(told: Iterable[Told]) -> Told | None:
    """The newest one that says why. That another node holds a volume is told once, and the kubelet, which waits for
    that volume, tells every two minutes that it still does.
    """
    newest_last = sorted(told, key=lambda event: event.at)
    if not newest_last:
        return None
    held = next((event for event in reversed(newest_last) if event.held_elsewhere), None)
    waits_for_it = newest_last[-1].message.startswith("Unable to attach or mount volumes")
    return held if held and waits_for_it else newest_last[-1]


def _disruption(target: dict[str, Any]) -> str:
    if target.get("status") != "True":
        return ""
    return ": ".join(part for part in (target.get("reason"), target.get("message")) if part) or "Disrupted"


def _waiting(containers: Iterable[dict[str, Any]], scheduled: dict[str, Any]) -> Waiting | None:
    if scheduled.get("status") == "False":
        return Waiting(scheduled.get("reason", UNSCHEDULABLE), scheduled.get("message", ""))
    for container in containers:
        waiting = container.get("state", {}).get("waiting")
        if waiting and waiting.get("reason", "") not in _QUIET_REASONS | {""}:
            reason = IMAGE_PULL_FAILED if waiting["reason"] in _IMAGE_REASONS else waiting["reason"]
            return Waiting(reason, waiting.get("message", ""))
    return None


def _memory_limits(body: dict[str, Any]) -> dict[str, str]:
    spec = body.get("spec", {})
    containers = (*spec.get("initContainers", ()), *spec.get("containers", ()))
    return {c["name"]: c.get("resources", {}).get("limits", {}).get("memory", "") for c in containers}


def _ended(
    containers: Iterable[dict[str, Any]], status: dict[str, Any], memory: dict[str, str]
) -> Ended | None:
    """The failure of the first container that has one, else the pod's own (eviction), else the first end."""
    ends = [
        Ended(
            t.get("exitCode", 0),
            t.get("reason", ""),
            t.get("message", ""),
            _time(t.get("finishedAt")),
            container["name"],
            memory.get(container["name"], ""),
        )
        for container in containers
        for t in (_terminated(container),)
        if t
    ]
    failed = next((end for end in ends if end.exit_code != 0), None)
    if failed:
        return failed
    if status.get("phase") == "Failed":
        return Ended(-1, status.get("reason", ""), status.get("message", ""))
    return ends[0] if ends else None


def _running_since(container: dict[str, Any]) -> datetime | None:
    return _time(container.get("state", {}).get("running", {}).get("startedAt"))


def _time(text: str | None) -> datetime | None:
    return timestamp(text) if text else None


def _terminated(container: dict[str, Any]) -> dict[str, Any]:
    """How the container ended, now or before its last start; {} where it has not."""
    last: dict[str, Any] | None = container.get("lastState", {}).get("terminated")
    return container.get("state", {}).get("terminated") or last or {}


def timestamp(text: str) -> datetime:
    """An RFC 3339 time as Kubernetes writes it."""
    return datetime.fromisoformat(text)
