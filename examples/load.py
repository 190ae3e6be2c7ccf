"""A steady request loop on a model that counts failed requests. Needs Python alone."""

import http.client
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

CLIENTS = 8
TIMEOUT_SECONDS = 5


@dataclass
class Load:
    """Posts to /invocations while a `with` block lasts: half of the clients keep their connection, no retry.

    A failed request is a connection error, a timeout over 5 s, or a status of 500 and above.

    Attributes:
        port: of 127.0.0.1; it leads to the model's Service.
        body: JSON, as /invocations takes it.
        rate: requests a second, of all clients together.
        failures: one sentence a failed request; it begins with the seconds since the loop began.
        seconds: how long each answered one took.
        first_seen: when each version answered first, in seconds since the epoch.
    """

    port: int
    body: str
    rate: float = 200
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    first_seen: dict[str | None, float] = field(default_factory=dict)
    begun: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def answered(self) -> int:
        return len(self.seconds)

    def __enter__(self) -> "Load":
        self.begun = time.time()
        self._threads = [threading.Thread(target=self._client, args=(i % 2 == 0,)) for i in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _client(self, keep_alive: bool) -> None:
        connection, due = None, time.monotonic()
        while not self._stop.is_set():
            due += CLIENTS / self.rate
            # A machine that cannot keep the rate is asked less, not in bursts.
            due = max(due, time.monotonic() - 1)
            self._stop.wait(max(0.0, due - time.monotonic()))
            connection = connection or http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=TIMEOUT_SECONDS
            )
            closes = self._request(connection)
            if closes or not keep_alive:
                connection.close()
                connection = None

    def _request(self, connection: http.client.HTTPConnection) -> bool:
        """Asks once; whether the connection is over."""
        started, is_new = time.time(), connection.sock is None
        try:
            connection.request("POST", "/invocations", self.body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            with self._lock:
                which = "new" if is_new else "kept"
                self.failures.append(f"{time.time() - self.begun:.3f} s: {error!r} on a {which} connection")
            return True
        self._judge(answer, started, time.time())
        return answer.will_close

    def _judge(self, answer: http.client.HTTPResponse, started: float, ended: float) -> None:
        took = ended - started
        with self._lock:
            if answer.status >= 500 or took > TIMEOUT_SECONDS:
                self.failures.append(f"{ended - self.begun:.3f} s: status {answer.status} in {took:.1f} s")
                return
            self.seconds.append(took)
            self.first_seen.setdefault(answer.getheader("X-Model-Version"), ended)
