"""Where a TrainingRun's code comes from, and the working folder that it lies in."""

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.defaults import Defaults
from modelcycle.plan import Body, restricted_container

# The working folder of the default image, and of a run whose source is mounted.
WORKSPACE = "/workspace"


def _has_workspace(run: TrainingRun) -> bool:
    """An image that is not ours keeps its own working folder, unless a source replaces it."""
    return run.spec.image is None or run.spec.source is not None


def working_dir(run: TrainingRun) -> str | None:
    """Where the command runs; None: wherever its image says."""
    return run.spec.working_dir or (WORKSPACE if _has_workspace(run) else None)


def volumes(run: TrainingRun) -> list[Body]:
    """The working folder's volume and the source's, as far as the run has them."""
    config_map = run.spec.source and run.spec.source.config_map
    found: list[Body] = [{"name": "workspace", "emptyDir": {}}] if _has_workspace(run) else []
    return [*found, {"name": "source", "configMap": {"name": config_map.name}}] if config_map else found


def mounts(run: TrainingRun) -> list[Body]:
    """What of it the run's own container sees."""
    return [{"name": "workspace", "mountPath": working_dir(run)}] if _has_workspace(run) else []


def init_containers(run: TrainingRun, defaults: Defaults) -> list[Body]:
    """What fills the working folder before the command starts."""
    return [_copy(defaults)] if run.spec.source and run.spec.source.config_map else []


def _copy(defaults: Defaults) -> Body:
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
