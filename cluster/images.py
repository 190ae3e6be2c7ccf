"""The project's images: which there are, what each is made of, and building those that have changed."""

import re
import tomllib
from pathlib import Path

from cluster import base_image, builder, paths
from cluster.builder import Image
from cluster.shell import Problem, locked, say

# The folder of each, and the minutes that two cores need with nothing cached.
IMAGES = {"operator": ("operator", 1), "train": ("train-image", 2), "serve": ("serve-image", 2)}


def build(*names: str) -> None:
    engine = builder.require_engine()
    with locked("images"):
        base = base_image.ensure(engine)
        for name in chosen(names):
            image = _image(name, base)
            if builder.is_built(engine, image):
                say(f"  {image.tag} is up to date")
            else:
                builder.build(engine, image)


def chosen(names: tuple[str, ...]) -> tuple[str, ...]:
    """These, or all. Raises Problem for one that there is not."""
    for name in names:
        if name not in IMAGES:
            raise Problem(f"No image is called {name}: there are {', '.join(IMAGES)}.")
    return names or tuple(IMAGES)


def tag(name: str) -> str:
    project = tomllib.loads((paths.REPOSITORY / "pyproject.toml").read_text())["project"]
    return f"localhost/modelcycle/{name}:{project['version']}"


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


def _image(name: str, base: str) -> Image:
    folder, minutes = IMAGES[name]
    dockerfile = paths.REPOSITORY / folder / "Dockerfile"
    text = dockerfile.read_text()
    sources = [file for source in copied(text) for file in sorted(_found(source))]
    inputs = paths.digest(text, base, *sources)
    return Image(tag(name), dockerfile, paths.REPOSITORY, inputs, minutes, {"BASE_IMAGE": base})


def _found(source: str) -> list[Path]:
    found = list(paths.REPOSITORY.glob(source.rstrip("/")))
    if not found:
        raise Problem(f"A Dockerfile copies {source}, which this checkout does not have.")
    return found
