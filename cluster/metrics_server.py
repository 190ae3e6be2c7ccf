"""metrics-server, without which no HorizontalPodAutoscaler scales: from its Go module, where it is asked for."""

import os
import shutil

from cluster import builder, commands, kubectl, load, paths, state
from cluster.builder import Image
from cluster.shell import Problem, locked, say

TAG = f"localhost/modelcycle/metrics-server:{commands.METRICS_SERVER}"
FOLDER = paths.REPOSITORY / "cluster" / "metrics-server"
MANIFESTS = FOLDER / "manifests.yaml"


def install() -> None:
    made = state.made()
    if not made or not made.engine:
        raise Problem(
            "metrics-server is put on a kind cluster of this checkout alone: run `make cluster` without CLUSTER."
        )
    _build(made.engine)
    load.put(made, TAG)
    kubectl.kubectl("apply", f"--filename={MANIFESTS}")
    kubectl.kubectl(
        "wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", "--timeout=120s"
    )
    say("metrics-server answers.")


def _build(engine: str) -> None:
    dockerfile, context = FOLDER / "Dockerfile", paths.cache() / "metrics-server-context"
    image = Image(TAG, dockerfile, context, paths.digest(dockerfile, commands.key("metrics-server")), 0.1)
    with locked("metrics-server image"):
        if builder.is_built(engine, image):
            return
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir(parents=True)
        os.link(commands.built("metrics-server"), context / "metrics-server")
        builder.build(engine, image)
        shutil.rmtree(context)
