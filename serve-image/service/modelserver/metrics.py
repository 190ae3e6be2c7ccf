"""What Prometheus is told of predictions, whichever way they took."""

import os

import prometheus_client
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

LABELS = ["model", "version", "path"]
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16384)

requests_total = Counter("modelcycle_requests", "Predictions answered, by status code.", [*LABELS, "code"])
seconds = Histogram(
    "modelcycle_request_duration_seconds",
    "From a prediction's request to its answer.",
    LABELS,
    buckets=SECONDS,
)
in_progress = Gauge(
    "modelcycle_requests_in_progress",
    "Predictions under way and waiting.",
    LABELS,
    multiprocess_mode="livesum",
)
model_errors = Counter(
    "modelcycle_model_errors", "Exceptions that the model raised on input that fits.", ["model", "version"]
)
rows = Histogram(
    "modelcycle_batch_rows", "Rows that the model was given at once.", ["model", "version"], buckets=ROWS
)


def exposition() -> bytes:
    """All metrics of the server in Prometheus' text format, those of its other processes included."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return prometheus_client.generate_latest()
    together = prometheus_client.CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return prometheus_client.generate_latest(together)


class Meter:
    """The metrics of one route, looked up once."""

    def __init__(self, model: str, version: str, path: str) -> None:
        labels = {"model": model, "version": version, "path": path}
        self.in_progress = in_progress.labels(**labels)
        self._seconds = seconds.labels(**labels)
        self._model_errors = model_errors.labels(model, version)
        self._labels = labels
        self._counters: dict[int, Counter] = {}

    def ended(self, status: int, took: float) -> None:
        """Counts one request; status 0 is a client that went away, for which the field says 499."""
        status = status or 499
        if status not in self._counters:
            self._counters[status] = requests_total.labels(**self._labels, code=str(status))
        self._counters[status].inc()
        if status == 500:  # the routes answer it for nothing else
            self._model_errors.inc()
        self._seconds.observe(took)
        self.in_progress.dec()
