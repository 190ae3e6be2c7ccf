"""The Job of a TrainingRun."""

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.defaults import Defaults
from modelcycle.plan import RUN_LABEL, Body, owned_metadata
from modelcycle.training import pod


def job(run: TrainingRun, defaults: Defaults) -> Body:
    """A batch/v1 Job that is made once and never changed."""
    labels = {RUN_LABEL: run.metadata.name}
    metadata = owned_metadata("TrainingRun", run.metadata, run.metadata.name, labels)
    spec: Body = {
        "backoffLimit": run.spec.backoff_limit,
        "podFailurePolicy": {"rules": [_DISRUPTION_IS_NO_ATTEMPT]},
        "template": {"metadata": {"labels": metadata["labels"]}, "spec": pod.spec(run, defaults)},
    }
    if run.spec.active_deadline_seconds is not None:
        spec["activeDeadlineSeconds"] = run.spec.active_deadline_seconds
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


# A drained node is not the training's fault.
_DISRUPTION_IS_NO_ATTEMPT: Body = {
    "action": "Ignore",
    "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
}
