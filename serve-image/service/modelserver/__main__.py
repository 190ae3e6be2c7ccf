"""`python -m modelserver`: exit code 0 after SIGTERM, 3 where the version can never be served, 1 otherwise."""

import contextlib
import logging
import os
import socket
import sys
from pathlib import Path

from modelserver import logs
from modelserver.cpus import limit_pools
from modelserver.failures import NeverServableError, NotServableNowError, one_line
from modelserver.server import Server
from modelserver.settings import Settings

log = logging.getLogger("modelserver")

NEVER_SERVABLE = 3
TERMINATION_LOG = Path("/dev/termination-log")


def main() -> int:
    """Serves until SIGTERM; the exit code. On failure the last line of stderr is its reason."""
    logs.configure()
    limit_pools(os.environ)
    try:
        settings = Settings.from_env(os.environ)
        listener = socket.create_server((settings.host, settings.port), backlog=2048)
    except (ValueError, OSError) as error:
        return _say(f"The server cannot start: {error}", 1)
    log.info("listening on %s port %d", *listener.getsockname()[:2])
    server = Server(settings)
    server.run(sockets=[listener])
    if server.failure is None:
        return 0
    if isinstance(server.failure, NeverServableError):
        return _say(server.failure, NEVER_SERVABLE)
    if isinstance(server.failure, NotServableNowError):
        return _say(server.failure, 1)
    log.error("the server failed", exc_info=server.failure)
    return _say(f"The server failed: {type(server.failure).__name__}: {server.failure}", 1)


def _say(reason: object, code: int) -> int:
    line = one_line(reason)
    with contextlib.suppress(OSError):
        if TERMINATION_LOG.exists():
            TERMINATION_LOG.write_text(line)
    print(line, file=sys.stderr)  # noqa: T201 (the termination message of the pod)
    return code


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread of the model may hang, and an ordinary exit would wait for it.
    os._exit(code)
