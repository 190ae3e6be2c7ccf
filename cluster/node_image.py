"""The node image, built with podman from Debian packages and Go commands where none can be pulled."""

import os
import shutil
from pathlib import Path

from cluster import commands, machine, paths
from cluster.shell import Command, locked, long, output, say, works

RELEASE = "bookworm"  # its systemd 252 still starts on cgroup v1
PACKAGES = [
    "systemd-sysv",
    "containerd",
    "runc",
    "containernetworking-plugins",
    "iptables",
    "nftables",
    "conntrack",
    "iproute2",
    "ethtool",
    "socat",
    "mount",
    "util-linux",
    "kmod",
    "jq",
    "procps",
    "ca-certificates",
    "bash",
    "passwd",
]
# kind copies a node's files with tar, and reads nothing below these.
_WITHOUT = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale", "info")]
_REPOSITORY = "localhost/modelcycle/node"


def ensure() -> str:
    """The tag of the node image in podman's store, built first where it is not there."""
    names = (*commands.NODE, *commands.CONTROL_PLANE)
    recipe: list[str | Path] = [RELEASE, *PACKAGES, paths.NODE / "Dockerfile", paths.NODE / "files"]
    tag = f"{_REPOSITORY}:{commands.KUBERNETES}-{paths.digest(commands.key(*names), *recipe)}"
    with locked("node image"):
        if not works(["podman", "image", "exists", tag]):
            say(
                "The node image is built once, which takes about 15 minutes on 2 cores: a whole first run about 20."
            )
            _build(tag, names)
    return tag


def rootfs(name: str, variant: str, packages: list[str], *options: str, salt: str = "") -> Path:
    """A cached tar of a Debian root file system that holds these packages; `salt` tells others of its name apart."""
    tar = paths.cache() / f"{name}-{paths.digest(RELEASE, variant, *packages, *options, salt)}.tar"
    if not tar.exists():
        machine.require_packages("mmdebstrap", "debian-archive-keyring")
        part = tar.with_suffix(".part.tar")
        include = f"--include={','.join(packages)}"
        make: Command = [
            "mmdebstrap",
            "--mode=root",
            f"--variant={variant}",
            include,
            *options,
            RELEASE,
            part,
        ]
        long(f"Debian packages of the {name}", 1, make)
        part.replace(tar)
    return tar


def control_plane_names() -> dict[str, str]:
    """The images that kubeadm will ask for, by the command that each holds."""
    listed = output(
        [commands.built("kubeadm"), "config", "images", "list", "--kubernetes-version", commands.KUBERNETES]
    )
    return {image.rsplit("/", 1)[-1].split(":")[0]: image for image in listed.split()}


def _build(tag: str, names: tuple[str, ...]) -> None:
    context = paths.cache() / "node-context"
    shutil.rmtree(context, ignore_errors=True)
    (context / "bin").mkdir(parents=True)
    for name in names:
        os.link(commands.built(name), context / "bin" / name)
    os.link(rootfs("node", "essential", PACKAGES, *_WITHOUT), context / "rootfs.tar")
    shutil.copytree(paths.NODE / "files", context / "files")
    shutil.copy(paths.NODE / "Dockerfile", context)

    images = control_plane_names()
    _save_control_plane(images, context)
    arguments = {"KUBERNETES": commands.KUBERNETES, "SANDBOX_IMAGE": images["pause"]}
    long("node image", 0.7, _podman_build(tag, "node", context, arguments))
    shutil.rmtree(context)


def _save_control_plane(images: dict[str, str], context: Path) -> None:
    say(f"  control-plane images: {', '.join(sorted(images))}")
    for command, image in images.items():
        target = command if command in ("coredns", "pause", "kube-proxy") else "command"
        output(_podman_build(image, target, context, {"COMMAND": command}))
    tags = list(images.values())
    output(["podman", "save", "--quiet", "--multi-image-archive", "--output", context / "images.tar", *tags])
    # Their names are Kubernetes' own: nobody should find ours under them.
    output(["podman", "rmi", *tags])


def _podman_build(tag: str, target: str, context: Path, arguments: dict[str, str]) -> Command:
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    options = ["--isolation=chroot", "--layers=false", "--quiet", f"--target={target}"]
    return ["podman", "build", *options, *given, f"--tag={tag}", context]
