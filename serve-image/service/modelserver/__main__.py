"""`python -m modelserver`: exit code 0 after SIGTERM, 3 where the version can never be served, 1 otherwise."""

import functools
import os
import socket

from modelserver import ending, logs, workers
from modelserver.cpus import limit_pools
from modelserver.failures import NotServableNowError
from modelserver.prepared import take_over
from modelserver.readahead import read_ahead
from modelserver.settings import Settings


def main() -> int:
    """Serves until SIGTERM; the exit code. On failure the last line of stderr is its reason."""
    logs.configure()
    try:
        held = take_over()
    except OSError as error:
        return ending.say(f"What was prepared for this pod is gone ({error}): delete the pod.", ending.AGAIN)
    try:
        settings = Settings.from_env(os.environ)
        listener = listen(settings.host, settings.port)
    except (ValueError, OSError) as error:
        return ending.say(f"The server cannot start: {error}", ending.AGAIN)
    limit_pools(os.environ, settings.workers)
    read_ahead(settings.model_path)
    ending.log.info("listening on %s port %d", *listener.getsockname()[:2])
    if settings.workers > 1:
        code = workers.run(settings.workers, functools.partial(serve, settings, listener))
    else:
        code = serve(settings, listener)
    del held
    return code


def listen(host: str, port: int) -> socket.socket:
    """The socket that all processes accept from. Raises OSError.

    Connections inherit TCP_NODELAY: event loops set it for sockets alone that they make themselves, and without it
    an answer's body waits 40 ms for the client to confirm its head.
    """
    listener = socket.create_server((host, port), backlog=2048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(settings: Settings, listener: socket.socket, company: workers.Company | None = None) -> int:
    """One process of the server; its exit code."""
    # Imported now, as the version's own packages go first.
    from modelserver.server import Server

    try:
        server = Server(settings, company)
    except (OSError, NotServableNowError) as error:
        return ending.say(f"The server cannot start: {error}", ending.AGAIN)
    server.run(sockets=[listener])
    return ending.failed(server.failure) if server.failure else 0


if __name__ == "__main__":
    ending.leave(main())
