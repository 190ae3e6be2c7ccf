"""Puts the project's images on the cluster's nodes, where they are not there already."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cluster import archive, builder, images, kind, paths, state
from cluster.rung import Rung
from cluster.shell import Problem, output, say
from cluster.state import Made


def load(*names: str) -> None:
    made = state.made()
    if not made:
        raise Problem("There is no cluster of this checkout yet: run `make cluster` first.")
    tags = [images.tag(name) for name in images.chosen(names)]
    if made.rung is Rung.CURRENT:
        say(how_to_push(builder.require_engine(), tags, os.environ.get("IMAGE_REGISTRY", "")))
        return
    put(made, *tags)
    paths.LOADED.write_text(
        json.dumps(restarts(_identity(made, images.tag("operator")), _identity(made, images.tag("serve"))))
    )


def put(made: Made, *tags: str) -> None:
    """The images are on every node: they go as one file, in which layers they share are once, to all that lack one."""
    identities = {tag: _identity(made, tag) for tag in tags}
    lacking = {
        node: [tag for tag, identity in identities.items() if _identity_on(made, node, tag) != identity]
        for node in kind.nodes(made)
    }
    takers = [node for node, missing in lacking.items() if missing]
    taken = [tag for tag in tags if any(tag in missing for missing in lacking.values())]
    for tag in tags:
        where = f"goes to {', '.join(takers)}" if tag in taken else "is on every node already"
        say(f"  {tag} {where}")
    if not taken:
        return
    take = ["ctr", "--namespace=k8s.io", "images", "import", "--all-platforms", "--digests"]
    with (
        archive.on_nodes(made, {tag: identities[tag] for tag in taken}) as file,
        ThreadPoolExecutor() as threads,
    ):
        list(threads.map(lambda node: kind.on_node(made, node, [*take, file]), takers))


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
