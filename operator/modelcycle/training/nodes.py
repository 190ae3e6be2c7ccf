"""A training on several nodes: one pod a node, which find each other through a headless Service."""

from modelcycle.api import GROUP
from modelcycle.api.trainingrun import TrainingRun
from modelcycle.plan import RUN_LABEL, Body, owned_metadata

# The port that torch takes where none is named.
MASTER_PORT = 29500
# Of the pods of an Indexed Job, as a label and as an annotation: 0 to nodes - 1.
INDEX = "batch.kubernetes.io/job-completion-index"
# A former run's pods can outlive it for a while, under the same name.
UID_LABEL = f"{GROUP}/trainingrun-uid"


def number(run: TrainingRun) -> int:
    """How many nodes the run asks for."""
    return run.spec.nodes or 1


def service_name(run: TrainingRun) -> str:
    """A ModelDeployment of the run's name has a Service of that name, hence another one."""
    return f"{run.metadata.name}-nodes"


def service(run: TrainingRun) -> Body:
    """The pods' names in DNS: <run>-<rank>.<service>, from the moment they have an address."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owned_metadata(
            "TrainingRun", run.metadata, service_name(run), {RUN_LABEL: run.metadata.name}
        ),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {UID_LABEL: run.metadata.uid},
            "ports": [{"name": "rendezvous", "port": MASTER_PORT}],
        },
    }


def job_fields(run: TrainingRun) -> Body:
    """What an Indexed Job's spec says more; nothing for one node."""
    nodes = number(run)
    return {"completionMode": "Indexed", "completions": nodes, "parallelism": nodes} if nodes > 1 else {}


def pod_labels(run: TrainingRun) -> dict[str, str]:
    return {UID_LABEL: run.metadata.uid} if number(run) > 1 else {}


def pod_fields(run: TrainingRun) -> Body:
    """What the pod's spec says more: its domain, and that nodes are shared only where there are too few."""
    if number(run) == 1:
        return {}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": pod_labels(run)},
    }
    return {"subdomain": service_name(run), "topologySpreadConstraints": [spread]}


def environment(run: TrainingRun) -> list[Body]:
    """What torch.distributed reads (env://), and, as PET_*, the defaults of torchrun's own options.

    https://docs.pytorch.org/docs/stable/distributed.html#environment-variable-initialization
    https://github.com/pytorch/pytorch/blob/main/torch/distributed/argparse_util.py
    """
    nodes = number(run)
    if nodes == 1:
        return []
    rank = {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}}
    address, port = f"{run.metadata.name}-0.{service_name(run)}", str(MASTER_PORT)
    return [
        {"name": "MASTER_ADDR", "value": address},
        {"name": "MASTER_PORT", "value": port},
        {"name": "WORLD_SIZE", "value": str(nodes)},
        {"name": "RANK", "valueFrom": rank},
        {"name": "NODE_RANK", "valueFrom": rank},
        {"name": "PET_NNODES", "value": str(nodes)},
        {"name": "PET_NODE_RANK", "valueFrom": rank},
        {"name": "PET_MASTER_ADDR", "value": address},
        {"name": "PET_MASTER_PORT", "value": port},
    ]
