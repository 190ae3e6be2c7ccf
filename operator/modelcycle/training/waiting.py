"""What is said of a Job whose pod does not start."""

from modelcycle.api.trainingrun import TrainingRunStatus
from modelcycle.plan import Plan
from modelcycle.pods import IMAGE_PULL_FAILED, Pod, Waiting
from modelcycle.training.observed import Observed
from modelcycle.training.pod import claim_name
from modelcycle.training.say import event_if_new, said


def waiting(observed: Observed, started: TrainingRunStatus, pod: Pod) -> Plan:
    waiting = pod.waiting or Waiting("", "")
    before = observed.run.status
    message = waiting_message(waiting)
    # The kubelet alternates between two wordings of the same trouble: the first one is kept.
    if before.reason == waiting.reason == IMAGE_PULL_FAILED and before.message:
        message = before.message
    status = said(observed, "Pending", waiting.reason, message, started)
    return Plan(status=status, events=event_if_new(observed, waiting.reason, message))


def claim_missing(observed: Observed) -> str:
    run, claim = observed.run, observed.missing_claim
    cure = "create it, or name another in the run's volumes"
    if claim == claim_name(run, observed.defaults):
        cure = (
            "create one that is bound to the shared mlruns volume, or name another in spec.storage.claimName"
        )
    return (
        f"There is no PersistentVolumeClaim {claim!r} in namespace {run.metadata.namespace!r}: {cure}. The run starts "
        "when the claim is there."
    )


def waiting_message(waiting: Waiting) -> str:
    """The scheduler's or the kubelet's own words, after what they mean."""
    if waiting.reason == IMAGE_PULL_FAILED:
        return (
            f"The image cannot be pulled: check its name, and that the nodes may pull it. {waiting.message}"
        )
    if waiting.reason == "Unschedulable":
        return f"No node can take the pod: {waiting.message}"
    return f"The pod does not start: {waiting.message or waiting.reason}"
