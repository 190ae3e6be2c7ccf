"""A big model takes little more memory than its size while it is loaded."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
from sklearn.linear_model import LinearRegression

from tests.unit.serve.process import SERVICE

MEGABYTES = 200
LOAD = """
import sys
from pathlib import Path
from modelserver.model import load
model = load(Path(sys.argv[1]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def saved(folder: Path, megabytes: int) -> Path:
    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    model.coef_ = np.ones(megabytes * 2**20 // 8)
    mlflow.sklearn.save_model(model, folder, serialization_format="pickle", pip_requirements=["scikit-learn"])
    return folder


def peak(folder: Path) -> float:
    """Megabytes that a process held at most while it loaded the model."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SERVICE)}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, folder], env=env, capture_output=True, text=True, check=True
    )
    return int(done.stdout) / 1024


def test_the_model_is_not_in_memory_twice_while_it_is_loaded(tmp_path: Path) -> None:
    small, big = saved(tmp_path / "small", 1), saved(tmp_path / "big", MEGABYTES)
    assert peak(big) - peak(small) < 1.3 * MEGABYTES
