"""Facts of the MLflow registry, and what a reference means in their light."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from modelcycle.api.modeldeployment import FollowedModel

READY, PENDING = "READY", "PENDING_REGISTRATION"


@dataclass(frozen=True)
class Version:
    """A model version as MLflow's registry has it.

    Attributes:
        created: milliseconds since the epoch. With name, number and source it is the version's identity: a
            registry that was reset counts from 1 again.
        source: where the run logged the model, as registered.
    """

    name: str
    number: int
    created: int
    source: str
    run_id: str
    status: str = READY


@dataclass(frozen=True)
class RegisteredModel:
    name: str
    aliases: Mapping[str, int] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()


@dataclass(frozen=True)
class Resolution:
    """The version that a reference means, or why it means none."""

    version: Version | None
    reason: str
    message: str


def identity(version: Version) -> str:
    """Which entry of the registry a version is: a registry that was reset gives its number once more."""
    return f"{version.created}-{sha256(version.source.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Origin:
    """Where a version comes from.

    Attributes:
        training_run: namespace/name of the TrainingRun that started its MLflow run, or "".
        commit: of the code, as its MLflow run has it, or "".
        metrics: of its MLflow run, the last value of each.
        running: whether the MLflow run is still under way, so that metrics may follow.
    """

    training_run: str = ""
    commit: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    running: bool = False


def describe(followed: FollowedModel) -> str:
    """What is followed, as a reader would write it: iris@champion, iris version 3, the latest iris."""
    if followed.alias:
        return f"{followed.name}@{followed.alias}"
    if followed.version is not None:
        return f"{followed.name} version {followed.version}"
    return f"the latest {followed.name}"


def resolve(followed: FollowedModel, model: RegisteredModel | None) -> Resolution:
    """The version that is followed now. Latest is the highest version, as an integer, that is READY."""
    if model is None:
        return Resolution(
            None,
            "ModelNotFound",
            f"There is no registered model {followed.name!r} in MLflow yet; it is picked up when it appears.",
        )
    by_number = {version.number: version for version in model.versions}
    if followed.alias is not None:
        number = model.aliases.get(followed.alias)
        if number is None:
            return Resolution(
                None,
                "AliasNotFound",
                f"Model {followed.name!r} has no alias {followed.alias!r} yet; it is picked up when it is set.",
            )
        return _ready(followed, number, by_number.get(number))
    if followed.version is not None:
        return _ready(followed, int(followed.version), by_number.get(int(followed.version)))
    ready = [version for version in model.versions if version.status == READY]
    if not ready:
        return Resolution(
            None,
            "VersionNotFound",
            f"Model {followed.name!r} has no version that is READY yet; it is picked up.",
        )
    return _ready(followed, 0, max(ready, key=lambda version: version.number))


def _ready(followed: FollowedModel, number: int, version: Version | None) -> Resolution:
    if version is None:
        return Resolution(
            None,
            "VersionNotFound",
            f"Model {followed.name!r} has no version {number} yet; it is picked up when it appears.",
        )
    if version.status != READY:
        return Resolution(
            None,
            "VersionNotReady",
            f"Version {number} of model {followed.name!r} is {version.status} in MLflow; only READY ones serve.",
        )
    return Resolution(version, "Resolved", f"{describe(followed)} is version {version.number}.")


@dataclass(frozen=True)
class Files:
    """Where the files of a version are, or why pods cannot have them.

    Attributes:
        path: its folder as pods that mount the shared volume see it, or "".
        uri: where they are fetched from if the folder is not there, or "".
    """

    path: str = ""
    uri: str = ""
    problem: str = ""

    @property
    def found(self) -> bool:
        return bool(self.path or self.uri)


def locate(uri: str, mount_path: str) -> Files:
    """What MLflow's download URI of a version means to a pod that mounts the shared volume.

    `mlflow-artifacts:` names a folder below the server's artifact destination, which is the same volume unless
    the server keeps its artifacts elsewhere.
    """
    parts = urlsplit(uri)
    # Only a URI is escaped; MLflow answers with plain paths as well.
    path = (unquote(parts.path) if parts.scheme else uri).rstrip("/")
    if parts.scheme == "mlflow-artifacts":
        path = f"{mount_path}/{path.lstrip('/')}"
    elif parts.scheme not in ("", "file"):
        return Files(uri=uri)
    if ".." in path.split("/") or not path.startswith(f"{mount_path}/"):
        return Files(
            problem=f"Its files lie in {path}, outside of the shared volume. Log the model in an experiment whose "
            f"artifact location is below file://{mount_path} and register it."
        )
    return Files(path, uri if parts.scheme == "mlflow-artifacts" else "")
