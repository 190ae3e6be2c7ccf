"""Why a training failed, in the words that its author needs."""

from modelcycle.failure import Failure, explain_end
from modelcycle.pods import Pod
from modelcycle.training.observed import Job


def explain(job: Job, pods: tuple[Pod, ...]) -> Failure:
    """The reason and message of a failed Job, from the last of its pods that failed."""
    if job.reason == "DeadlineExceeded":
        return Failure(
            "DeadlineExceeded", "It ran longer than spec.activeDeadlineSeconds allows and was stopped."
        )
    last = last_failed(pods)
    if last is None or last.ended is None:
        return Failure(
            job.reason or "JobFailed", job.message or "The Job failed and left no pod that says why."
        )
    return explain_end(last.ended)


def last_failed(pods: tuple[Pod, ...]) -> Pod | None:
    """The newest pod that failed by itself, and not by a disruption such as a drained node."""
    failed = [pod for pod in pods if pod.phase == "Failed" and pod.ended]
    by_itself = [pod for pod in failed if not pod.disrupted]
    return max(by_itself or failed, key=lambda pod: pod.created, default=None)
