"""An ordinary script with several runs: a search that autolog follows, a nested run, and a last one with a model."""

import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

features, labels = load_iris(return_X_y=True)
mlflow.set_experiment("it-search")
mlflow.sklearn.autolog(log_models=False, log_datasets=False)
with mlflow.start_run(run_name="search"):
    GridSearchCV(LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=2).fit(features, labels)
    with mlflow.start_run(run_name="nested", nested=True):
        mlflow.log_metric("loss", 0.5)
with mlflow.start_run(run_name="last"):
    mlflow.log_metrics({"accuracy": 0.9, "recall": 0.8})
