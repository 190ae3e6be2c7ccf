"""What this checkout's cluster is, kept in .cluster/state.json and .cluster/ports.json."""

import json
import os
from dataclasses import asdict, dataclass

from cluster import paths
from cluster.rung import Rung
from cluster.shell import Problem

_STATE = paths.STATE / "state.json"
_PORTS = paths.STATE / "ports.json"
DEFAULT_NAME = "modelcycle"


@dataclass(frozen=True)
class Made:
    """A cluster of this checkout. `engine` is empty for the current cluster, `complete` False while it is made."""

    name: str
    rung: Rung
    engine: str
    complete: bool = False


def made() -> Made | None:
    if not _STATE.exists():
        return None
    kept = json.loads(_STATE.read_text())
    return Made(kept["name"], Rung(kept["rung"]), kept["engine"], kept["complete"])


def wanted_name(made: Made | None) -> str:
    """Raises Problem where CLUSTER_NAME asks for another cluster than the one this checkout has."""
    asked = os.environ.get("CLUSTER_NAME", "")
    if made and asked and asked != made.name and made.rung is not Rung.CURRENT:
        raise Problem(
            f"This checkout's cluster is called {made.name}, not {asked}: run `make cluster-down` first, "
            "or use another checkout for a second cluster."
        )
    return asked or (made.name if made and made.name else DEFAULT_NAME)


def keep(made: Made) -> None:
    paths.STATE.mkdir(exist_ok=True)
    part = _STATE.with_suffix(".part")
    part.write_text(json.dumps(asdict(made)))
    part.replace(_STATE)


def keep_ports(ports: dict[int, int]) -> None:
    _PORTS.write_text(json.dumps(ports, indent=2) + "\n")


def ports() -> dict[int, int]:
    """NodePort to the port of 127.0.0.1 that leads there; empty for a cluster that is not ours."""
    if not _PORTS.exists():
        return {}
    return {int(node_port): port for node_port, port in json.loads(_PORTS.read_text()).items()}
