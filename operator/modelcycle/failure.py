"""Why a container ended, in the words that its owner needs."""

import re
from dataclasses import dataclass

from modelcycle.pods import Ended

LINES_MAX, BYTES_MAX = 20, 2048
KILLED = 137
VOLUME_FULL = "VolumeFull"

# In the words of the C library, of a volume with quotas, and of the SQLite of an MLflow server.
NO_ROOM = re.compile("No space left on device|Disk quota exceeded|database or disk is full")
_FULL = "It found no room on a disk, which is the shared volume unless shown otherwise: make room on it, or give it more."


@dataclass(frozen=True)
class Failure:
    """A reason, as one CamelCase word, and a message, as sentences."""

    reason: str
    message: str


def explain_end(end: Ended) -> Failure:
    """The reason and message of one container's end."""
    if end.reason == "OOMKilled" or end.exit_code == KILLED:
        return Failure("OutOfMemory", _with_output(_out_of_memory(end), end.message))
    if end.exit_code < 0:
        return Failure(end.reason or "PodFailed", end.message or "The pod failed and does not say why.")
    if end.reason in ("StartError", "ContainerCannotRun"):
        return Failure(end.reason, f"The command could not be started: {end.message}")
    if NO_ROOM.search(end.message):
        return Failure(VOLUME_FULL, _with_output(_FULL, end.message))
    return Failure(
        "CommandFailed", _with_output(f"The command ended with exit code {end.exit_code}.", end.message)
    )


def _out_of_memory(end: Ended) -> str:
    limit = f"the memory limit of {end.memory}" if end.memory else "the memory limit"
    cause = f"by {limit}" if end.reason == "OOMKilled" else f"which is {limit} unless shown otherwise"
    cure = "raise spec.resources.limits.memory, or let it use less."
    return f"It was killed with exit code {end.exit_code}, {cause}: {cure}"


def _with_output(sentence: str, output: str) -> str:
    tail = log_tail(output)
    return f"{sentence} Its last output:\n{tail}" if tail else sentence


def log_tail(output: str) -> str:
    """The last 20 lines, and of these the last 2 KiB."""
    lines = "\n".join(output.strip().splitlines()[-LINES_MAX:])
    return lines.encode()[-BYTES_MAX:].decode(errors="ignore")
