"""The init container and the server of the serve image, as a pod starts them: restricted, without a network."""

import json
from pathlib import Path

import pytest

from tests.contract import images_engine
from tests.contract.images_engine import Engine
from tests.unit.serve.models import scripted
from tests.unit.serve.wheels import wheel

ANSWERS = """
def predict(self, context, model_input, params=None):
    import made_up
    return [float(made_up.__version__)] * len(model_input)
"""
ROW = json.dumps({"dataframe_split": {"columns": ["x"], "data": [[1.0]]}})


@pytest.fixture
def engine() -> Engine:
    found = images_engine.find()
    assert found, "Neither docker nor podman holds the images: run `make images`."
    return found


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A model that imports a package which only the wheelhouse of the shared volume has."""
    for name in ("mlruns", "cache", "pod"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o2777)  # containers write as 10001, whoever runs the tests
    folder = scripted(tmp_path / "mlruns" / "model", ANSWERS)
    (folder / "requirements.txt").write_text("mlflow==2.12.2\nmade-up==1.5\n")
    wheel(tmp_path / "cache" / "wheelhouse", "made-up", "1.5")
    return tmp_path


def test_what_the_init_container_installs_offline_is_what_the_server_reads(
    engine: Engine, volume: Path
) -> None:
    shared = (
        f"--volume={volume}/mlruns:/mlruns:ro",
        f"--volume={volume}/pod:/pod",
        "--env=MODELCYCLE_MODEL_PATH=/mlruns/model",
        "--env=MODELCYCLE_PREPARED=/pod/prepared.json",
        "--env=MODELCYCLE_REQUIREMENTS=Install",
    )
    prepare = ("python", "-m", "modelserver.prepare")
    engine.run("serve", *prepare, options=(*shared, f"--volume={volume}/cache:/cache"))
    (entry,) = (volume / "cache" / "environments").iterdir()
    assert entry.stat().st_mode & 0o070 == 0o070  # its group may collect it
    server = engine.start("serve", options=(*shared, f"--volume={volume}/cache:/cache:ro"))
    try:
        engine.wait_for(server, "ready after")
        status, body = engine.ask(server, "http://127.0.0.1:3000/invocations", ROW)
        assert (status, json.loads(body)) == (200, {"predictions": [1.5]})
    finally:
        engine.remove(server)
