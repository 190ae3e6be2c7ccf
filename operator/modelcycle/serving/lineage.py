"""Where what serves comes from: version, MLflow run, TrainingRun and commit."""

from typing import Any, TypeVar

from modelcycle.api.modeldeployment import Candidate, Lineage, Serving
from modelcycle.registry import Origin, identity
from modelcycle.serving.revision import Revision

T = TypeVar("T", Serving, Candidate)


def facts(revision: Revision, origin: Origin) -> dict[str, Any]:
    """What the registry and the version's run tell, by the names of the fields of status."""
    version = revision.version
    return {
        "version": str(version.number),
        "revision": revision.name,
        "model": version.name,
        "run_id": version.run_id or None,
        "training_run": origin.training_run or None,
        "commit": origin.commit or None,
        "identity": identity(version),
    }


def of(one: Lineage) -> dict[str, Any]:
    """What stays of it when it has taken over, and when it has been replaced."""
    return one.model_dump(include=set(Lineage.model_fields))


def completed(one: T | None, target: Revision | None, origin: Origin) -> T | None:
    """With what has become known since: a run's commit is told when its Job is over, which others may not wait for."""
    if one is None or target is None or one.revision != target.name:
        return one
    known = {name: fact for name, fact in facts(target, origin).items() if getattr(one, name) is None}
    return one.model_copy(update=known)
