"""The operator's own Prometheus metrics."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("modelcycle_reconciles_total", "Passes over resources.", ["kind", "result"])
RECONCILE_SECONDS = Histogram("modelcycle_reconcile_seconds", "Time of a pass.", ["kind"])
QUEUE_DEPTH = Gauge("modelcycle_queue_depth", "Resources that wait for a worker.")
WRITES = Counter("modelcycle_api_writes_total", "Writes to the Kubernetes API.", ["kind", "verb", "result"])
WATCH_EVENTS = Counter("modelcycle_watch_events_total", "Events that the watches delivered.", ["kind"])
POLLS = Counter("modelcycle_registry_polls_total", "Looks at the MLflow registry.", ["result"])
POLL_SECONDS = Histogram("modelcycle_registry_poll_seconds", "Time of a look at the MLflow registry.")
NUDGES = Counter("modelcycle_nudges_total", "Deliveries of MLflow's webhook, by the answer.", ["code"])
LEADER = Gauge("modelcycle_leader", "1 while this replica is the one that acts.")
RUN_OUTCOMES = Counter("modelcycle_trainingruns_finished_total", "TrainingRuns that ended.", ["reason"])
VERSIONS_REJECTED = Counter("modelcycle_versions_rejected_total", "Versions that were rejected.", ["reason"])
ROLLOUTS = Counter("modelcycle_rollouts_total", "Switches of clients to another version.")
