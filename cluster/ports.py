"""Which ports of 127.0.0.1 lead to which NodePorts."""

import errno
import socket
from collections.abc import Callable, Iterable

MLFLOW = 30500
MODELS = (30080, 30081, 30082, 30083)
NODE_PORTS = (MLFLOW, *MODELS)


def assign(
    node_ports: Iterable[int], is_free: Callable[[int], bool], any_free: Callable[[], int]
) -> dict[int, int]:
    """Each NodePort's own number where that is free on this machine, otherwise any free one."""
    chosen: dict[int, int] = {}
    for node_port in node_ports:
        port = node_port
        while not is_free(port) or port in chosen.values():
            port = any_free()
        chosen[node_port] = port
    return chosen


def is_free(port: int) -> bool:
    return _can_be_bound(port) and _is_refused(port)


def _can_be_bound(port: int) -> bool:
    with socket.socket() as probe:
        # A port whose last connection still lingers is free for a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _is_refused(port: int) -> bool:
    """Whether nobody answers: the rule of a cluster whose processes were killed leads on without a listener here."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


def any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
