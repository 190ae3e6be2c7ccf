"""Several processes behind one port, for more cores: they become ready together, and end together.

Each loads the model for itself: the thread pools of model libraries do not outlive a fork.
"""

import asyncio
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Collection
from types import FrameType

from modelserver import ending


class Company:
    """What one process knows of the others, by pipes: the end of one is what it says."""

    def __init__(self, proven: int, go: int, life: int) -> None:
        self._proven, self._go, self._life = proven, go, life

    async def proven(self) -> None:
        """Says that this process could serve; returns when all of them could."""
        os.write(self._proven, b".")
        await _closed(self._go)

    async def orphaned(self) -> None:
        """Returns when the process that started this one has gone."""
        await _closed(self._life)


async def _closed(pipe: int) -> None:
    loop = asyncio.get_running_loop()
    at_end = asyncio.Event()
    loop.add_reader(pipe, at_end.set)
    await at_end.wait()
    loop.remove_reader(pipe)


def run(count: int, serve: Callable[[Company], int]) -> int:
    """Runs `serve` in `count` processes; the exit code of the first that fails, else 0.

    Call it before anything starts a thread, or imports prometheus_client.
    """
    with tempfile.TemporaryDirectory(prefix="metrics-") as shared:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
        (proven, say_proven), (hear_go, go), (hear_life, life) = os.pipe(), os.pipe(), os.pipe()
        children: set[int] = set()
        told = _pass_on_signals(children)
        for _ in range(count):
            children.add(_fork(serve, Company(say_proven, hear_go, hear_life), (proven, go, life)))
        os.close(say_proven)
        threading.Thread(target=_start_together, args=(count, proven, go), daemon=True).start()
        return _until_all_have_ended(children, told)


def _fork(serve: Callable[[Company], int], company: Company, parents_own: tuple[int, ...]) -> int:
    if child := os.fork():
        return child
    for number in _PASSED_ON:
        signal.signal(number, signal.SIG_DFL)
    for pipe in parents_own:
        os.close(pipe)
    try:
        code = serve(company)
    except Exception as error:
        code = ending.failed(error)
    return ending.leave(code)


def _start_together(count: int, proven: int, go: int) -> None:
    for _ in range(count):
        if not os.read(proven, 1):
            return  # they have ended
    os.close(go)


_PASSED_ON = (signal.SIGTERM, signal.SIGINT)


def _pass_on_signals(children: Collection[int]) -> threading.Event:
    """The event is set once this process was told to end."""
    told = threading.Event()

    def pass_on(number: int, frame: FrameType | None) -> None:
        told.set()
        _tell(children, number)

    for number in _PASSED_ON:
        signal.signal(number, pass_on)
    return told


def _until_all_have_ended(children: set[int], told: threading.Event) -> int:
    verdict = 0
    while children:
        child, status = os.wait()
        if child not in children:
            continue  # as the first process of a container it is given the orphans of others
        children.remove(child)
        code = os.waitstatus_to_exitcode(status)
        if verdict or (told.is_set() and code in (0, -signal.SIGTERM, -signal.SIGINT)):
            continue
        # What is left is less than was asked for: it ends as well, and the kubelet starts all of them again.
        verdict = code if code >= 0 else ending.say(_killed(-code), 128 - code)
        _tell(children, signal.SIGTERM)
    return verdict


def _tell(children: Collection[int], number: int) -> None:
    for child in tuple(children):
        try:
            os.kill(child, number)
        except ProcessLookupError:
            continue  # it has ended


def _killed(number: int) -> str:
    return f"One of the server's processes was ended by {signal.Signals(number).name}."
