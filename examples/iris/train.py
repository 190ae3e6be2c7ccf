"""Trains a classifier of iris flowers and logs it to MLflow: an ordinary script, also on a laptop.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python train.py --max-iter 200
"""

import argparse
import os

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--max-iter", type=int, default=100, help="iterations of the solver at most")
    parser.add_argument("--C", type=float, default=1.0, help="inverse strength of the regularisation")
    parser.add_argument("--test-size", type=float, default=0.3, help="share of the flowers held out")
    parser.add_argument("--seed", type=int, default=42, help="seed of the split")
    parser.add_argument(
        "--model-name", default=os.environ.get("MODEL_NAME", "iris"), help="name to register the model under"
    )
    return parser.parse_args()


def main():
    args = parse_args()
    flowers, species = load_iris(return_X_y=True, as_frame=True)
    train_x, test_x, train_y, test_y = train_test_split(
        flowers, species, test_size=args.test_size, random_state=args.seed, stratify=species
    )

    with mlflow.start_run():
        mlflow.log_params(
            {"max_iter": args.max_iter, "C": args.C, "test_size": args.test_size, "seed": args.seed}
        )
        mlflow.set_tags({"dataset": "iris", "estimator": "LogisticRegression"})

        model = make_pipeline(StandardScaler(), LogisticRegression(C=args.C, max_iter=args.max_iter))
        model.fit(train_x, train_y)

        predicted = model.predict(test_x)
        metrics = {
            "accuracy": accuracy_score(test_y, predicted),
            "f1": f1_score(test_y, predicted, average="macro"),
            "log_loss": log_loss(test_y, model.predict_proba(test_x)),
        }
        mlflow.log_metrics(metrics)

        mlflow.sklearn.log_model(
            model,
            name="model",
            signature=infer_signature(test_x, predicted),
            input_example=test_x.head(5),
            registered_model_name=args.model_name,
        )
        print(", ".join(f"{name} {value:.3f}" for name, value in metrics.items()))


if __name__ == "__main__":
    main()
