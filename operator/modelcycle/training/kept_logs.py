"""The logs of a Job's pods: kept as artifacts of its main MLflow run, while the kubelet still has them."""

from datetime import datetime

from modelcycle.conditions import Conditions
from modelcycle.plan import KeepLogs
from modelcycle.training.observed import MlflowRun, Observed

# Pods whose logs are kept, the newest ones: nobody reads a hundred.
PODS_MAX = 20
# What hinders it may pass; the outcome does not wait for it longer than this after the Job's end.
PATIENCE_SECONDS = 30


def to_keep(observed: Observed, main: MlflowRun | None) -> KeepLogs | None:
    """What there is to keep: the log of every attempt that has one, if there is a run to keep it with."""
    pods = sorted((pod for pod in observed.pods if pod.running or pod.ended), key=lambda pod: pod.created)
    if main is None or not pods:
        return None
    return KeepLogs(main.run_id, tuple(pod.name for pod in pods[-PODS_MAX:]))


def worth_another_try(observed: Observed, now: datetime) -> bool:
    """Once is enough for a Job that has not ended, or is gone: then nothing tells how long it was tried."""
    ended = observed.job.end_time if observed.job else None
    if ended is None or observed.logs is None or not observed.logs.problem:
        return False
    return (now - ended).total_seconds() < PATIENCE_SECONDS


def judge(conditions: Conditions, observed: Observed, main: MlflowRun | None) -> None:
    """The condition LogStored; none where no pod has a log."""
    kept = observed.logs
    if main is None and any(pod.running or pod.ended for pod in observed.pods):
        message = "The Job started no MLflow run to keep its log with: kubectl logs shows it while the pod is there."
        conditions.judge("LogStored", False, "NoMlflowRun", message)
    elif main and kept and kept.problem:
        conditions.judge("LogStored", False, "NotStored", kept.problem)
    elif main and kept and kept.pods:
        files = ", ".join(f"logs/{pod}.log" for pod in kept.pods)
        conditions.judge("LogStored", True, "Stored", f"Artifacts of MLflow run {main.run_id}: {files}.")
