"""The environment of a training, and the tags by which its MLflow runs are found again."""

import json
from collections.abc import Iterable

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.defaults import Defaults
from modelcycle.plan import TMP, Body, literal
from modelcycle.training import nodes
from modelcycle.training.observed import CLUSTER_TAG, NAME_TAG, NAMESPACE_TAG, POD_TAG, UID_TAG


def environment(run: TrainingRun, defaults: Defaults) -> list[Body]:
    """Parameters first, so that later values may name them."""
    env: list[Body] = [
        {"name": f"PARAM_{name}", "value": literal(value)} for name, value in (run.spec.params or {}).items()
    ]
    env += [
        {"name": "HOME", "value": TMP},
        {"name": "PYTHONUNBUFFERED", "value": "1"},
        {"name": "MLFLOW_TRACKING_URI", "value": defaults.tracking_uri},
    ]
    if run.spec.experiment:
        env.append({"name": "MLFLOW_EXPERIMENT_NAME", "value": literal(run.spec.experiment)})
    env += nodes.environment(run)
    env += [variable.wire() for variable in run.spec.env or ()]
    return with_identity(env, run, defaults)


def with_identity(env: Iterable[Body], run: TrainingRun, defaults: Defaults) -> list[Body]:
    """What finds the runs again comes last, and nothing else has its names."""
    identity: list[Body] = [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "MLFLOW_RUN_CONTEXT", "value": run_context(run, defaults)},
    ]
    taken = {variable["name"] for variable in identity}
    return [*(variable for variable in env if variable["name"] not in taken), *identity]


def run_context(run: TrainingRun, defaults: Defaults) -> str:
    """MLflow's built-in MLFLOW_RUN_CONTEXT: a JSON object of tags for every run of the fluent API."""
    tags = {**(run.spec.params or {}), **(run.spec.tags or {})}
    own = {
        CLUSTER_TAG: defaults.cluster,
        NAMESPACE_TAG: run.metadata.namespace,
        NAME_TAG: run.metadata.name,
        UID_TAG: run.metadata.uid,
    }
    text = literal(json.dumps({**tags, **own}, sort_keys=True))
    return f'{text[:-1]}, "{POD_TAG}": "$(POD_NAME)"}}'
