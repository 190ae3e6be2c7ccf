"""ReadWriteMany volumes: folders of this machine that every node sees, where a real cluster has NFS."""

from typing import Any

from cluster import kind, kubectl
from cluster.shell import Problem, say
from cluster.state import Made

CLASS = "modelcycle-shared"
DEFAULT = "modelcycle-shared"
# The project's images run as this user; a hostPath volume ignores fsGroup.
OWNER = "10001"


def ensure(made: Made, name: str) -> None:
    """The volume is there and may be claimed: its folder prepared, a former claim forgotten, files kept."""
    folder = f"{kind.SHARED}/{name}"
    node = kind.nodes(made)[0]
    kind.on_node(made, node, ["install", "-d", "-o", OWNER, "-g", OWNER, "-m", "2775", folder])
    kubectl.apply(manifest(name, folder))
    phase = kubectl.get("persistentvolume", name)["status"].get("phase")
    if phase == "Released":
        forget = '[{"op": "remove", "path": "/spec/claimRef"}]'
        kubectl.kubectl("patch", "persistentvolume", name, "--type=json", f"--patch={forget}")
        say(f"Volume {name}: its former claim is gone, it can be claimed again.")


def manifest(name: str, folder: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "20Gi"},
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": CLASS,
            "hostPath": {"path": folder, "type": "Directory"},
        },
    }


def require_own(made: Made | None) -> Made:
    if made and made.engine:
        return made
    raise Problem("Volumes are made on a kind cluster of this checkout: run `make cluster` without CLUSTER.")
