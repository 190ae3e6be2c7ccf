"""The table of fixtures: what a model's own library answers to an array is what pyfunc answers to the request."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import numpy as np
import pandas as pd
import pytest
import xgboost
from mlflow.models import infer_signature
from mlflow.pyfunc import scoring_server
from modelserver.model import load, prove
from modelserver.scoring import invocations, plain_invocations
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

FRAME, SPECIES = load_iris(return_X_y=True, as_frame=True)
FRAME.columns = ["sl", "sw", "pl", "pw"]
ARRAY = FRAME.to_numpy()
WORDS = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
COUNTED = FRAME.assign(pl=FRAME["pl"].round().astype("int64"))
WHOLE = FRAME.round().astype("int64")
NAMED, BINARY = FRAME.assign(pw=FRAME["pw"].gt(1).map({True: "wide", False: "slim"})), SPECIES.clip(upper=1)
ROWS = [0, 60, 149]


class MadeAtHome(LogisticRegression):  # type: ignore[misc]
    """A user's own estimator may do anything with a DataFrame."""


def booster(data: Any, categorical: bool = False) -> xgboost.Booster:
    matrix = xgboost.DMatrix(data, SPECIES, enable_categorical=categorical)
    return xgboost.train({"objective": "multi:softprob", "num_class": 3}, matrix, 5)


