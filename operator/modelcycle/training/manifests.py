"""The Job of a TrainingRun."""

import json
from typing import Any

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.defaults import Defaults
from modelcycle.plan import RUN_LABEL, TMP, Body, owned_metadata, restricted_container, restricted_pod
from modelcycle.training.observed import CLUSTER_TAG, NAME_TAG, NAMESPACE_TAG, POD_TAG, UID_TAG

CONTAINER = "train"
# The working folder of the default image, and of a run whose source is mounted.
WORKSPACE = "/workspace"


def claim_name(run: TrainingRun, defaults: Defaults) -> str:
    """The claim of the shared volume that the run's Job mounts."""
    return (run.spec.storage and run.spec.storage.claim_name) or defaults.claim_name


def job(run: TrainingRun, defaults: Defaults) -> Body:
    """A batch/v1 Job that is made once and never changed."""
    labels = {RUN_LABEL: run.metadata.name}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": owned_metadata("TrainingRun", run.metadata, run.metadata.name, labels),
        "spec": {
            "backoffLimit": run.spec.backoff_limit,
            **_present(activeDeadlineSeconds=run.spec.active_deadline_seconds),
            # A drained node is not the training's fault.
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
                ]
            },
            "template": {
                "metadata": {"labels": owned_metadata("TrainingRun", run.metadata, "", labels)["labels"]},
                "spec": _pod(run, defaults),
            },
        },
    }


def _pod(run: TrainingRun, defaults: Defaults) -> Body:
    source = run.spec.source and run.spec.source.config_map
    volumes: list[Body] = [
        {"name": "mlruns", "persistentVolumeClaim": {"claimName": claim_name(run, defaults)}},
        {"name": "tmp", "emptyDir": {}},
    ]
    if _has_workspace(run):
        volumes.append({"name": "workspace", "emptyDir": {}})
    if source:
        volumes.append({"name": "source", "configMap": {"name": source.name}})
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted_pod(),
        **({"initContainers": [_source(run, defaults)]} if source else {}),
        "containers": [_container(run, defaults)],
        "volumes": volumes,
    }


def _has_workspace(run: TrainingRun) -> bool:
    """An image that is not ours keeps its own working folder, unless a source replaces it."""
    return run.spec.image is None or run.spec.source is not None


def _working_dir(run: TrainingRun) -> str | None:
    return run.spec.working_dir or (WORKSPACE if _has_workspace(run) else None)


def _source(run: TrainingRun, defaults: Defaults) -> Body:
    """Copies the ConfigMap's files into the working folder: scripts write beside themselves."""
    return {
        "name": "source",
        "image": defaults.train_image,
        "imagePullPolicy": defaults.image_pull_policy,
        "command": ["cp", "-rL", "/source/.", WORKSPACE],
        "securityContext": restricted_container(),
        "volumeMounts": [
            {"name": "source", "mountPath": "/source", "readOnly": True},
            {"name": "workspace", "mountPath": WORKSPACE},
        ],
    }


def _container(run: TrainingRun, defaults: Defaults) -> Body:
    spec = run.spec
    mounts: list[Body] = [
        {"name": "mlruns", "mountPath": defaults.mount_path, "subPath": "mlruns"},
        {"name": "tmp", "mountPath": TMP},
    ]
    if _has_workspace(run):
        mounts.append({"name": "workspace", "mountPath": _working_dir(run)})
    env_from = [source.wire() for source in spec.env_from or ()]
    if defaults.registry_secret:
        env_from.append({"secretRef": {"name": defaults.registry_secret, "optional": True}})
    return {
        "name": CONTAINER,
        "image": spec.image or defaults.train_image,
        "imagePullPolicy": spec.image_pull_policy or defaults.image_pull_policy,
        **_present(command=spec.command, args=spec.args, workingDir=_working_dir(run)),
        "env": environment(run, defaults),
        **({"envFrom": env_from} if env_from else {}),
        **({"resources": spec.resources.wire()} if spec.resources else {}),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        # Somebody else's image may write beside its code; ours has a working folder for that.
        "securityContext": restricted_container(read_only_root=spec.image is None),
        "volumeMounts": mounts,
    }


def environment(run: TrainingRun, defaults: Defaults) -> list[Body]:
    """Parameters first, so that later values may name them; what finds the runs again last, so that it wins."""
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
    env += [variable.wire() for variable in run.spec.env or ()]
    return [
        *env,
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "MLFLOW_RUN_CONTEXT", "value": run_context(run, defaults)},
    ]


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


def literal(value: str) -> str:
    """A value in which the kubelet expands nothing: it reads $(NAME) as a variable and $$ as $."""
    return value.replace("$", "$$")


def _present(**fields: Any) -> Body:
    return {name: value for name, value in fields.items() if value is not None}
