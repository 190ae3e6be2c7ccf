"""What Prometheus is told of predictions, whichever way they took."""

import prometheus_client
from prometheus_client import Counter, Gauge, Histogram

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
in_progress = Gauge("modelcycle_requests_in_progress", "Predictions under way and waiting.", LABELS)
model_errors = Counter(
    "modelcycle_model_errors", "Exceptions that the model raised on input that fits.", ["model", "version"]
)
rows = Histogram(
    "modelcycle_batch_rows", "Rows that the model was given at once.", ["model", "version"], buckets=ROWS
)
