"""What is measured: a ModelDeployment that follows an alias, and a plain Deployment of the same pods as the floor."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.load import Load
from tests.e2e import registry
from tests.e2e.kube import MINE, Manifest, create, get, items, kubectl, poll, wait
from tests.e2e.runs import run_of_script
from tests.e2e.stand import ALIAS, REQUESTS_A_SECOND, Stand, model_deployment, open_node_port

NAME, FLOOR = "bench-rollout", "bench-rollout-floor"
NODE_PORT, FLOOR_NODE_PORT = 30083, 30081
VERSIONS = Path(__file__).parent / "versions.py"
BROKEN = ("damaged", "requirement", "raising", "hungry")
WEBHOOK = "modelcycle.dev"
# A request of one flower, as clients of iris would send it.
BODY = json.dumps(
    {
        "dataframe_split": {
            "columns": ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"],
            "data": [[5.1, 3.5, 1.4, 0.2]],
        }
    }
)
SELECTOR = f"--selector={','.join(f'{key}={value}' for key, value in MINE.items())}"


@dataclass(frozen=True)
class Floor:
    """A Deployment whose pod template is changed in place, by a rolling update of one pod more."""

    port: int
    selector = f"app={FLOOR}"

    def load(self) -> Load:
        return Load(self.port, BODY, REQUESTS_A_SECOND)

    def change_to(self, version: str) -> float:
        """As `kubectl set image` does; when the API server had taken it."""
        kubectl("set", "env", f"deployment/{FLOOR}", f"MODELCYCLE_MODEL_VERSION={version}")
        return time.time()


class Ours(Stand):
    @property
    def selector(self) -> str:
        return f"modelcycle.dev/modeldeployment={self.name}"

    def load(self) -> Load:
        return Load(self.port, BODY, REQUESTS_A_SECOND)

    def point(self, version: str) -> float:
        """Moves the alias; when it was asked for."""
        asked = time.time()
        registry.set_alias(self.model, ALIAS, version)
        return asked

    def rejected(self) -> list[Manifest]:
        found: list[Manifest] = self.read()["status"].get("rejected", [])
        return found

    def rejection(self, version: str) -> Manifest | None:
        return next((entry for entry in self.rejected() if entry["version"] == version), None)


@contextlib.contextmanager
def set_up() -> Iterator[tuple[Ours, Floor]]:
    """Both serve the same version, by a NodePort each; afterwards nothing of it is left."""
    clean_up()
    model = registry.model_name("rollout")
    try:
        create(*run_of_script(NAME, VERSIONS, model))
        wait(f"trainingrun/{NAME}", "condition=Finished")
        wait(f"trainingrun/{NAME}", "condition=Complete", seconds=1)
        ours = Ours(NAME, model, registry.ports()[str(NODE_PORT)])
        ours.follow("good")
        deployment = model_deployment(NAME, model, ALIAS)
        # Without an index nothing is asked of a network that this cluster may not have.
        deployment["spec"]["env"] = [{"name": "PIP_NO_INDEX", "value": "1"}]
        create(deployment)
        wait(ours.resource, "condition=Ready")
        open_node_port(NAME, NODE_PORT)
        create(*floor(ours))
        kubectl("rollout", "status", f"deployment/{FLOOR}", "--timeout=180s")
        yield ours, Floor(open_node_port(FLOOR, FLOOR_NODE_PORT))
    finally:
        set_webhook("ACTIVE")
        clean_up()


def floor(ours: Ours) -> tuple[Manifest, Manifest]:
    """The pods that the operator has made, without it."""
    (made,) = ours.deployments().values()
    labels = {"app": FLOOR}
    template = made["spec"]["template"]
    template["metadata"] = {"labels": labels}
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template, "strategy": rolling}
    service = {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    metadata = {"name": FLOOR, "labels": MINE}
    return (
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
    )


def clean_up() -> None:
    kinds = "modeldeployments,trainingruns,configmaps,deployments,services"
    kubectl("delete", kinds, SELECTOR, "--wait=false")
    registry.forget()
    poll(lambda: not _left(), "what was measured before is gone", 120)


def _left() -> list[str]:
    names = [one["metadata"]["name"] for one in items("deployments,services,pods")]
    return [name for name in names if name.startswith(NAME)]


def copies(model: str, alias: str, number: int) -> list[str]:
    """Registers the files of a version so many times more; these versions."""
    original = registry.version_of(model, alias)
    source: str = original["source"]
    same = {"source": source, "model_id": source.removeprefix("models:/"), "run_id": original["run_id"]}
    made = (registry.ask("POST", "model-versions/create", name=model, **same) for _ in range(number))
    return [str(answer["model_version"]["version"]) for answer in made]


def set_webhook(status: str) -> None:
    """DISABLED: the operator sees the registry's changes by its poll alone."""
    for hook in registry.ask("GET", "webhooks").get("webhooks", ()):
        if hook["name"] == WEBHOOK:
            registry.ask("PATCH", f"webhooks/{hook['webhook_id']}", status=status)


def poll_seconds() -> float:
    """How often the operator looks at the registry."""
    pod: Any = get("deployment/modelcycle-operator")["spec"]["template"]["spec"]
    (value,) = [v["value"] for v in pod["containers"][0]["env"] if v["name"] == "MODELCYCLE_POLL_SECONDS"]
    return float(value)
