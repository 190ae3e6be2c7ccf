"""The cluster comes and goes: `up` keeps a healthy one, `down` leaves nothing behind."""

import contextlib
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from cluster import (
    commands,
    kind,
    kubectl,
    machine,
    network,
    node_image,
    paths,
    ports,
    state,
    sysctls,
    volumes,
)
from cluster.rung import Rung, announce, choose
from cluster.shell import Problem, locked, output, say
from cluster.state import Made

PATIENCE_SECONDS = 60
# helm is not for the cluster itself, but who waits for a node image should hear first that Go is too old for it.
NEEDED = {
    Rung.PUBLIC_IMAGE: ("kind", "kubectl"),
    Rung.BUILT_IMAGE: (*commands.NODE, *commands.CONTROL_PLANE, *commands.TOOLS),
}


def up() -> None:
    made = state.made()
    name = state.wanted_name(made)
    nodes = _wanted_nodes()
    with locked(f"cluster {name}"):
        made = state.made()  # another run may just have made it
        if made and made.complete and not os.environ.get("CLUSTER") and kind.runs(made):
            _keep(made, nodes)
        else:
            _make(name, nodes or 1, made)
    _say_where()


def down() -> None:
    made = state.made()
    if os.environ.get("CLUSTER") == "current" or (made and made.rung is Rung.CURRENT):
        say("The current cluster is not ours: nothing is removed from it.")
        if made and made.rung is Rung.CURRENT:
            _forget()
        return
    if not made:
        say("There is no cluster of this checkout.")
        return
    with locked(f"cluster {state.wanted_name(made)}"):
        _remove(made)
    say(f"Cluster {made.name} is gone.")


def _make(name: str, nodes: int, former: Made | None) -> None:
    facts = machine.facts(kind.NODE_IMAGE)
    rung = choose(facts)
    say(announce(rung, facts))
    if rung is Rung.CURRENT:
        _adopt(name, former)
        return
    say(machine.judge(machine.room(), commands.least_go(NEEDED[rung])))
    if former and former.engine:
        say(
            f"Cluster {former.name} {'has stopped' if former.complete else 'was left half made'}: it is made again."
        )
        kind.delete(former)
    elif former:
        _forget()
    made = Made(name, rung, "podman" if rung is Rung.BUILT_IMAGE else facts.engine)
    if rung is Rung.BUILT_IMAGE:
        machine.require_packages("podman", "runc", "netavark", "aardvark-dns", "iptables")
    _require_name(made)
    image = node_image.ensure() if rung is Rung.BUILT_IMAGE else kind.NODE_IMAGE
    _create(made, image, nodes)


def _require_name(made: Made) -> None:
    if made.name not in kind.clusters(made):
        return
    settings = " ".join(f"{name}={value}" for name, value in kind.environment(made).items())
    by_hand = f"{settings} {commands.tool('kind')} delete cluster --name {made.name}".strip()
    raise Problem(
        f"Another checkout has a cluster called {made.name}: remove it there with `make cluster-down`, or give "
        f"this one a name of its own with CLUSTER_NAME=. If that checkout is gone: `{by_hand}`."
    )


def _create(made: Made, image: str, nodes: int) -> None:
    sysctls.record()
    paths.SHARED.mkdir(parents=True, exist_ok=True)
    if made.rung is Rung.BUILT_IMAGE:
        Path("/lib/modules").mkdir(exist_ok=True)  # kind mounts it, where there are modules or not
    mapping = ports.assign(ports.NODE_PORTS, ports.is_free, ports.any_free)
    # Kept before the cluster is begun: an interrupted one is found, and made again, by the next run.
    state.keep(made)
    state.keep_ports(mapping)
    kind.create(made, image, kind.config(made.rung, nodes, mapping, paths.SHARED))
    if made.rung is Rung.BUILT_IMAGE:
        network.connect(made)
    say("  waiting for the nodes and for DNS")
    kubectl.kubectl("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=180s")
    kubectl.kubectl("--namespace=kube-system", "rollout", "status", "deployment/coredns", "--timeout=180s")
    volumes.ensure(made, volumes.DEFAULT)
    state.keep(replace(made, complete=True))


def _adopt(name: str, former: Made | None) -> None:
    """Keeps the current context alone, so that nothing here can reach another cluster by mistake."""
    if former and former.engine:
        raise Problem(
            f"This checkout has its own cluster {former.name}: run `make cluster-down` without CLUSTER."
        )
    kubeconfig = output([commands.tool("kubectl"), "config", "view", "--raw", "--flatten", "--minify"])
    _forget()
    paths.STATE.mkdir(exist_ok=True)
    paths.KUBECONFIG.touch(mode=0o600)
    paths.KUBECONFIG.write_text(kubeconfig)
    if not kubectl.answers("get", "--raw=/readyz"):
        raise Problem("The cluster of KUBECONFIG does not answer: check `kubectl cluster-info`.")
    state.keep(Made(name, Rung.CURRENT, ""))


def _keep(made: Made, nodes: int | None) -> None:
    """A cluster that runs is never made again by itself: it holds somebody's models, and may be merely busy."""
    there = len(kind.nodes(made))
    if nodes and there != nodes:
        raise Problem(f"Cluster {made.name} has {there} node(s), not {nodes}: run `make cluster-down` first.")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not kubectl.answers("get", "--raw=/readyz"):
        if time.monotonic() > deadline:
            raise Problem(
                f"Cluster {made.name} runs, but has not answered for {PATIENCE_SECONDS} s: see "
                f"`{made.engine} logs {made.name}-control-plane`, or start afresh with `make cluster-down`."
            )
        time.sleep(1)
    say(f"Cluster {made.name} is there and answers.")


def _remove(made: Made) -> None:
    if kind.runs(made):
        # What pods wrote belongs to their user, which a node may remove and this user perhaps not. Of a cluster whose
        # processes were killed its engine can go on saying that it runs.
        with contextlib.suppress(Problem):
            kind.on_node(made, kind.nodes(made)[0], ["find", kind.SHARED, "-mindepth", "1", "-delete"])
    kind.delete(made)
    if not kind.clusters(made):
        sysctls.restore()
        if made.rung is Rung.BUILT_IMAGE:
            network.disconnect()
    _forget()


def _forget() -> None:
    """Everything of .cluster but the links to the commands, which belong to no cluster."""
    for entry in paths.STATE.glob("*"):
        if entry.name == "bin":
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _wanted_nodes() -> int | None:
    asked = os.environ.get("NODES", "")
    if not asked:
        return None
    if not asked.isdigit() or int(asked) < 1:
        raise Problem(f"NODES={asked} is no number of nodes: give 1 or more.")
    return int(asked)


def _say_where() -> None:
    moved = [f"{node_port} is {port}" for node_port, port in state.ports().items() if node_port != port]
    if moved:
        say(f"Ports that were taken on 127.0.0.1 have moved (.cluster/ports.json): {', '.join(moved)}.")
    say(str(paths.KUBECONFIG.relative_to(paths.REPOSITORY)))
