"""Which kind of cluster this machine gets: the ladder, decided from facts alone."""

from dataclasses import dataclass
from enum import StrEnum

from cluster.shell import Problem


class Rung(StrEnum):
    CURRENT = "current"
    PUBLIC_IMAGE = "public-image"
    BUILT_IMAGE = "built-image"


@dataclass(frozen=True)
class Facts:
    """What the choice depends on. `engine` is docker or podman where one answers, else empty."""

    cluster: str
    kubeconfig: str
    engine: str
    node_image_can_be_had: bool
    linux: bool
    root: bool


def choose(facts: Facts) -> Rung:
    """The first rung that carries. Raises Problem where none does."""
    if facts.cluster not in ("", "current"):
        raise Problem(f"CLUSTER={facts.cluster} is not known: leave it out, or say CLUSTER=current.")
    if facts.cluster and not facts.kubeconfig:
        raise Problem("CLUSTER=current uses the cluster of KUBECONFIG: set it to the path of a kubeconfig.")
    if facts.cluster:
        return Rung.CURRENT
    if facts.engine and facts.node_image_can_be_had:
        return Rung.PUBLIC_IMAGE
    if facts.linux and facts.root:
        return Rung.BUILT_IMAGE
    if facts.linux:
        raise Problem(
            "Neither Docker nor Podman can have kind's public node image, and building one needs root: "
            "run this as root, or start Docker where a registry can be reached."
        )
    raise Problem("Start Docker (or Podman) with a way to its public registry: only Linux can do without.")


def announce(rung: Rung, facts: Facts) -> str:
    match rung:
        case Rung.CURRENT:
            return f"Cluster: the current one of {facts.kubeconfig}; nothing is created."
        case Rung.PUBLIC_IMAGE:
            return f"Cluster: kind on {facts.engine} with its public node image."
        case Rung.BUILT_IMAGE:
            why = (
                "kind's public node image cannot be had"
                if facts.engine
                else "neither Docker nor Podman is here"
            )
            return f"Cluster: kind on podman with a node image built from packages, because {why}."
