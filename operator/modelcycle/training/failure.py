"""Why a training failed, in the words that its author needs."""

from datetime import datetime

from modelcycle.failure import Failure, explain_end
from modelcycle.pods import Pod
from modelcycle.training import source
from modelcycle.training.nodes import INDEX
from modelcycle.training.observed import Job

# A Job's reason where its podFailurePolicy ends it: for want of a source, or for a disruption among several nodes.
DISRUPTED = "PodFailurePolicy"


def explain(job: Job, pods: tuple[Pod, ...]) -> Failure:
    """The reason and message of a failed Job, from the last of its pods that failed."""
    if job.reason == "DeadlineExceeded":
        return Failure(
            "DeadlineExceeded", "It ran longer than spec.activeDeadlineSeconds allows and was stopped."
        )
    last = last_failed(pods)
    if last and last.ended and (without_source := source.explain(last.ended)):
        return without_source
    if job.reason == DISRUPTED:
        return Failure(
            "NodeDisrupted",
            "A node was drained, or its pod had to make room, and the others cannot go on without it: "
            f"{job.message} To have such a pod tried again, raise spec.backoffLimit and use torchrun's elastic rendezvous.",
        )
    if last is None or last.ended is None:
        return Failure(
            job.reason or "JobFailed", job.message or "The Job failed and left no pod that says why."
        )
    failure = explain_end(last.ended)
    rank = last.label(INDEX)
    return Failure(failure.reason, f"Node {rank}: {failure.message}") if rank else failure


def last_failed(pods: tuple[Pod, ...]) -> Pod | None:
    """The newest pod that failed by itself, and not by a disruption such as a drained node.

    Of several nodes the first one that failed: the others miss it.
    """
    failed = [pod for pod in pods if pod.phase == "Failed" and pod.ended]
    by_itself = [pod for pod in failed if not pod.disrupted] or failed
    if any(pod.label(INDEX) for pod in by_itself):
        return min(by_itself, key=_end)
    return max(by_itself, key=lambda pod: pod.created, default=None)


def _end(pod: Pod) -> datetime:
    return (pod.ended and pod.ended.at) or pod.created