def stopped_early() -> Any:
    """Trained on after its best round, so that fewer trees answer than it has."""
    model = xgboost.XGBRegressor(n_estimators=50, early_stopping_rounds=2, learning_rate=1)
    model.fit(FRAME, SPECIES, eval_set=[(FRAME, SPECIES[::-1])], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    return model


def by_columns() -> Any:
    choose = ColumnTransformer([("words", OneHotEncoder(), ["pw"])], remainder="passthrough")
    return make_pipeline(choose, LogisticRegression(max_iter=500))


def save(folder: Path, flavor: Any, model: Any, data: Any, signed: bool = True, **saved: Any) -> Path:
    signature = infer_signature(data, None, saved.pop("params", None)) if signed else None
    if flavor is SKLEARN or isinstance(model, lightgbm.LGBMModel):
        saved.setdefault("serialization_format", "cloudpickle")
    flavor.save_model(
        model, folder, signature=signature, input_example=data[:2], pip_requirements=["mlflow"], **saved
    )
    return folder


def requests(data: Any) -> list[dict[str, Any]]:
    if not isinstance(data, pd.DataFrame):
        return [{"inputs": data[ROWS].tolist()}, {"instances": data[ROWS].tolist()}]
    some = data.iloc[ROWS]
    records = some.to_dict("records")
    return [
        {"dataframe_split": {"columns": list(data.columns), "data": some.to_numpy().tolist()}},
        {
            "dataframe_split": {
                "columns": list(data.columns)[::-1],
                "data": some[list(data.columns)[::-1]].to_numpy().tolist(),
            }
        },
        {"dataframe_records": records},
        {"instances": records},
        {"inputs": records},
        {"inputs": some.to_dict("list")},
    ]


SKLEARN: Any = mlflow.sklearn
XGBOOST: Any = mlflow.xgboost
LIGHTGBM: Any = mlflow.lightgbm
Make = Callable[[], Any]
# Native: does the library itself answer? Otherwise pyfunc does.
TABLE: list[Any] = [
    pytest.param(True, SKLEARN, lambda: LogisticRegression(max_iter=500).fit(FRAME, SPECIES), FRAME, {}, id="sklearn"),
    pytest.param(True, SKLEARN, lambda: LogisticRegression(max_iter=500).fit(FRAME, WORDS), FRAME, {}, id="sklearn, words"),
    pytest.param(True, SKLEARN, lambda: LogisticRegression(max_iter=500).fit(ARRAY, SPECIES), ARRAY, {}, id="sklearn, array"),
    pytest.param(True, SKLEARN, lambda: LogisticRegression(max_iter=500).fit(ARRAY, SPECIES), ARRAY, {"signed": False}, id="sklearn, no signature"),
    pytest.param(True, SKLEARN, lambda: LogisticRegression(max_iter=500).fit(COUNTED, SPECIES), COUNTED, {}, id="sklearn, counts beside doubles"),
    pytest.param(True, SKLEARN, lambda: RandomForestClassifier(5).fit(WHOLE, SPECIES), WHOLE, {}, id="sklearn, whole numbers"),
    pytest.param(True, SKLEARN, lambda: Ridge().fit(FRAME.astype("float32"), SPECIES), FRAME.astype("float32"), {}, id="sklearn, 32 bits"),
    pytest.param(True, SKLEARN, lambda: make_pipeline(StandardScaler(), GradientBoostingRegressor()).fit(FRAME, SPECIES), FRAME, {}, id="sklearn, pipeline"),
    pytest.param(True, SKLEARN, lambda: DecisionTreeClassifier().fit(FRAME, SPECIES), FRAME, {"pyfunc_predict_fn": "predict_proba"}, id="sklearn, predict_proba"),
    pytest.param(True, SKLEARN, lambda: DecisionTreeClassifier().fit(FRAME, SPECIES), FRAME, {"pyfunc_predict_fn": "predict_log_proba"}, id="sklearn, predict_log_proba (infinite)"),
    pytest.param(True, SKLEARN, lambda: RandomForestClassifier(3).fit(FRAME, np.c_[SPECIES, SPECIES]), FRAME, {"pyfunc_predict_fn": "predict_proba"}, id="sklearn, a list of arrays"),
    pytest.param(True, SKLEARN, lambda: LogisticRegression(max_iter=500).fit(FRAME, SPECIES), FRAME, {"params": {"k": 1}}, id="sklearn, params"),
    pytest.param(True, SKLEARN, lambda: LogisticRegression(max_iter=500).fit(FRAME, SPECIES), FRAME, {"serialization_format": "skops"}, id="sklearn, skops"),
    pytest.param(True, SKLEARN, lambda: LogisticRegression(max_iter=500).fit(FRAME, SPECIES), FRAME, {"serialization_format": "pickle"}, id="sklearn, pickle"),
    pytest.param(False, SKLEARN, lambda: MadeAtHome(max_iter=500).fit(FRAME, SPECIES), FRAME, {}, id="sklearn, made at home"),
    pytest.param(False, SKLEARN, lambda: by_columns().fit(NAMED, BINARY), NAMED, {}, id="sklearn, columns by name"),
    pytest.param(False, SKLEARN, lambda: make_pipeline(FunctionTransformer(), Ridge()).fit(FRAME, SPECIES), FRAME, {}, id="sklearn, a function"),
    pytest.param(False, SKLEARN, lambda: make_pipeline(StandardScaler().set_output(transform="pandas"), Ridge()).fit(FRAME, SPECIES), FRAME, {}, id="sklearn, DataFrames inside"),
    pytest.param(True, XGBOOST, lambda: xgboost.XGBClassifier(n_estimators=5).fit(FRAME, SPECIES), FRAME, {}, id="xgboost"),
    pytest.param(True, XGBOOST, lambda: xgboost.XGBRegressor(n_estimators=5).fit(ARRAY, SPECIES), ARRAY, {}, id="xgboost, array"),
    pytest.param(True, XGBOOST, lambda: xgboost.XGBClassifier(n_estimators=5).fit(FRAME, BINARY), FRAME, {}, id="xgboost, two classes"),
    pytest.param(True, XGBOOST, lambda: xgboost.XGBClassifier(n_estimators=5, objective="binary:hinge").fit(FRAME, BINARY), FRAME, {}, id="xgboost, hinge"),
    pytest.param(True, XGBOOST, lambda: xgboost.XGBClassifier(n_estimators=5, objective="multi:softmax").fit(FRAME, SPECIES), FRAME, {}, id="xgboost, softmax"),
    pytest.param(True, XGBOOST, lambda: xgboost.XGBClassifier(n_estimators=5).fit(ARRAY, np.eye(3, dtype=int)[SPECIES]), ARRAY, {}, id="xgboost, several labels"),
    pytest.param(True, XGBOOST, stopped_early, FRAME, {}, id="xgboost, stopped early"),
    pytest.param(True, XGBOOST, lambda: xgboost.XGBRegressor(n_estimators=5, missing=1.4).fit(FRAME, SPECIES), FRAME, {}, id="xgboost, a number for missing"),
    pytest.param(True, XGBOOST, lambda: xgboost.XGBRFClassifier(n_estimators=5).fit(FRAME, SPECIES), FRAME, {}, id="xgboost, a forest"),
    pytest.param(False, XGBOOST, lambda: xgboost.XGBRegressor(n_estimators=5, booster="gblinear").fit(FRAME, SPECIES), FRAME, {}, id="xgboost, linear"),
    pytest.param(True, XGBOOST, lambda: booster(FRAME), FRAME, {}, id="xgboost booster"),
    pytest.param(True, XGBOOST, lambda: booster(ARRAY), ARRAY, {"signed": False}, id="xgboost booster, no signature"),
    pytest.param(False, XGBOOST, lambda: xgboost.XGBClassifier(n_estimators=5).fit(FRAME, SPECIES), FRAME, {"params": {"output_margin": True}}, id="xgboost, params"),
    pytest.param(True, LIGHTGBM, lambda: lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(FRAME, SPECIES), FRAME, {}, id="lightgbm"),
    pytest.param(True, LIGHTGBM, lambda: lightgbm.train({"verbose": -1}, lightgbm.Dataset(FRAME, SPECIES), 5), FRAME, {}, id="lightgbm booster"),
    pytest.param(True, LIGHTGBM, lambda: lightgbm.train({"verbose": -1}, lightgbm.Dataset(ARRAY, SPECIES), 5), ARRAY, {"signed": False}, id="lightgbm booster, no signature"),
]  # fmt: skip


@pytest.mark.parametrize(("native", "flavor", "make", "data", "saved"), TABLE)
def test_native_answers_what_pyfunc_answers(
    tmp_path: Path, native: bool, flavor: Any, make: Make, data: Any, saved: dict[str, Any]
) -> None:
    folder = save(tmp_path / "model", flavor, make(), data, **dict(saved))
    model = load(folder)
    assert (model.native is not None) == native
    prove(model)
    pyfunc = mlflow.pyfunc.load_model(str(folder))
    for request in requests(data):
        body = json.dumps(request).encode()
        expected = scoring_server.invocations(
            body, "application/json", pyfunc, pyfunc.metadata.get_input_schema()
        )
        assert json.loads(invocations(model, body)) == json.loads(expected.response)
        if native:
            assert plain_invocations(model, body) is not None


def test_params_in_a_request_are_mlflows_to_judge(tmp_path: Path) -> None:
    model = load(save(tmp_path / "model", SKLEARN, Ridge().fit(FRAME, SPECIES), FRAME))
    body = json.dumps({**requests(FRAME)[0], "params": {"k": 1}}).encode()
    assert plain_invocations(model, body) is None
    assert len(json.loads(invocations(model, body))["predictions"]) == len(ROWS)


def test_the_columns_a_model_was_fitted_with_are_the_signatures_or_pyfunc_says_so(tmp_path: Path) -> None:
    turned = FRAME[list(FRAME.columns)[::-1]]
    assert (
        load(save(tmp_path / "model", SKLEARN, Ridge().fit(turned, SPECIES), ARRAY[:, ::-1])).native
        is not None
    )
    other = Ridge().fit(turned, SPECIES)
    folder = tmp_path / "other"
    mlflow.sklearn.save_model(other, folder, signature=infer_signature(FRAME), pip_requirements=["mlflow"])
    assert load(folder).native is None
