"""When a TrainingRun that has ended is deleted."""

from datetime import datetime, timedelta

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.conditions import find
from modelcycle.plan import Plan, Ref


def expiry(run: TrainingRun, now: datetime) -> Plan:
    """spec.ttlSecondsAfterFinished counts from when Finished became True.

    Whoever changes the ttl at that moment wins: the deletion is of the object as it was observed.
    """
    finished, ttl = find(run.status.conditions, "Finished"), run.spec.ttl_seconds_after_finished
    if finished is None or ttl is None:
        return Plan()
    left = (finished.last_transition_time + timedelta(seconds=ttl) - now).total_seconds()
    if left > 0:
        return Plan(look_again=left)
    metadata = run.metadata
    return Plan(deletes=(Ref("TrainingRun", metadata.name, metadata.uid, metadata.resource_version),))
