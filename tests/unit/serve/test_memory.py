"""A big model takes little more memory than its size while it is loaded.

BIG_MODEL_MEGABYTES makes it larger: `make test-faults` loads one of a gigabyte.
"""

import ctypes
import mmap
import os
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import numpy as np
import pytest
from modelserver.readahead import read_ahead
from sklearn.linear_model import LinearRegression

from tests.unit.serve.process import SERVICE

MEGABYTES = int(os.environ.get("BIG_MODEL_MEGABYTES", "200"))
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


def cached_pages(file: Path) -> int:
    """Of `file`, the pages that the kernel holds in memory (mincore(2))."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        pages = (ctypes.c_ubyte * -(-len(mapped) // mmap.PAGESIZE))()
        start = ctypes.c_char.from_buffer(mapped)
        failed = ctypes.CDLL(None).mincore(ctypes.byref(start), ctypes.c_size_t(len(mapped)), pages)
        del start  # or the map could not be closed
    assert not failed
    return sum(page & 1 for page in pages)


def test_a_model_is_read_by_the_kernel_before_it_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "model" / "model.pkl"
    file.parent.mkdir()
    file.write_bytes(os.urandom(8 * 2**20))
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    whole = 8 * 2**20 // mmap.PAGESIZE
    if cached_pages(file) == whole:
        pytest.skip(f"{tmp_path} lies on a file system in memory")
    read_ahead(tmp_path)
    deadline = time.monotonic() + 30
    while cached_pages(file) < whole:
        assert time.monotonic() < deadline


def test_the_model_is_not_in_memory_twice_while_it_is_loaded(tmp_path: Path) -> None:
    small, big = saved(tmp_path / "small", 1), saved(tmp_path / "big", MEGABYTES)
    ratio = (peak(big) - peak(small)) / MEGABYTES
    print(f"loading {MEGABYTES} MiB took {ratio:.2f} times as much memory at its peak")  # noqa: T201 (test-faults shows it)
    assert ratio < 1.3
