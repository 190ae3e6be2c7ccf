"""Where versions serve, as tags in the registry tell it: one tag a cluster, with the ModelDeployments as its value."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

TAG_PREFIX = "modelcycle.serving"

VersionId = tuple[str, int]  # name and number


@dataclass(frozen=True)
class Place:
    """A ModelDeployment, as namespace/name, and the version that answers its clients.

    identity: which entry of the registry that version is, as modelcycle.registry has it, or "".
    """

    deployment: str
    version: VersionId
    identity: str = ""


def tag(cluster: str) -> str:
    """The tag's key. Clusters that share one MLflow write a tag each. cluster: its UID."""
    return f"{TAG_PREFIX}.{cluster}"


def told(
    places: Iterable[Place], found: Mapping[VersionId, str], is_watched: Callable[[str], bool]
) -> dict[VersionId, str]:
    """The tags that have to change, "" for one that has to go.

    found: values of the tags as they are. is_watched: of a namespace; what others tell of theirs is left alone.
    """
    wanted: dict[VersionId, set[str]] = {version: _of_others(found[version], is_watched) for version in found}
    for place in places:
        wanted.setdefault(place.version, set()).add(place.deployment)
    values = {version: ", ".join(sorted(names)) for version, names in wanted.items()}
    return {version: value for version, value in values.items() if value != found.get(version, "")}


def _of_others(value: str, is_watched: Callable[[str], bool]) -> set[str]:
    names = {name.strip() for name in value.split(",")} - {""}
    return {name for name in names if not is_watched(name.split("/")[0])}
