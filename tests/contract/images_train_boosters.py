"""Logs an XGBoost and a LightGBM model as scripts do; runs in the train image."""

import lightgbm
import mlflow
import xgboost
from mlflow.models import infer_signature
from sklearn.datasets import load_iris

features, species = load_iris(return_X_y=True, as_frame=True)
for flavor, classifier in (
    (mlflow.xgboost, xgboost.XGBClassifier(n_estimators=5)),
    (mlflow.lightgbm, lightgbm.LGBMClassifier(n_estimators=5, verbose=-1)),
):
    classifier.fit(features, species)
    with mlflow.start_run():
        signature = infer_signature(features, classifier.predict(features))
        flavor.log_model(classifier, name="model", signature=signature, input_example=features[::50])
