# mypy: disable-error-code="no-untyped-call"
"""An ordinary script: it trains models of one kind each, names its own experiment and registered models, and knows
nothing of the operator. Arguments: the experiment, the keyword by which log_model takes the name, the models.
"""

import sys

import lightgbm
import mlflow
import numpy as np
import xgboost
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

features, species = load_iris(return_X_y=True, as_frame=True)


def boosted_by_xgboost():
    parameters = {"objective": "multi:softmax", "num_class": 3}
    return xgboost.train(parameters, xgboost.DMatrix(features, species), num_boost_round=5)


def boosted_by_lightgbm():
    parameters = {"objective": "multiclass", "num_class": 3, "verbose": -1}
    return lightgbm.train(parameters, lightgbm.Dataset(features, species), num_boost_round=5)


MODELS = {
    "linear": (mlflow.sklearn, lambda: LogisticRegression(max_iter=200).fit(features, species)),
    "forest": (mlflow.sklearn, lambda: RandomForestClassifier(n_estimators=5).fit(features, species)),
    "xgboost-wrapper": (
        mlflow.sklearn,
        lambda: xgboost.XGBClassifier(n_estimators=5).fit(features, species),
    ),
    "lightgbm-wrapper": (
        mlflow.sklearn,
        lambda: lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(features, species),
    ),
    "xgboost": (mlflow.xgboost, boosted_by_xgboost),
    "lightgbm": (mlflow.lightgbm, boosted_by_lightgbm),
}


def predicted(model):  # noqa: ANN001
    answer = model.predict(xgboost.DMatrix(features) if isinstance(model, xgboost.Booster) else features)
    return answer.argmax(axis=1) if np.ndim(answer) == 2 else answer


if __name__ == "__main__":
    experiment, keyword, *kinds = sys.argv[1:]
    mlflow.set_experiment(experiment)
    for kind in kinds:
        flavor, train = MODELS[kind]
        with mlflow.start_run(run_name=kind):
            model = train()
            mlflow.log_metric("accuracy", accuracy_score(species, predicted(model)))
            flavor.log_model(
                model,
                **{keyword: "model"},
                registered_model_name=f"{experiment}-{kind}",
                input_example=features[:3],
            )
