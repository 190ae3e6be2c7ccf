"""How a process of the pod ends: with an exit code, and a sentence where the operator reads it."""

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

from modelserver.failures import NeverServableError, NotServableNowError, one_line

log = logging.getLogger("modelserver")

AGAIN, NEVER_SERVABLE = 1, 3
TERMINATION_LOG = Path("/dev/termination-log")


def failed(error: Exception) -> int:
    """Says why; the exit code: 3 where the version can never be served as it is, 1 where another try may help.

    What is said begins with the reason, where there is one: "SelfTestFailed: The model's answer …".
    """
    if isinstance(error, NeverServableError | NotServableNowError):
        said = f"{error.reason}: {error}" if error.reason else error
        return say(said, NEVER_SERVABLE if isinstance(error, NeverServableError) else AGAIN)
    log.error("the server failed", exc_info=error)
    return say(f"The server failed: {type(error).__name__}: {error}", AGAIN)


def say(reason: object, code: int) -> int:
    """Writes the termination message, and the last line of stderr; the exit code."""
    line = one_line(reason)
    with contextlib.suppress(OSError):
        if TERMINATION_LOG.exists():
            TERMINATION_LOG.write_text(line)
    print(line, file=sys.stderr)  # noqa: T201 (the termination message of the pod)
    return code


def leave(code: int) -> NoReturn:
    """Ends this process at once: a thread of the model may hang, and an ordinary exit would wait for it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
