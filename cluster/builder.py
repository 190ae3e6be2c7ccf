"""Builds one image with docker, podman or buildah, and tells whether that has been done already."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cluster import machine, paths, state
from cluster.shell import long, output, works

INPUTS = "modelcycle.dev/inputs"  # the label with the digest of what an image was built from
_CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
_NETWORK_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout")


@dataclass(frozen=True)
class Image:
    """`inputs` is a digest of all that goes into the image; `minutes` what two cores need, nothing cached."""

    tag: str
    dockerfile: Path
    context: Path
    inputs: str
    minutes: float
    arguments: Mapping[str, str] = field(default_factory=dict)


def require_engine() -> str:
    """The engine of this checkout's cluster, else whichever is there; podman is installed where none is."""
    made = state.made()
    if made and made.engine:
        return made.engine
    found = machine.running_engine() or (shutil.which("buildah") and "buildah")
    if not found:
        machine.require_packages("podman", "netavark", "aardvark-dns", "iptables")
    return found or "podman"


def is_built(engine: str, image: Image) -> bool:
    filters = ["--filter", f"label={INPUTS}={image.inputs}", "--filter", f"reference={image.tag}"]
    return bool(output([engine, "images", "--quiet", *filters]))


def build(engine: str, image: Image) -> None:
    options = ["--network=host", f"--tag={image.tag}", f"--label={INPUTS}={image.inputs}"]
    options += [f"--build-arg={name}={value}" for name, value in image.arguments.items()]
    if engine != "docker":
        # Docker's format, because its image id is then the one that a node shows after a load.
        options += ["--isolation=chroot", "--format=docker", *_machine_settings()]
    command = [engine, "build", *options, f"--file={image.dockerfile}", str(image.context)]
    former = _identity(engine, image.tag)
    long(f"image {image.tag}", image.minutes, command)
    if former and former != _identity(engine, image.tag):
        works([engine, "rmi", former])  # a gigabyte each; it stays where something still uses it


def ca_bundle() -> Path | None:
    places = [Path(place) for place in (os.environ.get("SSL_CERT_FILE", ""), *_CA_BUNDLES) if place]
    return next((place for place in places if place.is_file()), None)


def pip_configuration(listed: str, ca_bundle: str) -> str:
    """A pip.conf with what `pip config list` says about the way to the packages, and this CA bundle."""
    settings: dict[str, str] = {}
    for line in listed.splitlines():
        found = re.fullmatch(r"\S+\.([a-z-]+)='(.*)'", line)
        if found and found[1] in _NETWORK_SETTINGS:
            settings[found[1]] = found[2].replace("\\n", " ")
    if ca_bundle:
        settings["cert"] = ca_bundle
    return "".join(["[global]\n", *(f"{name} = {value}\n" for name, value in settings.items())])


def _machine_settings() -> Iterator[str]:
    """Shows pip, while it builds, this machine's way to the packages. What it says stays out of the image."""
    list_settings = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(list_settings, capture_output=True, text=True, check=False).stdout
    bundle, mounted = ca_bundle(), "/run/machine/ca.crt"
    file = paths.cache() / "pip.conf"
    file.touch(mode=0o600)  # an index's address may hold a password
    file.write_text(pip_configuration(listed, mounted if bundle else ""))
    yield f"--volume={file}:/etc/pip.conf:ro"
    if bundle:
        yield f"--volume={bundle}:{mounted}:ro"


def _identity(engine: str, tag: str) -> str:
    return output([engine, "images", "--quiet", "--no-trunc", "--filter", f"reference={tag}"])
