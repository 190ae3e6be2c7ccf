"""python3 -m cluster up | down | binaries | gateway-api | images [NAME...] | load [NAME...] | volume NAME | metrics-server"""

import inspect
import signal
import sys
from collections.abc import Callable

from cluster import commands, gateway_api, images, lifecycle, load, metrics_server, state, volumes
from cluster.shell import Problem, say


def _binaries() -> None:
    say(str(commands.folder()))


def _gateway_api() -> None:
    say(str(gateway_api.folder()))


def _volume(name: str) -> None:
    volumes.ensure(volumes.require_own(state.made()), name)
    say(f"Volume {name} can be claimed (storageClassName: {volumes.CLASS}, volumeName: {name}).")


VERBS: dict[str, Callable[..., None]] = {
    "up": lifecycle.up,
    "down": lifecycle.down,
    "binaries": _binaries,
    "gateway-api": _gateway_api,
    "images": images.build,
    "load": load.load,
    "volume": _volume,
    "metrics-server": metrics_server.install,
}


def _fits(verb: Callable[..., None], arguments: list[str]) -> bool:
    try:
        inspect.signature(verb).bind(*arguments)
    except TypeError:
        return False
    return True


def main(arguments: list[str]) -> int:
    verb, *rest = arguments or [""]
    if verb not in VERBS or not _fits(VERBS[verb], rest):
        print(__doc__, file=sys.stderr)
        return 2
    # As on Ctrl-C: what was started ends, before the lock on it does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        VERBS[verb](*rest)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; the next run goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
