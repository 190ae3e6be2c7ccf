"""A namespace with a shared volume of its own, a small file system in the memory of one worker."""

import contextlib
from collections.abc import Iterator

from cluster import kind, state
from tests.e2e import volumes
from tests.e2e.kube import create, kubectl


def on(node: str, script: str, stdin: str | None = None) -> None:
    made = state.made()
    assert made
    kind.on_node(made, node, ["sh", "-c", script], stdin)


def folder(name: str) -> str:
    """Where the volume of a namespace is on its node."""
    return f"/var/{name}"


@contextlib.contextmanager
def room(name: str, node: str, size: str) -> Iterator[None]:
    """The namespace `name`, its volume of `size` (as mount takes it), and in that the folder `cache`."""
    _remove(name, node)
    there, ours = folder(name), "uid=10001,gid=10001,mode=2775"
    on(node, f"mkdir {there} && mount -t tmpfs -o size={size},{ours} tmpfs {there}")
    on(node, f"install -d -o 10001 -g 10001 -m 2775 {there}/cache")
    kubectl("create", "namespace", name)
    create(volumes.of_node(name, node, there))
    create(volumes.claim(name), namespace=name)
    try:
        yield
    finally:
        _remove(name, node)


def _remove(name: str, node: str) -> None:
    for one in ("namespace", "persistentvolume"):
        kubectl("delete", one, name, "--ignore-not-found", "--timeout=120s")
    there = folder(name)
    on(node, f"test ! -d {there} || {{ umount {there}; rmdir {there}; }}")
