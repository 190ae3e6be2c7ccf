"""Where the time of one prediction goes: its stages, measured in a process of their own."""

import json
import os
import subprocess
from pathlib import Path

from benchmarks.serve import models
from benchmarks.serve.peers import PYTHON, REPOSITORY

_MEASURE = """
import json, sys, time
from pathlib import Path

import orjson
from modelserver.answers import predictions_to_json
from modelserver.cpus import alone
from modelserver.model import load

model, body = load(Path(sys.argv[1])), sys.argv[2].encode()
alone()
payload = orjson.loads(body)
rows = model.read(payload)
answer = model.predict_array(rows)
stages = {
    "reading JSON": lambda: orjson.loads(body),
    "checking it by the signature": lambda: model.read(payload),
    "predict": lambda: model.predict_array(rows),
    "writing JSON": lambda: predictions_to_json(answer),
}
def microseconds(stage):
    best = float("inf")
    for _ in range(50):
        began = time.perf_counter()
        for _ in range(20):
            stage()
        best = min(best, (time.perf_counter() - began) / 20)
    return 1e6 * best
print(json.dumps({name: microseconds(stage) for name, stage in stages.items()}))
"""


def stages(folder: Path) -> dict[str, float]:
    """Microseconds of each stage of one row, as this image's server takes it, but for HTTP."""
    env = os.environ | {"PYTHONPATH": str(REPOSITORY / "serve-image/service")}
    command = [PYTHON, "-c", _MEASURE, str(folder / "mlflow"), models.as_split(models.rows(1))]
    said = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    measured: dict[str, float] = json.loads(said)
    return measured
