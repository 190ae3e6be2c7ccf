"""BentoML as its documentation of bentoml.mlflow shows it."""

import bentoml
import numpy as np
import pandas as pd


@bentoml.service(name="documented")
class Documented:
    model_in_store = bentoml.models.BentoModel("m:latest")

    def __init__(self) -> None:
        self.model = bentoml.mlflow.load_model(self.model_in_store)

    @bentoml.api
    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        return self.model.predict(frame)
