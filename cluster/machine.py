"""What this machine is and has: the facts for the rung, room to work in, Go, system packages."""

import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from cluster import paths, public_images
from cluster.rung import Facts
from cluster.shell import Problem, long, output, works

GB = 10**9
MEMORY = 8 * GB
DISK = 15 * GB
GET_GO = "unpack the archive of https://go.dev/dl in /usr/local; Debian's own package is too old"

Version = tuple[int, ...]

# The file that shows a package to be there: a runc of Docker's own packages counts as runc, whose
# Debian package would remove them.
PACKAGES = {
    "podman": ("/usr/bin/podman", "/usr/local/bin/podman"),
    "runc": ("/usr/sbin/runc", "/usr/bin/runc", "/usr/local/sbin/runc"),
    "netavark": ("/usr/lib/podman/netavark", "/usr/libexec/podman/netavark"),
    "aardvark-dns": ("/usr/lib/podman/aardvark-dns", "/usr/libexec/podman/aardvark-dns"),
    "iptables": ("/usr/sbin/iptables", "/sbin/iptables"),  # netavark calls it
    "mmdebstrap": ("/usr/bin/mmdebstrap",),
    "debian-archive-keyring": ("/usr/share/keyrings/debian-archive-keyring.gpg",),
}


@dataclass(frozen=True)
class Room:
    """Bytes of memory, bytes of free disk, version of Go (None: not installed)."""

    memory: int
    disk: int
    go: Version | None


def facts(node_image: str) -> Facts:
    cluster = os.environ.get("CLUSTER", "")
    engine = "" if cluster else running_engine()
    return Facts(
        cluster=cluster,
        kubeconfig=os.environ.get("KUBECONFIG", ""),
        engine=engine,
        node_image_can_be_had=bool(engine) and public_images.can_be_had(engine, node_image),
        linux=platform.system() == "Linux",
        root=os.geteuid() == 0,
    )


def running_engine() -> str:
    """docker where its daemon answers, else podman where it is installed, else nothing."""
    if works(["docker", "info"], seconds=5):
        return "docker"
    return "podman" if works(["podman", "--version"], seconds=5) else ""


def room() -> Room:
    paths.cache().mkdir(parents=True, exist_ok=True)
    return Room(
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        disk=min(shutil.disk_usage(place).free for place in (paths.cache(), paths.REPOSITORY, Path("/var"))),
        go=go_version(),
    )


def judge(room: Room, least_go: Version | None) -> str:
    """The sentence about memory, disk and Go (`least_go`: the version needed, None where nothing is built).

    Raises Problem where they do not suffice.
    """
    go = f"Go {_dotted(room.go)}" if room.go else "no Go"
    sentence = (
        f"This machine has {room.memory // GB} GB of memory, {room.disk // GB} GB of free disk and {go}"
    )
    lacks = [
        f"{need // GB} GB of {what}"
        for what, have, need in (("memory", room.memory, MEMORY), ("free disk", room.disk, DISK))
        if have < need
    ]
    if least_go and (room.go or ()) < least_go:
        lacks.append(f"Go {_dotted(least_go)} ({GET_GO})")
    if lacks:
        raise Problem(f"{sentence}; a cluster needs {' and '.join(lacks)}.")
    return f"{sentence}."


def require_go(least: Version, what: str) -> None:
    version = go_version()
    if version and version >= least:
        return
    found = f"Go {_dotted(version)}" if version else "no Go"
    raise Problem(f"{what} is built with Go {_dotted(least)} or later, and here is {found}: {GET_GO}.")


def go_version() -> Version | None:
    if not shutil.which("go"):
        return None
    found = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", output(["go", "env", "GOVERSION"]))
    return tuple(int(n) for n in found.groups(default="0")) if found else None


def require_packages(*names: str) -> None:
    """Installs the Debian packages that are missing. Raises Problem, with the command, where it may not."""
    missing = [name for name in names if not any(Path(file).exists() for file in PACKAGES[name])]
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if not shutil.which("apt-get"):
        raise Problem(f"Install {', '.join(missing)} with this system's package manager, then try again.")
    if os.geteuid() != 0:
        raise Problem(f"Packages are missing: run `sudo {' '.join(command)}`, then try again.")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    long("reading the package lists", 0.2, ["apt-get", "update"], env=quiet)
    long(f"installing {' '.join(missing)}", 0.5, command, env=quiet)


def _dotted(version: Version) -> str:
    return ".".join(str(n) for n in version)
