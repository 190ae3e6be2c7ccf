"""`python -m modelserver`: exit code 0 after SIGTERM, 3 where the version can never be served, 1 otherwise."""

import os
import socket
import sys

from modelserver import ending, logs
from modelserver.cpus import limit_pools
from modelserver.failures import NotServableNowError
from modelserver.prepared import take_over


def main() -> int:
    """Serves until SIGTERM; the exit code. On failure the last line of stderr is its reason."""
    logs.configure()
    limit_pools(os.environ)
    try:
        held = take_over()
    except OSError as error:
        return ending.say(f"What was prepared for this pod is gone ({error}): delete the pod.", ending.AGAIN)
    # Imported now, as the version's own packages go first.
    from modelserver.server import Server
    from modelserver.settings import Settings

    try:
        settings = Settings.from_env(os.environ)
        server = Server(settings)
        listener = socket.create_server((settings.host, settings.port), backlog=2048)
    except (ValueError, OSError, NotServableNowError) as error:
        return ending.say(f"The server cannot start: {error}", ending.AGAIN)
    ending.log.info("listening on %s port %d", *listener.getsockname()[:2])
    server.run(sockets=[listener])
    del held
    return ending.failed(server.failure) if server.failure else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread of the model may hang, and an ordinary exit would wait for it.
    os._exit(code)
