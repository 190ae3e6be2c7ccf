"""Why a training failed, in the words that its author needs."""

import pytest
from modelcycle.training.failure import explain, last_failed

from tests.builders.base import ago
from tests.builders.children import PodBuilder, a_job, a_job_pod, a_node_pod

FAILED = a_job().failed()
POD = a_job_pod()


@pytest.mark.parametrize(
    ("pod", "reason", "says"),
    [
        pytest.param(
            POD.ended(1, "Traceback\nValueError: no data"),
            "CommandFailed",
            "The command ended with exit code 1. Its last output:\nTraceback\nValueError: no data",
            id="the command failed",
        ),
        pytest.param(
            POD.ended(2), "CommandFailed", "The command ended with exit code 2.", id="without a word"
        ),
        pytest.param(
            POD.ended(137, "epoch 3", "OOMKilled"),
            "OutOfMemory",
            "It was killed with exit code 137, by the memory limit: raise "
            "spec.resources.limits.memory, or let it use less. Its last output:\nepoch 3",
            id="it was killed for memory",
        ),
        pytest.param(
            POD.ended(128, 'exec: "trian": executable file not found', "StartError"),
            "StartError",
            'The command could not be started: exec: "trian": executable file not found',
            id="there is no such command",
        ),
        pytest.param(
            POD.evicted("The node was low on resource: ephemeral-storage."),
            "Evicted",
            "The node was low on resource: ephemeral-storage.",
            id="the pod was evicted",
        ),
    ],
)
def test_the_failure_is_the_pods_when(pod: PodBuilder, reason: str, says: str) -> None:
    failure = explain(FAILED.build(), (pod.build(),))
    assert (failure.reason, failure.message) == (reason, says)


def test_a_deadline_is_named_as_the_field_that_set_it() -> None:
    failure = explain(a_job().failed("DeadlineExceeded").build(), (POD.ended(143).build(),))
    assert failure.reason == "DeadlineExceeded"
    assert "spec.activeDeadlineSeconds" in failure.message


def test_a_job_without_pods_speaks_for_itself() -> None:
    failure = explain(a_job().failed("BackoffLimitExceeded", "Job has reached the limit").build(), ())
    assert (failure.reason, failure.message) == ("BackoffLimitExceeded", "Job has reached the limit")


def test_a_job_that_says_nothing_is_a_failure_all_the_same() -> None:
    failure = explain(a_job().failed("", "").build(), ())
    assert (failure.reason, failure.message) == (
        "JobFailed",
        "The Job failed and left no pod that says why.",
    )


def test_the_last_attempt_tells_why() -> None:
    first, second = a_job_pod("a").created(ago(60)).ended(1), a_job_pod("b").created(ago(5)).ended(2)
    found = last_failed((second.build(), first.build()))
    assert found
    assert found.name == "b"


def test_a_drained_node_is_not_blamed_on_the_training() -> None:
    own = a_job_pod("own").created(ago(60)).ended(1)
    drained = a_job_pod("drained").created(ago(5)).ended(143).disrupted()
    found = last_failed((own.build(), drained.build()))
    assert found
    assert found.name == "own"


def test_a_drained_node_is_named_where_nothing_else_failed() -> None:
    drained = a_job_pod("drained").ended(143).disrupted()
    found = last_failed((drained.build(),))
    assert found
    assert found.name == "drained"


def test_a_pod_that_succeeded_did_not_fail() -> None:
    assert last_failed((POD.ended(0).build(), POD.running().build())) is None


# Several nodes.


def test_of_several_nodes_the_first_that_failed_tells_why() -> None:
    first = a_node_pod(1).ended(1, "ValueError: no shard", at=ago(5))
    others = [a_node_pod(rank).ended(1, "Connection reset by peer", at=ago(3)) for rank in (0, 2)]
    pods = tuple(pod.build() for pod in (others[0], first, others[1]))
    failure = explain(FAILED.build(), pods)
    assert failure.reason == "CommandFailed"
    assert failure.message.startswith("Node 1: The command ended with exit code 1.")
    assert failure.message.endswith("ValueError: no shard")


def test_of_several_nodes_one_that_is_drained_ends_all_and_the_cure_is_named() -> None:
    message = "Pod team/iris-1-1-abcde has condition DisruptionTarget matching FailJob rule at index 0"
    failure = explain(a_job().failed("PodFailurePolicy", message).build(), ())
    assert failure.reason == "NodeDisrupted"
    assert message in failure.message
    assert "spec.backoffLimit" in failure.message
