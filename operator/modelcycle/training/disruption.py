"""Pods that the cluster ended for reasons of its own: they are tried again, but not for ever."""

from modelcycle.api.trainingrun import DISRUPTIONS_MAX, TrainingRunStatus
from modelcycle.failure import Failure
from modelcycle.plan import Plan
from modelcycle.training.attempts import disrupted_pods, disruptions_seen
from modelcycle.training.observed import Observed
from modelcycle.training.say import event_if_new, said


def too_many(observed: Observed) -> Failure | None:
    if len(disrupted_pods(observed)) <= DISRUPTIONS_MAX:
        return None
    return Failure(
        "TooManyDisruptions",
        f"More than {DISRUPTIONS_MAX} of its pods were ended by drained, lost or overloaded nodes or by preemption, "
        f"the last one by {_last(observed)}. Give it nodes or a priority that last, or save checkpoints often, and "
        "create a TrainingRun with another name.",
    )


def disrupted(observed: Observed, started: TrainingRunStatus) -> Plan:
    """Recorded before the pod is gone."""
    count = len(started.disrupted_pods or ())
    message = (
        f"A pod was ended by {_last(observed)}. It does not count as a failed attempt, and is tried again "
        f"({count} of at most {DISRUPTIONS_MAX})."
    )
    status = said(observed, "Pending", "Disrupted", message, started)
    return Plan(status=status, events=event_if_new(observed, "Disrupted", message))


def _last(observed: Observed) -> str:
    seen = disruptions_seen(observed)
    return seen[-1].disruption if seen else "a disruption"
