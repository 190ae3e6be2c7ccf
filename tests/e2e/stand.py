"""A ModelDeployment that follows an alias, and is asked for predictions while that moves."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from examples.load import Load
from tests.e2e import registry
from tests.e2e.kube import API_VERSION, MINE, Manifest, create, get, items, kubectl, poll, wait

ALIAS = "served"
BODY = json.dumps({"dataframe_split": {"columns": ["petal"], "data": [[1.4], [5.2]]}})
# Enough to meet every moment of a switch, and little enough to leave the pods a share of two cores.
REQUESTS_A_SECOND = 50


def model_deployment(name: str, model: str, alias: str, memory: str = "1Gi", **spec: Any) -> Manifest:
    resources = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": memory}}
    return {
        "apiVersion": API_VERSION,
        "kind": "ModelDeployment",
        "metadata": {"name": name, "labels": MINE},
        "spec": {
            "model": {"name": model, "alias": alias},
            "keepPreviousSeconds": 10,
            "resources": resources,
            **spec,
        },
    }


def open_node_port(name: str, node_port: int, *where: str) -> int:
    """Makes the client Service a NodePort; the port of 127.0.0.1 that answers by it. where: words for kubectl."""
    ports = [{"port": 80, "nodePort": node_port}]
    patch = json.dumps({"spec": {"type": "NodePort", "ports": ports}})
    kubectl("patch", "service", name, f"--patch={patch}", *where)
    port = registry.ports()[str(node_port)]
    poll(lambda: is_ready(port), f"/readyz by NodePort {node_port}")
    return port


def is_ready(port: int) -> bool:
    """Whether a request by a connection of its own is answered."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_until_the_candidate_says(words: str, resource: str, *where: str) -> str:
    """What a rollout waits for, once that has these words in it."""

    def message() -> str:
        candidate = get(resource, *where)["status"].get("candidate") or {}
        said = str(candidate.get("message", ""))
        return said if words in said else ""

    return poll(message, f"the candidate of {resource} says {words!r}", seconds=120)


@dataclass(frozen=True)
class Stand:
    """A ModelDeployment of the tests. port: of 127.0.0.1; it leads to its Service."""

    name: str
    model: str
    port: int
    alias: str = ALIAS

    @property
    def resource(self) -> str:
        return f"modeldeployment/{self.name}"

    def read(self) -> Manifest:
        found: Manifest = get(self.resource)
        return found

    def serving(self) -> str:
        """The version that answers clients, by status."""
        return str(self.read()["status"]["serving"]["version"])

    def told(self, reason: str) -> list[str]:
        """The messages of its Events with a reason."""
        about = f"involvedObject.uid={self.read()['metadata']['uid']},reason={reason}"
        return [str(event["message"]) for event in items("events", f"--field-selector={about}")]

    def deployments(self) -> dict[str, Manifest]:
        """The Deployments of all its revisions, by version."""
        found = items("deployments", f"--selector=modelcycle.dev/modeldeployment={self.name}")
        return {one["metadata"]["labels"]["modelcycle.dev/version"]: one for one in found}

    def load(self) -> Load:
        return Load(self.port, BODY, REQUESTS_A_SECOND)

    def change(self, **spec: Any) -> None:
        """Fields of its spec; None removes one."""
        kubectl("patch", self.resource, "--type=merge", f"--patch={json.dumps({'spec': spec})}")

    def pods(self, version: str) -> list[Manifest]:
        """Those of a version, as long as nobody has told them to end."""
        selector = f"modelcycle.dev/modeldeployment={self.name},modelcycle.dev/version={version}"
        return [
            pod
            for pod in items("pods", f"--selector={selector}")
            if "deletionTimestamp" not in pod["metadata"]
        ]

    def follow(self, alias: str) -> str:
        """Moves the followed alias to the version that another alias names; that version."""
        version = str(registry.version_of(self.model, alias)["version"])
        registry.set_alias(self.model, self.alias, version)
        return version

    def follow_the_other_good_one(self) -> str:
        good = registry.version_of(self.model, "good")["version"]
        return self.follow("better" if self.serving() == good else "good")

    @contextlib.contextmanager
    def rollout(self) -> Iterator[tuple[str, str]]:
        """From one good version to the other, under load, whatever happens meanwhile: no request may fail.

        Begins when the candidate has a Deployment; yields the version before and the one after.
        """
        before = self.serving()
        with self.load() as load:
            after = self.follow_the_other_good_one()
            poll(lambda: after in self.deployments(), "the candidate's Deployment")
            yield before, after
            self.wait_until_complete(after)
        assert load.failures == []
        assert set(load.first_seen) == {before, after}

    def wait_until_complete(self, version: str) -> None:
        """A version serves, and the Deployment of every other one is deleted; its pods may still drain."""
        wait(self.resource, f"jsonpath={{.status.serving.version}}={version}")
        wait(self.resource, "jsonpath={.status.reason}=RolloutComplete")
        poll(
            lambda: list(self.deployments()) == [version], f"only the Deployment of version {version} is left"
        )

    def wait_until_no_pod_is_left(self, of: str) -> None:
        wait("pods", "delete", f"--selector=modelcycle.dev/modeldeployment={self.name},{of}")


def set_up(name: str, model: str, node_port: int, alias: str = ALIAS, **spec: Any) -> Stand:
    """Serves the good version of a model by a NodePort."""
    stand = Stand(name, model, registry.ports()[str(node_port)], alias)
    stand.follow("good")
    create(model_deployment(name, model, alias, **spec))
    wait(stand.resource, "condition=Ready")
    open_node_port(name, node_port)
    return stand
