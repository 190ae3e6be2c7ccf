"""Trains one XGBoost model on several nodes, each with its share of the rows; rank 0 logs it to MLflow.

RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are what torch.distributed reads as well.
"""

import os
import socket
import time

import numpy
import xgboost
from sklearn.datasets import load_iris
from xgboost import collective
from xgboost.tracker import RabitTracker

RANK, NODES = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
ADDRESS, PORT = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
MODEL = os.environ.get("PARAM_model", "iris-nodes")
PATIENCE_SECONDS, RETRIES = 300, 20


def host_the_rendezvous():
    """On rank 0: the place where the others ask for each other's addresses."""
    tracker = RabitTracker(n_workers=NODES, host_ip=socket.gethostbyname(socket.gethostname()), port=PORT)
    tracker.start()
    return tracker


def address_of_rank_0():
    """Pods start in any order: its name has no address before it has a node."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return socket.gethostbyname(ADDRESS)
        except socket.gaierror:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def train():
    """On every rank: its own rows, and the same trees in the end."""
    flowers, species = load_iris(return_X_y=True)
    mine = slice(RANK, None, NODES)
    rows = xgboost.DMatrix(flowers[mine], label=species[mine])
    options = {
        "objective": "multi:softprob",
        "num_class": 3,
        "tree_method": "hist",
        "max_depth": 3,
        "nthread": 1,
    }
    scores = {}
    trees = xgboost.train(options, rows, 20, evals=[(rows, "train")], evals_result=scores, verbose_eval=False)
    counted = collective.allreduce(numpy.array([float(rows.num_row())]), collective.Op.SUM)
    return trees, {"rows": counted[0], "mlogloss": scores["train"]["mlogloss"][-1]}


def log(trees, metrics):
    import mlflow  # on rank 0 alone, so that the others start sooner

    with mlflow.start_run():
        mlflow.log_params({"nodes": NODES})
        mlflow.log_metrics(metrics)
        mlflow.xgboost.log_model(trees, name="model", registered_model_name=MODEL)


def main():
    tracker = host_the_rendezvous() if RANK == 0 else None
    rendezvous = {"dmlc_tracker_uri": address_of_rank_0(), "dmlc_tracker_port": PORT}
    with collective.CommunicatorContext(**rendezvous, dmlc_task_id=str(RANK), dmlc_retry=RETRIES):
        trees, metrics = train()
    print(f"rank {RANK} of {NODES}: {metrics}")
    if tracker:
        tracker.wait_for()
        log(trees, metrics)


if __name__ == "__main__":
    main()
