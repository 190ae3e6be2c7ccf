"""What is said of a container's end."""

import pytest
from modelcycle.failure import BYTES_MAX, explain_end, log_tail
from modelcycle.pods import Ended


@pytest.mark.parametrize(
    ("end", "reason", "says"),
    [
        pytest.param(
            Ended(1, "Error", "boom"), "CommandFailed", "exit code 1. Its last output:\nboom", id="1"
        ),
        pytest.param(
            Ended(137, "OOMKilled", "", memory="64Mi"),
            "OutOfMemory",
            "exit code 137, by the memory limit of 64Mi: raise spec.resources.limits.memory",
            id="killed for memory",
        ),
        pytest.param(
            Ended(137, "Error", ""), "OutOfMemory", "unless shown otherwise", id="killed by a signal"
        ),
        pytest.param(
            Ended(1, "OOMKilled", ""), "OutOfMemory", "limits.memory", id="a child was killed for memory"
        ),
        pytest.param(
            Ended(1, "Error", "OSError: [Errno 28] No space left on device: '/mlruns/1/model.pkl'"),
            "VolumeFull",
            "make room on it, or give it more. Its last output:\nOSError: [Errno 28]",
            id="the volume is full",
        ),
        pytest.param(
            Ended(1, "Error", "(sqlite3.OperationalError) database or disk is full"),
            "VolumeFull",
            "make room on it",
            id="the MLflow server's volume is full",
        ),
        pytest.param(
            Ended(127, "ContainerCannotRun", "no such file"),
            "ContainerCannotRun",
            "The command could not be started: no such file",
            id="it never ran",
        ),
        pytest.param(
            Ended(-1, "Evicted", "low on memory"), "Evicted", "low on memory", id="the pod was evicted"
        ),
        pytest.param(Ended(-1, "", ""), "PodFailed", "does not say why", id="nobody says why"),
    ],
)
def test_an_end_is_explained(end: Ended, reason: str, says: str) -> None:
    failure = explain_end(end)
    assert failure.reason == reason
    assert says in failure.message


def test_an_end_without_output_has_no_empty_quote() -> None:
    assert explain_end(Ended(2, "Error", "\n")).message == "The command ended with exit code 2."


def test_the_tail_is_the_last_twenty_lines() -> None:
    output = "\n".join(f"line {n}" for n in range(1, 51)) + "\n"
    assert log_tail(output).splitlines() == [f"line {n}" for n in range(31, 51)]


def test_the_tail_is_at_most_two_kibibytes_and_never_half_a_character() -> None:
    tail = log_tail("é" * 4000 + "x")
    assert len(tail.encode()) == BYTES_MAX - 1
    assert tail == "é" * ((BYTES_MAX - 1) // 2) + "x"
