"""Which ports of 127.0.0.1 lead to which NodePorts."""

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
    """Whether a server can listen on it and is reached by it: the rule of a cluster whose processes were killed leads
    requests elsewhere, and nobody listens here.
    """
    with socket.socket() as server:
        # A port whose last connection still lingers is free for a server.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.settimeout(1)
        try:
            server.bind(("127.0.0.1", port))
            server.listen()
            return _is_reached(server, port)
        except OSError:
            return False


def _is_reached(server: socket.socket, port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
        connection, peer = server.accept()
        with connection:
            return bool(peer == client.getsockname())


def any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
