"""An object under construction, and what all builders are about: `a_training_run().expecting("iris").finished()`.

Each step answers a new builder and leaves the old one as it was. `.body()` is the object as the API server
sends it; `.build()` is what the operator makes of that body, by its own projections. Times are relative to NOW.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from modelcycle.api import API_VERSION
from modelcycle.defaults import Defaults
from modelcycle.plan import Body

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NAMESPACE = "team"
MODEL = "iris"
CLUSTER = "cluster-uid"

DEFAULTS = Defaults(
    tracking_uri="http://mlflow:5000",
    ui_url="https://mlflow.example.org",
    train_image="modelcycle/train:1",
    serve_image="modelcycle/serve:1",
    image_pull_policy="IfNotPresent",
    claim_name="mlruns",
    mount_path="/mlruns",
    registry_secret="",
    cluster=CLUSTER,
)


def ago(seconds: float) -> datetime:
    """A time before NOW; with negative seconds, one after it."""
    return NOW - timedelta(seconds=seconds)


def wire_time(at: datetime) -> str:
    """As Kubernetes writes times."""
    return at.isoformat().replace("+00:00", "Z")


def merged(body: Body, change: Mapping[str, Any]) -> Body:
    """The body with a JSON merge patch applied, objects deeply, everything else replaced; None removes."""
    out = dict(body)
    for key, value in change.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, Mapping):
            below = out.get(key)
            out[key] = merged(below if isinstance(below, dict) else {}, value)
        else:
            out[key] = value
    return out


def stored(body: Body, uid: str = "", version: int = 1, created: datetime = NOW) -> Body:
    """What the API server answers to a POST of the body."""
    metadata = {
        "uid": uid or f"{body['kind'].lower()}-{body['metadata']['name']}-uid",
        "resourceVersion": str(version),
        "generation": 1,
        "creationTimestamp": wire_time(created),
    }
    return merged(body, {"metadata": metadata})


def condition(kind: str, status: str = "True", reason: str = "Because", since: datetime = NOW) -> Body:
    """A condition on the wire."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": "",
        "lastTransitionTime": wire_time(since),
    }


@dataclass(frozen=True)
class Built:
    """An object under construction."""

    content: Body

    def body(self) -> Body:
        """As the API server sends it; a copy that may be changed."""
        return deepcopy(self.content)

    def but(self, **change: Any) -> Self:
        """With a JSON merge patch applied."""
        return replace(self, content=merged(self.content, change))

    def named(self, name: str) -> Self:
        return self.but(metadata={"name": name})

    def in_namespace(self, namespace: str) -> Self:
        return self.but(metadata={"namespace": namespace})

    def with_uid(self, uid: str) -> Self:
        return self.but(metadata={"uid": uid})

    def of_version(self, resource_version: int) -> Self:
        return self.but(metadata={"resourceVersion": str(resource_version)})

    def of_generation(self, generation: int) -> Self:
        return self.but(metadata={"generation": generation})

    def created(self, at: datetime) -> Self:
        return self.but(metadata={"creationTimestamp": wire_time(at)})

    def labelled(self, labels: Mapping[str, str]) -> Self:
        return self.but(metadata={"labels": labels})

    def owned_by(self, kind: str, name: str, uid: str) -> Self:
        owner = {"apiVersion": API_VERSION, "kind": kind, "name": name, "uid": uid, "controller": True}
        return self.but(metadata={"ownerReferences": [owner]})

    def deleting(self, at: datetime = NOW) -> Self:
        return self.but(metadata={"deletionTimestamp": wire_time(at)})

    def with_spec(self, **fields: Any) -> Self:
        """Fields of spec by their names on the wire."""
        return self.but(spec=fields)

    def with_status(self, **fields: Any) -> Self:
        """Fields of status by their names on the wire."""
        return self.but(status=fields)
