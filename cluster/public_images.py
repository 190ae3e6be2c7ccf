"""Whether an image of Docker Hub can be had on this machine: it is there already, or can be pulled."""

from cluster.shell import works

SECONDS = 5


def address(image: str) -> str:
    """In full, for engines that know no default registry: python:3.11 is docker.io/library/python:3.11."""
    return f"docker.io/{image if '/' in image else f'library/{image}'}"


def can_be_had(engine: str, image: str) -> bool:
    """Asks the engine itself, which knows its mirrors and credentials. Decides within five seconds."""
    there = works([engine, "image", "inspect", address(image)], seconds=SECONDS)
    return there or works([engine, "manifest", "inspect", address(image)], seconds=SECONDS)
