"""The Job of a TrainingRun."""

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.defaults import Defaults
from modelcycle.plan import MANAGED_BY, RUN_LABEL, Body, owned_metadata
from modelcycle.training import git, nodes, pod
from modelcycle.training.observed import KUEUE
from modelcycle.training.suspension import born_suspended, in_queue


def job(run: TrainingRun, defaults: Defaults) -> Body:
    """A batch/v1 Job that is made once; nothing but its suspend is changed later. Raises OverlayError."""
    labels = {RUN_LABEL: run.metadata.name}
    metadata = owned_metadata("TrainingRun", run.metadata, run.metadata.name, labels | _of_kueue(run))
    spec: Body = {
        "backoffLimit": run.spec.backoff_limit,
        "podFailurePolicy": {"rules": [_disruption(run), *git.failure_rules(run)]},
        **nodes.job_fields(run),
        "template": pod.template(run, defaults, MANAGED_BY | labels | nodes.pod_labels(run)),
    }
    if run.spec.active_deadline_seconds is not None:
        spec["activeDeadlineSeconds"] = run.spec.active_deadline_seconds
    if born_suspended(run):
        spec["suspend"] = True
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def _of_kueue(run: TrainingRun) -> dict[str, str]:
    """The queue's name, and what else Kueue reads, such as the priority class."""
    if not in_queue(run):
        return {}
    return {name: value for name, value in run.metadata.labels.items() if name.startswith(KUEUE)}


def _disruption(run: TrainingRun) -> Body:
    """A drained node is not the training's fault. But a static rendezvous cannot be joined again: who allows
    attempts has one that can.
    """
    alone = nodes.number(run) == 1 or run.spec.backoff_limit > 0
    return {
        "action": "Ignore" if alone else "FailJob",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    }
