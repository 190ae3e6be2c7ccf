"""Where a TrainingRun's code comes from, and the working folder that it lies in."""

import posixpath

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.defaults import Defaults
from modelcycle.failure import Failure
from modelcycle.plan import Body, restricted_container
from modelcycle.pods import Ended
from modelcycle.training import git

# The working folder of the default image, and of a run whose source is mounted.
WORKSPACE = "/workspace"


def _has_workspace(run: TrainingRun) -> bool:
    """An image that is not ours keeps its own working folder, unless a source replaces it."""
    return run.spec.image is None or run.spec.source is not None


def _root(run: TrainingRun) -> str:
    return run.spec.working_dir or WORKSPACE


def working_dir(run: TrainingRun) -> str | None:
    """Where the command runs; None: wherever its image says."""
    source = run.spec.source
    if source and source.git and source.git.path:
        return posixpath.join(_root(run), source.git.path)
    return _root(run) if _has_workspace(run) else run.spec.working_dir


def volumes(run: TrainingRun) -> list[Body]:
    """The working folder's volume and the source's, as far as the run has them."""
    source = run.spec.source
    found: list[Body] = [{"name": "workspace", "emptyDir": {}}] if _has_workspace(run) else []
    if source and source.config_map:
        found.append({"name": "source", "configMap": {"name": source.config_map.name}})
    if source and source.git:
        # Where git and ssh read credentials from: never on a disk, never seen by the run's own container.
        found.append({"name": "source", "emptyDir": {"medium": "Memory"}})
    return found


def mounts(run: TrainingRun) -> list[Body]:
    """What of it the run's own container sees."""
    if not _has_workspace(run):
        return []
    part = {"subPath": git.CHECKOUT} if run.spec.source and run.spec.source.git else {}
    return [{"name": "workspace", "mountPath": _root(run), **part}]


def init_containers(run: TrainingRun, defaults: Defaults) -> list[Body]:
    """What fills the working folder before the command starts, by the default image whatever the run's own is.

    It may use what the run's own container may: that reserves nothing more, and satisfies quotas.
    """
    source = run.spec.source
    if source is None:
        return []
    filler = git.container(run, source.git, defaults, WORKSPACE) if source.git else _copy(defaults)
    resources = {"resources": run.spec.resources.wire()} if run.spec.resources else {}
    return [{**filler, **resources}]


def _copy(defaults: Defaults) -> Body:
    """Copies the ConfigMap's files into the working folder: scripts write beside themselves."""
    return {
        "name": git.CONTAINER,
        "image": defaults.train_image,
        "imagePullPolicy": defaults.image_pull_policy,
        "command": ["cp", "-rL", "/source/.", WORKSPACE],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted_container(),
        "volumeMounts": [
            {"name": "source", "mountPath": "/source", "readOnly": True},
            {"name": "workspace", "mountPath": WORKSPACE},
        ],
    }


def explain(ended: Ended) -> Failure | None:
    """Why there is no source, in the words of what was to bring it; None where something else ended."""
    if ended.container != git.CONTAINER or ended.exit_code not in (1, git.REFUSED_EXIT_CODE):
        return None
    said = ended.message.strip() or "What was to bring it left no word."
    return Failure("SourceFailed", f"The source could not be brought. {said}")
