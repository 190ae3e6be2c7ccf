"""Puts the project's images on the cluster's nodes, where they are not there already."""

import json
import os
from typing import Any

from cluster import builder, images, kind, paths, state
from cluster.rung import Rung
from cluster.shell import Problem, output, pipe, say
from cluster.state import Made


def load(*names: str) -> None:
    made = state.made()
    if not made:
        raise Problem("There is no cluster of this checkout yet: run `make cluster` first.")
    tags = [images.tag(name) for name in images.chosen(names)]
    if made.rung is Rung.CURRENT:
        say(how_to_push(builder.require_engine(), tags, os.environ.get("IMAGE_REGISTRY", "")))
        return
    for tag in tags:
        put(made, tag)
    paths.LOADED.write_text(
        json.dumps(restarts(_identity(made, images.tag("operator")), _identity(made, images.tag("serve"))))
    )


def put(made: Made, tag: str) -> None:
    """The image is on every node: read once, and taken by all that lack it at the same time."""
    identity = _identity(made, tag)
    lacking = [node for node in kind.nodes(made) if _identity_on(made, node, tag) != identity]
    if not lacking:
        say(f"  {tag} is on every node already")
        return
    say(f"  {tag} goes to {', '.join(lacking)}")
    take = ["ctr", "--namespace=k8s.io", "images", "import", "--all-platforms", "--digests", "-"]
    takers = [[made.engine, "exec", "--interactive", node, *take] for node in lacking]
    pipe([made.engine, "save", tag], *takers, env=kind.environment(made))


def restarts(operator: str, serve: str) -> dict[str, Any]:
    """Values of the chart that make its pods new when an image is, although its tag stays: the images' ids."""
    return {
        "operator": {"podAnnotations": {"modelcycle.dev/image": operator}},
        "mlflow": {"podAnnotations": {"modelcycle.dev/image": serve}},
    }


def how_to_push(engine: str, tags: list[str], registry: str) -> str:
    """What to do where the nodes are out of reach: the commands that bring the images to a registry."""
    registry = registry.rstrip("/") or "$IMAGE_REGISTRY"
    lines = ["The current cluster pulls its images from a registry. Push them to one it can reach:"]
    if registry.startswith("$"):
        lines.append("  IMAGE_REGISTRY=registry.example.com/modelcycle")
    for tag in tags:
        remote = f"{registry}/{tag.rsplit('/', 1)[-1]}"
        lines.append(f"  {engine} tag {tag} {remote} && {engine} push {remote}")
    lines.append(f"and install the chart with `--set image.registry={registry}`.")
    return "\n".join(lines)


def _identity(made: Made, tag: str) -> str:
    return output([made.engine, "inspect", "--type=image", "--format={{.Id}}", tag]).removeprefix("sha256:")


def _identity_on(made: Made, node: str, tag: str) -> str:
    try:
        found = json.loads(kind.on_node(made, node, ["crictl", "inspecti", tag]))
    except Problem:
        return ""
    return str(found["status"]["id"]).removeprefix("sha256:")
