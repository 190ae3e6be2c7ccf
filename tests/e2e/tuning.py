"""A sweep of the example, whose best version is promoted, and a ModelDeployment that waits for it."""

from typing import Any

import yaml

from tests.e2e import registry, stand
from tests.e2e.kube import API_VERSION, MINE, REPOSITORY, Manifest

NAME = "e2e-sweep"
ALIAS = "champion"
# With so little regularisation the example is as good as it gets, with so much worse.
STRONG, WEAK = "0.01", "10"
BETTER = {"metric": "accuracy", "betterThan": ALIAS, "higherIsBetter": True}


def model() -> str:
    return registry.model_name("tuned")


def spec(**more: Any) -> Manifest:
    """The example's run, promoted where it is better than the champion."""
    run: Manifest = yaml.safe_load((REPOSITORY / "examples/runs/iris.yaml").read_text())["spec"]
    run["source"]["configMap"]["name"] = NAME
    promote = {"alias": ALIAS, "when": [BETTER]}
    env = [{"name": "MODEL_NAME", "value": model()}]
    return {
        **run,
        "experiment": registry.EXPERIMENT,
        "model": {"name": model(), "promote": promote},
        "env": env,
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "1Gi"}},
        **more,
    }


def manifests() -> tuple[Manifest, ...]:
    source: Manifest = yaml.safe_load((REPOSITORY / "examples/iris-source.yaml").read_text())
    source["metadata"] = {"name": NAME, "labels": MINE}
    swept = {
        "apiVersion": API_VERSION,
        "kind": "TrainingSweep",
        "metadata": {"name": NAME, "labels": MINE},
        "spec": {
            "params": {"C": {"values": [STRONG, WEAK]}},
            "objective": {"metric": "accuracy", "higherIsBetter": True},
            "parallelism": 2,
            "template": {"metadata": {"labels": MINE}, "spec": spec()},
        },
    }
    return source, stand.model_deployment(NAME, model(), ALIAS), swept
