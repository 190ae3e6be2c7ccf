"""Makes and removes kind clusters, and runs programs in their nodes."""

import json
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster import commands, paths
from cluster.rung import Rung
from cluster.shell import Command, long, output
from cluster.state import Made

NODE_IMAGE = "kindest/node:v1.34.0"  # the one that kind v0.30.0 is released with
SHARED = "/shared"  # where every node sees the shared folder

# The API server asks the pods of an aggregated API themselves: a Service's address that kube-proxy has not got to yet
# leads out of the cluster, and where somebody answers there the API server keeps that connection.
_ASKS_PODS = {
    "kind": "ClusterConfiguration",
    "apiServer": {"extraArgs": {"enable-aggregator-routing": "true"}},
}


def config(rung: Rung, nodes: int, ports: Mapping[int, int], shared: Path) -> dict[str, Any]:
    """kind's configuration: one control plane, the rest workers, the shared folder on each."""
    mounts = [{"hostPath": str(shared), "containerPath": SHARED}]
    mappings = [
        {"containerPort": node_port, "hostPort": port, "listenAddress": "127.0.0.1"}
        for node_port, port in ports.items()
    ]
    control_plane = {"role": "control-plane", "extraMounts": mounts, "extraPortMappings": mappings}
    workers = [{"role": "worker", "extraMounts": mounts} for _ in range(nodes - 1)]
    cluster: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [control_plane, *workers],
    }
    patches: list[dict[str, Any]] = [_ASKS_PODS]
    if rung is Rung.BUILT_IMAGE:
        # kind's own network is a daemon whose image cannot be built here: network.py stands in.
        cluster["networking"] = {"disableDefaultCNI": True}
        resolver = {"kind": "KubeletConfiguration", "resolvConf": "/kind/pods-resolv.conf"}
        patches.append(resolver)
    cluster["kubeadmConfigPatches"] = [json.dumps(patch) for patch in patches]
    return cluster


def create(made: Made, image: str, config: Mapping[str, Any]) -> None:
    file = paths.STATE / "kind.json"
    file.write_text(json.dumps(config, indent=2))
    options: Command = [
        "--name",
        made.name,
        "--image",
        image,
        "--config",
        file,
        "--kubeconfig",
        paths.KUBECONFIG,
    ]
    long(
        f"kind cluster {made.name}",
        0.5,
        [commands.tool("kind"), "create", "cluster", *options],
        env=environment(made),
    )


def delete(made: Made) -> None:
    command: Command = [commands.tool("kind"), "delete", "cluster", "--name", made.name]
    output([*command, "--kubeconfig", paths.KUBECONFIG], env=environment(made))


def nodes(made: Made) -> list[str]:
    """The nodes' containers, running or not; empty where the cluster does not exist."""
    named = output([commands.tool("kind"), "get", "nodes", "--name", made.name], env=environment(made))
    return sorted(named.split())


def runs(made: Made) -> bool:
    """Whether the cluster is there and all its nodes' containers are running."""
    mine = f"label=io.x-k8s.kind.cluster={made.name}"
    running = output([made.engine, "ps", "--quiet", "--filter", mine], env=environment(made)).split()
    return 0 < len(running) == len(nodes(made))


def clusters(made: Made) -> list[str]:
    """The names of all kind clusters that this engine has."""
    return sorted(output([commands.tool("kind"), "get", "clusters"], env=environment(made)).split())


def on_node(made: Made, node: str, command: Command, stdin: str | None = None) -> str:
    interactive = ["--interactive"] if stdin is not None else []
    return output([made.engine, "exec", *interactive, node, *command], env=environment(made), stdin=stdin)


def environment(made: Made) -> dict[str, str]:
    """What kind and its engine need to be told."""
    if made.engine != "podman":
        return {}
    podman = {"KIND_EXPERIMENTAL_PROVIDER": "podman"}
    if made.rung is Rung.BUILT_IMAGE:
        podman["CONTAINERS_CONF"] = str(_containers_conf())
    return podman


def _containers_conf() -> Path:
    """Debian 12's crun refuses hybrid cgroups, and podman asks for higher limits than may be had."""
    files = min(_hard_limit(resource.RLIMIT_NOFILE), 2**20)
    processes = min(_hard_limit(resource.RLIMIT_NPROC), 30_000)  # podman itself runs with 32768
    limits = f'"nofile={files}:{files}", "nproc={processes}:{processes}"'
    file = paths.STATE / "containers.conf"
    text = f'[engine]\nruntime = "runc"\n[containers]\ndefault_ulimits = [{limits}]\n'
    if not file.exists() or file.read_text() != text:
        file.parent.mkdir(exist_ok=True)
        part = file.with_name(f"{file.name}.{os.getpid()}")
        part.write_text(text)
        part.replace(file)
    return file


def _hard_limit(which: int) -> int:
    hard = resource.getrlimit(which)[1]
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard
