"""Where a prediction runs, how many may run and wait, and for how long."""

import asyncio
import functools
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from modelserver.cpus import cpus
from modelserver.failures import OverloadedError, TookTooLongError
from modelserver.settings import of_process

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

# A prediction this short is over before a thread would have been woken for it; larger bodies take longer.
INLINE_SECONDS = 0.002
INLINE_BYTES = 32 * 1024
# Many predictions as long as this, and probes would feel them.
SLOW_SECONDS = 0.01
SLOW_SCORE = 10.0


class Gate:
    """Runs short predictions on the event loop itself and all others in bounded threads beside it.

    Short are a native model's on plain numbers: what a user's own code waits for, and for how long, may depend
    on the input, and MLflow, which judges unusual bodies, takes seconds to import.
    """

    def __init__(self, timeout: float, max_concurrency: int, threads: int) -> None:
        self.inline = False
        self._timeout = timeout
        self._max = max_concurrency
        self._running = 0
        self._slow = 0.0
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="predict")

    def proven_in(self, seconds: float) -> None:
        """Takes the time of the self-test for what a prediction takes."""
        self.inline = seconds < INLINE_SECONDS

    async def run(
        self, work: Callable[[], Answer], size: int, short: Callable[[], Answer | None] | None = None
    ) -> Answer:
        """What `work` gives for a body of `size` bytes, by `short` where that is short and gives an answer.

        Raises OverloadedError, TookTooLongError, and whatever `work` and `short` raise.
        """
        if self.inline and short and size <= INLINE_BYTES:
            began = time.perf_counter()
            try:
                answer = short()
            finally:
                self._judge(time.perf_counter() - began)
            if answer is not None:
                return answer
        return await self._beside(work)

    def _judge(self, seconds: float) -> None:
        # One long answer may be the machine's doing; every tenth one is the model's.
        self._slow = self._slow + 1 if seconds > SLOW_SECONDS else max(0.0, self._slow - 0.1)
        if self._slow >= SLOW_SCORE:
            self.inline = False
            log.info("predictions have become slow: they run in threads from now on")

    async def _beside(self, work: Callable[[], Answer]) -> Answer:
        if self._running >= self._max:
            raise OverloadedError(f"{self._running} predictions are under way and waiting.")
        self._running += 1
        future = self._threads.submit(work)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        try:
            return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(future)), self._timeout)
        except TimeoutError:
            if future.cancel():
                raise OverloadedError(f"No thread was free within {self._timeout:g} s.") from None
            if future.done():
                return future.result()  # the model's own TimeoutError, or an answer at the last moment
            raise TookTooLongError(f"The model did not answer within {self._timeout:g} s.") from None

    def _done(self) -> None:
        # A prediction that nobody waits for any more holds its thread, and counts, until it ends.
        self._running -= 1


@functools.cache
def gate() -> Gate:
    """The gate of this process, which every route that predicts goes through."""
    settings = of_process()
    # Requests that are to be predicted together wait for each other in threads of their own.
    threads = settings.max_concurrency if settings.batch_max_rows else max(2, cpus() // settings.workers)
    return Gate(settings.predict_timeout, settings.max_concurrency, threads)
