"""The Go commands: taken from PATH where they are fit, else built from their modules and cached."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster import machine, paths
from cluster.shell import Command as Words
from cluster.shell import locked, long

KUBERNETES = "v1.34.4"
KIND = "v0.30.0"
HELM = "v3.22.0"
METRICS_SERVER = "v0.9.0"

# Unstamped, kubeadm takes the node for a version of its own invention and refuses it.
_STAMPS = " ".join(
    f"-X {package}.{name}={value}"
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    for name, value in (
        ("gitVersion", KUBERNETES),
        ("gitMajor", "1"),
        ("gitMinor", KUBERNETES.split(".")[1]),
        ("gitTreeState", "archive"),
        ("buildDate", "2026-01-01T00:00:00Z"),
    )
)


@dataclass(frozen=True)
class Command:
    """`package` lies in the module of the folder cluster/node/`source`, or is package@version itself.

    `go` is the least version of Go that its modules ask for; `minutes` what two cores need with
    nothing cached.
    """

    source: str
    package: str
    go: tuple[int, int]
    minutes: float
    stamps: str = ""


def _kubernetes(package: str, minutes: float) -> Command:
    return Command("kubernetes", package, (1, 24), minutes, _STAMPS)


COMMANDS = {
    "kubelet": _kubernetes("k8s.io/kubernetes/cmd/kubelet", 5),
    "kubeadm": _kubernetes("k8s.io/kubernetes/cmd/kubeadm", 0.5),
    "kubectl": _kubernetes("k8s.io/kubernetes/cmd/kubectl", 0.5),
    "kube-apiserver": _kubernetes("k8s.io/kubernetes/cmd/kube-apiserver", 1),
    "kube-controller-manager": _kubernetes("k8s.io/kubernetes/cmd/kube-controller-manager", 1),
    "kube-scheduler": _kubernetes("k8s.io/kubernetes/cmd/kube-scheduler", 0.5),
    "kube-proxy": _kubernetes("k8s.io/kubernetes/cmd/kube-proxy", 0.5),
    "crictl": _kubernetes("./crictl", 0.2),
    "pause": _kubernetes("./pause", 0.1),
    "etcd": Command("etcd", ".", (1, 24), 1),
    "coredns": Command("coredns", ".", (1, 24), 2.5),
    "kind": Command("", f"sigs.k8s.io/kind@{KIND}", (1, 17), 1),
    "helm": Command("", f"helm.sh/helm/v3/cmd/helm@{HELM}", (1, 26), 2),
    "metrics-server": Command(
        "", f"sigs.k8s.io/metrics-server/cmd/metrics-server@{METRICS_SERVER}", (1, 26), 2
    ),
}
NODE = ("kubelet", "kubeadm", "kubectl", "crictl")
CONTROL_PLANE = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "etcd",
    "coredns",
    "pause",
)
TOOLS = ("kind", "kubectl", "helm", "etcd", "kube-apiserver")

# What makes a command on PATH fit: its arguments for a version, and the versions it may answer.
# The node image was tried with kind 0.30 and 0.33; kubectl reaches as far back as the clusters supported.
_FIT = {
    "kind": (["version"], re.compile(r"kind v0\.3\d\.")),
    "kubectl": (["version", "--client"], re.compile(r"v1\.(3[1-9]|[4-9]\d)\.")),
    "helm": (["version", "--short"], re.compile(r"v3\.(1[4-9]|[2-9]\d)\.")),
}


def folder() -> Path:
    """A folder of links to all TOOLS, each from PATH or built."""
    links = paths.STATE / "bin"
    links.mkdir(parents=True, exist_ok=True)
    for name in TOOLS:
        link = links / name
        fresh = link.with_name(f".{name}.{os.getpid()}")
        fresh.symlink_to(tool(name))
        fresh.replace(link)
    return links


def tool(name: str) -> Path:
    return on_path(name) or built(name)


def on_path(name: str) -> Path | None:
    found = shutil.which(name)
    if not found or name not in _FIT:
        return None
    arguments, fit = _FIT[name]
    said = subprocess.run([found, *arguments], capture_output=True, text=True, check=False).stdout
    return Path(found) if fit.search(said) else None


def built(name: str) -> Path:
    """The cached command, built first where it is not there. An interrupted build leaves none."""
    target = _home(COMMANDS[name]) / name
    if target.exists():
        return target
    with locked("commands"):
        if not target.exists():
            _build(name, target)
    return target


def least_go(names: Iterable[str]) -> machine.Version | None:
    """The Go that those commands ask for which are neither on PATH nor cached; None where all are."""
    lacking = [name for name in names if not on_path(name) and not (_home(COMMANDS[name]) / name).exists()]
    return max((COMMANDS[name].go for name in lacking), default=None)


def key(*names: str) -> str:
    """Changes when one of the commands would be built differently."""
    return paths.digest(*(str(_home(COMMANDS[name])) for name in names))


def _home(command: Command) -> Path:
    source: tuple[str | Path, ...] = (paths.NODE / command.source,) if command.source else (command.package,)
    label = command.source or command.package.split("@")[0].rsplit("/", 1)[-1]
    return paths.cache() / "commands" / f"{label}-{paths.digest(command.stamps, *source)}"


def _build(name: str, target: Path) -> None:
    command = COMMANDS[name]
    machine.require_go(command.go, name)
    # Other machines' settings (a vendor mode, a private toolchain) must not change what is built.
    env = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    flags = ["-trimpath", "-buildvcs=false", "-ldflags", f"-s -w {command.stamps}"]
    scratch = target.parent / f"tmp-{name}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    if command.source:
        build: Words = ["go", "build", *flags, "-o", scratch / name, command.package]
        long(f"building {name}", command.minutes, build, env=env, cwd=paths.NODE / command.source)
    else:
        install = ["go", "install", *flags, command.package]
        long(f"building {name}", command.minutes, install, env={**env, "GOBIN": str(scratch)}, cwd=scratch)
    (scratch / name).replace(target)
    scratch.rmdir()
