"""What this checkout's cluster is, kept in .cluster/state.json and .cluster/ports.json."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from cluster import paths
from cluster.rung import Rung
from cluster.shell import Problem

DEFAULT_NAME = "modelcycle"


@dataclass(frozen=True)
class Made:
    """A cluster of this checkout. `engine` is empty for the current cluster, `complete` False while it is made."""

    name: str
    rung: Rung
    engine: str
    complete: bool = False


def made() -> Made | None:
    file = _state()
    if not file.exists():
        return None
    kept = json.loads(file.read_text())
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
    part = _state().with_suffix(".part")
    part.write_text(json.dumps(asdict(made)))
    part.replace(_state())


def keep_ports(ports: dict[int, int]) -> None:
    _ports().write_text(json.dumps(ports, indent=2) + "\n")


def ports() -> dict[int, int]:
    """NodePort to the port of 127.0.0.1 that leads there; empty for a cluster that is not ours."""
    file = _ports()
    if not file.exists():
        return {}
    return {int(node_port): port for node_port, port in json.loads(file.read_text()).items()}


def _state() -> Path:
    return paths.STATE / "state.json"


def _ports() -> Path:
    return paths.STATE / "ports.json"
