"""What has been tried: attempts, and those of them that the cluster ended for reasons of its own."""

from collections import Counter

from modelcycle.api.trainingrun import DISRUPTIONS_MAX
from modelcycle.pods import Pod
from modelcycle.training import nodes
from modelcycle.training.observed import Observed


def attempts(observed: Observed) -> int:
    """Of several nodes, those of the one that took most. A disrupted pod was one, also when it is gone."""
    started = [pod for pod in observed.pods if pod.running or pod.ended]
    by_node = Counter(pod.label(nodes.INDEX) for pod in started)
    gone = set(disrupted_pods(observed)) - {pod.name for pod in started}
    return max(by_node.values(), default=0) + (len(gone) if nodes.number(observed.run) == 1 else 0)


def disrupted_pods(observed: Observed) -> list[str]:
    """Names of all of them: first those that status knows.

    A pod that was evicted vanishes soon, and its Job does not count it: status has to.
    """
    known = observed.run.status.disrupted_pods or []
    seen = [pod.name for pod in disruptions_seen(observed) if pod.name not in known]
    return [*known, *seen][: DISRUPTIONS_MAX + 1]


def disruptions_seen(observed: Observed) -> list[Pod]:
    """The pods among those that are still there, the newest last."""
    ended = [pod for pod in observed.pods if pod.disrupted and (pod.deleting or pod.phase == "Failed")]
    return sorted(ended, key=lambda pod: (pod.created, pod.name))
