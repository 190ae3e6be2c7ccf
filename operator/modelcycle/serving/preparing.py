"""What the init container of a candidate's pod says while it fetches and installs."""

import json
from datetime import datetime

from modelcycle.pods import Pod
from modelcycle.serving.manifests import PREPARE
from modelcycle.serving.observed import Observed

# It is asked no sooner, as most are over by then, and no more often, as each answer is a write.
EVERY_SECONDS = 10
LINES, LINE_MAX = 3, 200


def at_it(observed: Observed) -> tuple[Pod, datetime] | None:
    """A pod of the candidate whose init container runs, and since when."""
    candidate = observed.deployment.status.candidate
    for pod in observed.pods_of(candidate.revision) if candidate else ():
        if since := dict(pod.initializing).get(PREPARE):
            return pod, since
    return None


def words(observed: Observed) -> str:
    """What it says, as a sentence, or ""."""
    return f"It is being prepared: {observed.progress}" if observed.progress else ""


def last_lines(log: str) -> str:
    """The end of its log as one line; its own lines are JSON objects, whose message is what counts."""
    lines = [_message(line) for line in log.splitlines() if line.strip()]
    return " | ".join(line[:LINE_MAX] for line in lines[-LINES:])


def _message(line: str) -> str:
    try:
        return str(json.loads(line)["message"])
    except (ValueError, KeyError, TypeError):
        return line.strip()
