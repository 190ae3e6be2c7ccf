"""Builds the project's images with docker, podman or buildah, and only what has changed since."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from cluster import machine, node_image, paths, public_images, state
from cluster.shell import Command, Problem, locked, long, output, say

IMAGES = {"operator": 1.0, "train": 4.0, "serve": 3.0}  # minutes on two cores, nothing cached
PUBLIC_BASE = "python:3.11-slim-bookworm"
BASE = "localhost/modelcycle/base:bookworm"
BASE_PACKAGES = ["python3", "python3-venv", "python3-pip", "ca-certificates", "git"]
INPUTS = "modelcycle.dev/inputs"  # the label with the digest of what an image was built from
_CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
_NETWORK_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout")


def build(*names: str) -> None:
    unknown = set(names) - set(IMAGES)
    if unknown:
        raise Problem(f"No image is called {', '.join(sorted(unknown))}; there are {', '.join(IMAGES)}.")
    engine = require_engine()
    with locked("images"):
        base = _base(engine)
        for name in names or IMAGES:
            _build(engine, name, base)


def tag(name: str) -> str:
    project = tomllib.loads((paths.REPOSITORY / "pyproject.toml").read_text())["project"]
    return f"localhost/modelcycle/{name}:{project['version']}"


def require_engine() -> str:
    """The engine of this checkout's cluster, else whichever is there; podman is installed where none is."""
    made = state.made()
    found = (
        (made and made.engine) or machine.running_engine() or ("buildah" if shutil.which("buildah") else "")
    )
    if not found:
        machine.require_packages("podman", "netavark", "aardvark-dns")
    return found or "podman"


def copied(dockerfile: str) -> list[str]:
    """What a Dockerfile takes from its context: the sources of its COPY and ADD instructions."""
    sources: list[str] = []
    for line in re.sub(r"\\\n", " ", dockerfile).splitlines():
        words = line.split()
        if not words or words[0].upper() not in ("COPY", "ADD"):
            continue
        if any(word.startswith("--from=") for word in words):
            continue
        sources += [word for word in words[1:-1] if not word.startswith("--")]
    return sources


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


def _build(engine: str, name: str, base: str) -> None:
    dockerfile = paths.REPOSITORY / f"{name}-image" / "Dockerfile"
    if name == "operator":
        dockerfile = paths.REPOSITORY / "operator" / "Dockerfile"
    if not dockerfile.exists():
        raise Problem(f"{dockerfile.relative_to(paths.REPOSITORY)} is missing.")
    text = dockerfile.read_text()
    sources = [
        file for pattern in copied(text) for file in sorted(paths.REPOSITORY.glob(pattern.rstrip("/")))
    ]
    inputs = paths.digest(text, base, _identity(engine, base), *sources)
    if _is_built(engine, tag(name), inputs):
        say(f"  {tag(name)} is up to date")
        return
    command = _command(engine, dockerfile, paths.REPOSITORY, tag(name), inputs, {"BASE_IMAGE": base})
    long(f"image {tag(name)}", IMAGES[name], command)


def _base(engine: str) -> str:
    """The public Python image where it can be had, else one made from Debian's packages."""
    if public_images.can_be_had(engine, PUBLIC_BASE):
        return f"docker.io/library/{PUBLIC_BASE}"
    bundle = _ca_bundle()
    inputs = paths.digest((paths.REPOSITORY / "cluster/base/Dockerfile").read_text(), *BASE_PACKAGES, *bundle)
    if not _is_built(engine, BASE, inputs):
        say(f"{PUBLIC_BASE} cannot be had: its place is taken by one made from Debian's packages.")
        _build_base(engine, bundle, inputs)
    return BASE


def _build_base(engine: str, bundle: list[Path], inputs: str) -> None:
    # The machine's certificates, so that what runs here later trusts what this machine trusts.
    trust = [f"--customize-hook=upload {file} /etc/ssl/certs/ca-certificates.crt" for file in bundle]
    tar = node_image.rootfs("base", "minbase", BASE_PACKAGES, *trust, salt=inputs)
    context = paths.cache() / "base-context"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    os.link(tar, context / "base.tar")
    dockerfile = paths.REPOSITORY / "cluster" / "base" / "Dockerfile"
    long(f"image {BASE}", 0.3, _command(engine, dockerfile, context, BASE, inputs, {}))
    shutil.rmtree(context)


def _command(
    engine: str, dockerfile: Path, context: Path, tag: str, inputs: str, arguments: Mapping[str, str]
) -> Command:
    options = ["--network=host", f"--file={dockerfile}", f"--tag={tag}", f"--label={INPUTS}={inputs}"]
    options += [f"--build-arg={name}={value}" for name, value in arguments.items()]
    if engine != "docker":
        # Docker's format, because its image id is then the one that a node shows after a load.
        options += ["--isolation=chroot", "--format=docker", "--layers=false", *_machine_settings()]
    return [engine, "build", *options, context]


def _machine_settings() -> Iterable[str]:
    """Shows pip, while it builds, this machine's way to the packages. Nothing of it stays in the image."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    mounted = "/run/machine/ca.crt"
    bundle = _ca_bundle()
    file = paths.cache() / "pip.conf"
    file.touch(mode=0o600)  # an index's address may hold a password
    file.write_text(pip_configuration(listed, mounted if bundle else ""))
    return [f"--volume={file}:/etc/pip.conf:ro", *(f"--volume={b}:{mounted}:ro" for b in bundle)]


def _ca_bundle() -> list[Path]:
    """One path, or none where the machine has no bundle."""
    places = [Path(place) for place in (os.environ.get("SSL_CERT_FILE", ""), *_CA_BUNDLES) if place]
    return [place for place in places if place.is_file()][:1]


def _is_built(engine: str, tag: str, inputs: str) -> bool:
    filters = ["--filter", f"label={INPUTS}={inputs}", "--filter", f"reference={tag}"]
    return bool(output([engine, "images", "--quiet", *filters]))


def _identity(engine: str, image: str) -> str:
    """Changes when the image behind a name does; empty before it was pulled."""
    return output([engine, "images", "--quiet", "--no-trunc", "--filter", f"reference={image}"])
