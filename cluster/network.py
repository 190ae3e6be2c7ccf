"""Pods' network without a daemon: each node gets a point-to-point network and routes to the others.

Written once, when the cluster is made: a node that restarts with another address is cut off.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

from cluster import kind
from cluster.kubectl import get
from cluster.shell import Problem, output, works
from cluster.state import Made

_PATIENCE_SECONDS = 60
_PODS = "10.244.0.0/16"  # kind's range for all pods
_SERVICES = "10.96.0.0/16"  # and for all Services
# Packets between nodes cross a bridge of this machine under the pods' own addresses, which Podman's rules do not
# know, and which are dropped where somebody, such as a Docker daemon, made that the policy.
_FORWARD = ["--source", _PODS, "--destination", _PODS, "--jump", "ACCEPT"]


@dataclass(frozen=True)
class Node:
    name: str
    address: str
    pods: str  # its range of pod addresses, as a CIDR


def connect(made: Made) -> None:
    nodes = _with_ranges(len(kind.nodes(made)))
    for node in nodes:
        conflist = json.dumps(configuration(node.pods))
        kind.on_node(made, node.name, ["mkdir", "-p", "/etc/cni/net.d"])
        # Written whole under another name: containerd reads the folder at any time.
        place = "cat > /etc/cni/net.d/.pods && mv /etc/cni/net.d/.pods /etc/cni/net.d/10-pods.conflist"
        kind.on_node(made, node.name, ["sh", "-c", place], stdin=conflist)
        for command in stays_here(node.pods):
            kind.on_node(made, node.name, command)
        for other in nodes:
            if other != node:
                route = ["ip", "route", "replace", other.pods, "via", other.address]
                kind.on_node(made, node.name, route)
                kind.on_node(made, node.name, as_it_is(node.pods, other.pods))
    if len(nodes) > 1 and not _is_let_through():
        output(["iptables", "--insert", "FORWARD", *_FORWARD])


def disconnect() -> None:
    """This machine forwards what it did before there was a cluster."""
    if _is_let_through():
        output(["iptables", "--delete", "FORWARD", *_FORWARD])


def _is_let_through() -> bool:
    return works(["iptables", "--check", "FORWARD", *_FORWARD])


def configuration(pods: str) -> dict[str, Any]:
    """The CNI configuration of a node whose pods have addresses in this range."""
    addresses = {"type": "host-local", "ranges": [[{"subnet": pods}]], "routes": [{"dst": "0.0.0.0/0"}]}
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {"type": "ptp", "ipMasq": True, "ipam": addresses},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def stays_here(pods: str) -> list[list[str]]:
    """What is meant for a pod that has gone, or a Service that kube-proxy has not got to yet, is refused on the node:
    it would leave the cluster by the default route, where somebody else may answer.

    A pod that is there has a route of its own, and what kube-proxy knows is no Service's address any more by the time
    that packets are filtered.
    """
    refused = ["--destination", _SERVICES, "--jump", "REJECT"]
    filters = [["iptables", "--append", chain, *refused] for chain in ("FORWARD", "OUTPUT")]
    return [["ip", "route", "replace", "unreachable", pods], *filters]


def as_it_is(pods: str, others: str) -> list[str]:
    """Lets pods be seen by other nodes' pods under their own address, as Kubernetes promises: before the
    plugin's masquerading, but not before that of Services, whose packets kube-proxy has marked.
    """
    between = ["--source", pods, "--destination", others]
    unmarked = ["--match", "mark", "!", "--mark", "0x4000/0x4000"]
    return ["iptables", "--table", "nat", "--insert", "POSTROUTING", *between, *unmarked, "--jump", "ACCEPT"]


def _with_ranges(count: int) -> list[Node]:
    """All nodes, once the controller manager has given each its range."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        items = get("nodes")["items"]
        if len(items) == count and all("podCIDR" in item["spec"] for item in items):
            return [_node(item) for item in items]
        time.sleep(0.5)
    raise Problem(f"Not all nodes got a range of pod addresses within {_PATIENCE_SECONDS} s.")


def _node(item: dict[str, Any]) -> Node:
    address = next(a["address"] for a in item["status"]["addresses"] if a["type"] == "InternalIP")
    return Node(item["metadata"]["name"], address, item["spec"]["podCIDR"])
