"""MLflow runs whose process is gone and has not ended them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from modelcycle.plan import EndRun
from modelcycle.pods import Pod
from modelcycle.training.observed import MlflowRun, Results

RUNNING = "RUNNING"
# The Job was ended from outside, and nothing in it has failed.
STOPPED = {"DeadlineExceeded", "PendingDeadlineExceeded", "JobDeleted", "NodeLost", "TooManyDisruptions"}


def close(
    results: Results, counted: Collection[str], pods: Iterable[Pod], reason: str, ended: datetime
) -> tuple[Results, tuple[EndRun, ...]]:
    """Ends what a Job that is over has left running.

    Args:
        counted: ids of the runs of a Job that succeeded.
        reason: why the Job is over; ended: when.

    Returns:
        The results as they are once the writes are carried out, and these writes.
    """
    of_pods = {pod.name: pod for pod in pods}
    left = [run for run in results.runs if run.status == RUNNING]
    ends = {run.run_id: _end(run, counted, of_pods.get(run.pod), reason in STOPPED) for run in left}
    runs = tuple(replace(run, status=ends.get(run.run_id, run.status)) for run in results.runs)
    at = int(ended.timestamp() * 1000)
    return replace(results, runs=runs), tuple(EndRun(run_id, end, at) for run_id, end in ends.items())


def _end(
    run: MlflowRun, counted: Collection[str], pod: Pod | None, stopped: bool
) -> Literal["FINISHED", "FAILED", "KILLED"]:
    """As the Job ended; KILLED is what was taken away: by a deadline, a deletion, a drained node."""
    if run.run_id in counted:
        return "FINISHED"
    return "KILLED" if stopped or pod is None or pod.disrupted else "FAILED"


@dataclass(frozen=True)
class LeftRunning:
    """A run in MLflow that has not ended, with the TrainingRun that it says it belongs to."""

    run_id: str
    namespace: str
    training_run: str
    uid: str


@dataclass(frozen=True)
class Successor:
    """The TrainingRun that has the name now: the same one, or a later one."""

    uid: str
    created: datetime
    finished: bool = False


def is_abandoned(run: LeftRunning, successor: Successor | None, pods: Iterable[Pod]) -> bool:
    """Whether neither its TrainingRun is there, unfinished, nor a pod of it that could go on writing.

    A pod can begin a run when the outcome is told already and its Job about to be stopped.

    pods: those labelled with the TrainingRun's name; what is older than the successor is not of the successor.
    """
    is_later = successor is not None and successor.uid != run.uid
    if successor and not is_later and not successor.finished:
        return False
    going_on = [pod for pod in pods if pod.phase not in ("Succeeded", "Failed")]
    return not any(successor is None or not is_later or pod.created <= successor.created for pod in going_on)
