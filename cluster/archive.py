"""A file with several images in it, kept until one of them changes: to write one takes as long as to load it."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from cluster import kind, paths
from cluster.shell import locked, output
from cluster.state import Made

_IN_SHARED = ".images.tar"


@contextlib.contextmanager
def on_nodes(made: Made, identities: Mapping[str, str]) -> Iterator[str]:
    """The path by which every node sees an archive of these images (tag → id)."""
    seen = paths.SHARED / _IN_SHARED
    seen.unlink(missing_ok=True)
    with locked("image archives"):
        kept = _kept(made, identities)
        try:
            os.link(kept, seen)
        except OSError:  # the cache is on another file system
            shutil.copyfile(kept, seen)
    try:
        yield f"{kind.SHARED}/{_IN_SHARED}"
    finally:
        seen.unlink()


def _kept(made: Made, identities: Mapping[str, str]) -> Path:
    folder = paths.cache() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    names = "+".join(tag.rsplit("/", 1)[-1].replace(":", "-") for tag in identities)
    file = folder / f"{names}@{paths.digest(*identities.values())}.tar"
    if file.exists():
        return file
    for former in folder.glob(f"{names}@*"):
        former.unlink()
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)  # podman does not write over one
    several = ["--multi-image-archive"] if made.engine == "podman" else []
    output([made.engine, "save", *several, f"--output={part}", *identities], env=kind.environment(made))
    return part.rename(file)
