"""A KServe Model as its documentation writes one."""

import argparse
import pickle
from pathlib import Path

import numpy as np
from kserve import Model, ModelServer, model_server


class Pickled(Model):
    def __init__(self, name: str, path: str) -> None:
        super().__init__(name)
        self.path = path

    def load(self) -> bool:
        self.model = pickle.loads(Path(self.path).read_bytes())
        self.ready = True
        return True

    def predict(self, payload: dict, headers: dict | None = None) -> dict:
        return {"predictions": self.model.predict(np.array(payload["instances"])).tolist()}


parser = argparse.ArgumentParser(parents=[model_server.parser])
parser.add_argument("--pickle", required=True)
args, _ = parser.parse_known_args()
model = Pickled("m", args.pickle)
model.load()
ModelServer(access_log_format=None).start([model])
