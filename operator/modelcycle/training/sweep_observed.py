"""Everything that a pass over a TrainingSweep knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelcycle.api.trainingsweep import TrainingSweep
from modelcycle.plan import Refusal
from modelcycle.registry import Version
from modelcycle.training.observed import Champions


@dataclass(frozen=True)
class Child:
    """A TrainingRun of the sweep. outcome: Complete or Failed, "" before it has finished."""

    name: str
    uid: str
    outcome: str
    message: str
    metrics: Mapping[str, str]
    version: str | None
    run_id: str | None


def project_child(body: dict[str, Any]) -> Child:
    """A TrainingRun as its sweep sees it: there may be a thousand, so that only what is needed is read."""
    status: dict[str, Any] = body.get("status", {})
    true = {c["type"] for c in status.get("conditions", ()) if c["status"] == "True"}
    return Child(
        name=body["metadata"]["name"],
        uid=body["metadata"]["uid"],
        outcome=next((kind for kind in ("Complete", "Failed") if {kind, "Finished"} <= true), ""),
        message=status.get("message", ""),
        metrics={metric["name"]: metric["value"] for metric in status.get("metrics", ())},
        version=status.get("version") if "ModelRegistered" in true else None,
        run_id=status.get("runId"),
    )


@dataclass(frozen=True)
class Nominee:
    """What the best run's promotion is judged by. version: None if it is not in MLflow any more."""

    version: Version | None
    metrics: Mapping[str, float]
    champions: Champions


@dataclass(frozen=True)
class Observed:
    """One pass's input.

    Attributes:
        children: all TrainingRuns that the sweep controls.
        refusal: the API server's last no to the making of one.
        nominee: None while nobody asked, or MLflow did not answer; registry_problem: why it did not.
    """

    sweep: TrainingSweep
    children: tuple[Child, ...] = ()
    refusal: Refusal | None = None
    nominee: Nominee | None = None
    registry_problem: str = ""
