"""What is said of a TrainingSweep: how many runs there are, and which is best so far."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime

from modelcycle.api.trainingsweep import Best, SweepObjective, TrainingSweepStatus
from modelcycle.conditions import cut
from modelcycle.training.outcome import spelled
from modelcycle.training.sweep_observed import Child, Observed
from modelcycle.training.sweep_points import Params


def run_name(sweep: str, index: int) -> str:
    """The name of a sweep's run: <name>-<index>."""
    return f"{sweep}-{index}"


def active(observed: Observed) -> tuple[Child, ...]:
    return tuple(child for child in observed.children if not child.outcome)


def counted(observed: Observed, wanted: Sequence[Params], now: datetime) -> TrainingSweepStatus:
    """Status with how far the sweep is."""
    before, children = observed.sweep.status, observed.children
    return before.model_copy(
        update={
            "total": len(wanted),
            "active": len(active(observed)),
            "succeeded": sum(child.outcome == "Complete" for child in children),
            "failed": sum(child.outcome == "Failed" for child in children),
            "best": _best(observed, wanted),
            "start_time": before.start_time or (now if children else None),
        }
    )


def said(
    observed: Observed, status: TrainingSweepStatus, phase: str, reason: str, message: str
) -> TrainingSweepStatus:
    generation = observed.sweep.metadata.generation
    return status.model_copy(
        update={
            "phase": phase,
            "reason": reason,
            "message": cut(message) or None,
            "observed_generation": generation,
        }
    )


def reached(objective: SweepObjective, best: Best | None) -> bool:
    """Whether the best run is good enough to stop for."""
    if best is None or objective.goal is None:
        return False
    value = float(best.value)
    return value >= objective.goal if objective.higher_is_better else value <= objective.goal


def _best(observed: Observed, wanted: Sequence[Params]) -> Best | None:
    """The best run that succeeded, of equal ones the first; also one that has been deleted since."""
    sign = 1 if observed.sweep.spec.objective.higher_is_better else -1
    bests = sorted(_bests(observed, wanted), key=lambda best: -sign * float(best.value))
    return bests[0] if bests else None


def _bests(observed: Observed, wanted: Sequence[Params]) -> Iterator[Best]:
    """What was best before, and every run that may be, by its index."""
    name, metric = observed.sweep.metadata.name, observed.sweep.spec.objective.metric
    if observed.sweep.status.best:
        yield observed.sweep.status.best
    by_name = {child.name: child for child in observed.children}
    for index, params in enumerate(wanted):
        child = by_name.get(run_name(name, index))
        if child is None or child.outcome != "Complete" or metric not in child.metrics:
            continue
        value = float(child.metrics[metric])
        if math.isfinite(value):
            yield Best(
                run=child.name,
                params=params,
                value=spelled(value),
                metric=f"{metric}={spelled(value, '.4g')}",
                version=child.version,
                run_id=child.run_id,
            )
