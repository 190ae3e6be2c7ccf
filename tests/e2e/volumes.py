"""The shared volume of another namespace."""

from tests.e2e.kube import Manifest

CLASS = "modelcycle-shared"


def claim(volume: str) -> Manifest:
    """The claim that runs and versions look for, bound to a volume."""
    spec = {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": CLASS,
        "volumeName": volume,
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "mlruns"}, "spec": spec}


def of_node(name: str, node: str, folder: str) -> Manifest:
    """A volume that is a folder of one node: only there may its pods run."""
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany"],
        "storageClassName": CLASS,
        "hostPath": {"path": folder, "type": "Directory"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
