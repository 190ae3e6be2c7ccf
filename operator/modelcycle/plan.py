"""What one pass over a resource decides: a status, writes on children, events, and when to look again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from modelcycle.api import API_VERSION, GROUP
from modelcycle.api.meta import Model, ObjectMeta
from modelcycle.errand import Errand

Body = dict[str, Any]

MANAGED_BY = {"app.kubernetes.io/managed-by": "modelcycle"}
RUN_LABEL = f"{GROUP}/trainingrun"
SCHEDULE_LABEL = f"{GROUP}/trainingschedule"
SWEEP_LABEL = f"{GROUP}/trainingsweep"
DEPLOYMENT_LABEL = f"{GROUP}/modeldeployment"
REVISION_LABEL = f"{GROUP}/revision"
VERSION_LABEL = f"{GROUP}/version"

# The user and group that every pod of ours runs as, and that owns the shared volume.
USER_ID = 10001
# The only folder that a container may write to, besides what it mounts.
TMP = "/tmp"  # noqa: S108


@dataclass(frozen=True)
class Event:
    """An Event about the resource, written after the status it goes with, and after what that leads to."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True)
class Ref:
    """One existing object: a write that carries its uid and resourceVersion cannot hit another one."""

    kind: str
    name: str
    uid: str
    resource_version: str = ""


@dataclass(frozen=True)
class Patch:
    """A JSON merge patch, refused by the API server when the object is no longer the one observed."""

    ref: Ref
    body: Body


@dataclass(frozen=True)
class EndRun:
    """Closes an MLflow run that its process left RUNNING. end_time: milliseconds since the epoch."""

    run_id: str
    status: Literal["FINISHED", "FAILED", "KILLED"]
    end_time: int


@dataclass(frozen=True)
class SetAlias:
    """Points an alias of a registered model to one of its versions."""

    model: str
    alias: str
    version: int


@dataclass(frozen=True)
class SetTag:
    """Sets a tag of an MLflow run."""

    run_id: str
    key: str
    value: str


RegistryWrite = EndRun | SetAlias | SetTag


@dataclass(frozen=True)
class Nominate:
    """What the promotion of a version is judged by is asked of MLflow."""

    model: str
    version: int
    run_id: str


@dataclass(frozen=True)
class CollectResults:
    """What came out of a Job that is over is asked of MLflow, and its pods are listed live."""


@dataclass(frozen=True)
class KeepLogs:
    """The logs of pods are put beside the other artifacts of an MLflow run."""

    run_id: str
    pods: tuple[str, ...]


@dataclass(frozen=True)
class ReadChampions:
    """What a promotion is judged against is read live, in the turn of this run; it lasts until its status is written."""


Question = CollectResults | KeepLogs | ReadChampions | Nominate


@dataclass(frozen=True)
class Refusal:
    """Why the API server did not take a child.

    Attributes:
        final: nothing but another spec helps.
    """

    reason: str
    message: str
    final: bool


@dataclass(frozen=True)
class Plan:
    """Carried out in this order: writes to MLflow, status, creates, patches and deletes, then events.

    What is written to MLflow is there before status tells of it: a pass that is cut short in between decides the
    same again.

    Attributes:
        question: what has to be known first: nothing is written, and the answer leads to another plan at once.
        status: the status wanted, or None to leave it; it is written only where it differs.
        errand: what serving pods are asked after all writes; its outcome wakes the resource.
        look_again: seconds until the next pass if nothing wakes the resource before, or None.
    """

    question: Question | None = None
    registry: tuple[RegistryWrite, ...] = ()
    status: Model | None = None
    creates: tuple[Body, ...] = ()
    patches: tuple[Patch, ...] = ()
    deletes: tuple[Ref, ...] = ()
    events: tuple[Event, ...] = ()
    errand: Errand | None = None
    look_again: float | None = None


def owned_metadata(
    kind: str,
    owner: ObjectMeta,
    name: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
) -> Body:
    """metadata of a child: collected with its owner, found by its labels, recognised by its controller."""
    metadata: Body = {
        "name": name,
        "namespace": owner.namespace,
        "labels": {**MANAGED_BY, **labels},
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": kind,
                "name": owner.name,
                "uid": owner.uid,
                "controller": True,
                "blockOwnerDeletion": False,
            }
        ],
    }
    return metadata | ({"annotations": dict(annotations)} if annotations else {})


def restricted_pod() -> Body:
    """securityContext of a pod under the restricted Pod Security Standard."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
        "runAsGroup": USER_ID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def restricted_container(read_only_root: bool = True) -> Body:
    """securityContext of a container under the restricted Pod Security Standard."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": read_only_root,
    }


def literal(value: str) -> str:
    """A value in which the kubelet expands nothing: it reads $(NAME) as a variable and $$ as $."""
    return value.replace("$", "$$")
