"""What the images promise: a model that the train image logs is served as it is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.contract import images_engine
from tests.contract.images_engine import REPOSITORY, Engine

FLAVORS = ["sklearn", "xgboost", "lightgbm"]
IMAGES = ["operator", "train", "serve"]

# The wheel without CUDA goes by another name.
DISTRIBUTIONS = {"xgboost": "xgboost-cpu"}


def pins(file: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)$", (REPOSITORY / file).read_text(), re.MULTILINE))


def test_what_both_images_hold_is_of_one_version_except_mlflow_itself() -> None:
    train, serve = pins("train-image/requirements.txt"), pins("serve-image/requirements.txt")
    different = {name for name in train.keys() & serve.keys() if train[name] != serve[name]}
    assert different == {"mlflow", "mlflow-skinny", "mlflow-tracing"}
    assert train.keys() <= serve.keys()


@pytest.mark.parametrize("image", ["train", "serve"])
def test_the_locks_obey_the_constraints(image: str) -> None:
    constraints, lock = pins("constraints.txt"), pins(f"{image}-image/requirements.txt")
    assert {name: lock.get(name) for name in constraints} == constraints


@pytest.fixture(scope="module")
def engine() -> Engine:
    found = images_engine.find()
    if found is None:
        tags = ", ".join(images_engine.tag(image) for image in IMAGES)
        pytest.fail(f"Neither docker nor podman holds {tags}: run `make images`.")
    return found


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the shared volume, with one folder for artifacts and one for the server's database."""
    folder = tmp_path_factory.mktemp("volume")
    for name in ("mlruns", "server"):
        (folder / name).mkdir()
        (folder / name).chmod(0o2777)  # containers write as 10001, whoever runs the tests
    return folder


@pytest.fixture(scope="module")
def models(engine: Engine, volume: Path) -> dict[str, Path]:
    """The folder of a model of each flavor below /mlruns, logged by the train image to an MLflow server."""
    mlruns = f"--volume={volume}/mlruns:/mlruns"
    server = engine.start(
        "serve",
        *("mlflow", "server", "--host=127.0.0.1", "--port=5000", "--workers=1"),
        *("--backend-store-uri=sqlite:////server/mlflow.db", "--serve-artifacts"),
        *("--artifacts-destination=file:///mlruns", "--default-artifact-root=file:///mlruns"),
        options=(
            mlruns,
            f"--volume={volume}/server:/server",
            "--env=MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false",
        ),
    )
    try:
        engine.wait_for(server, "Application startup complete")
        assert engine.ask(server, "http://127.0.0.1:5000/health") == (200, "OK")
        for script in ("examples/iris/train.py", "tests/contract/images_train_boosters.py"):
            train(engine, server, REPOSITORY / script, mlruns)
    finally:
        engine.remove(server)
    folders = [file.parent for file in (volume / "mlruns").glob("*/models/*/artifacts/MLmodel")]
    return {flavor_of(folder): folder.relative_to(volume / "mlruns") for folder in folders}


def train(engine: Engine, server: str, script: Path, mlruns: str) -> None:
    options = (
        mlruns,
        f"--volume={script}:/workspace/train.py:ro",
        "--env=MLFLOW_TRACKING_URI=http://127.0.0.1:5000",
    )
    engine.run("train", "python", "train.py", network=f"container:{server}", options=options)


def flavor_of(folder: Path) -> str:
    flavors = yaml.safe_load((folder / "MLmodel").read_text())["flavors"]
    return next(flavor for flavor in FLAVORS if flavor in flavors)


@pytest.fixture(scope="module", params=FLAVORS)
def flavor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def served(engine: Engine, volume: Path, models: dict[str, Path], flavor: str) -> Iterator[str]:
    """A container that serves the model of this flavor from a read-only volume, as the operator starts it."""
    container = engine.start(
        "serve",
        options=(
            f"--volume={volume}/mlruns:/mlruns:ro",
            f"--env=MODELCYCLE_MODEL_PATH=/mlruns/{models[flavor]}",
            f"--env=MODELCYCLE_MODEL_NAME={flavor}",
            "--env=MODELCYCLE_MODEL_VERSION=1",
        ),
    )
    try:
        engine.wait_for(container, "ready after")
        assert engine.ask(container, "http://127.0.0.1:3000/readyz") == (200, "ready\n")
        yield container
    finally:
        engine.remove(container)


PREDICT_IN_THE_TRAIN_IMAGE = """
import json, sys, mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
print(json.dumps(model.predict(model.metadata.load_input_example(sys.argv[1])).tolist()))
"""


def test_a_model_of_the_train_image_needs_no_install_and_answers_the_same_when_served(
    engine: Engine, volume: Path, models: dict[str, Path], flavor: str, served: str
) -> None:
    example = (volume / "mlruns" / models[flavor] / "serving_input_example.json").read_text()
    status, body = engine.ask(served, "http://127.0.0.1:3000/invocations", example)
    assert status == 200, body
    # As in a Job: without an address MLflow 3.13 keeps trying to make a database in the working folder.
    options = (f"--volume={volume}/mlruns:/mlruns:ro", "--env=MLFLOW_TRACKING_URI=http://127.0.0.1:5000")
    trained = engine.python("train", PREDICT_IN_THE_TRAIN_IMAGE, f"/mlruns/{models[flavor]}", options=options)
    assert json.loads(body) == {"predictions": trained}
    assert len(trained) >= 3


def test_the_serve_image_holds_what_the_model_requires(
    engine: Engine, volume: Path, models: dict[str, Path], flavor: str
) -> None:
    text = (volume / "mlruns" / models[flavor] / "requirements.txt").read_text()
    required = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)$", text, re.MULTILINE))
    assert required.pop("mlflow")
    assert flavor.replace("sklearn", "scikit-learn") in {name.removesuffix("-cpu") for name in required}
    names = json.dumps([DISTRIBUTIONS.get(name, name) for name in required])
    code = "import json, sys, importlib.metadata as m; print(json.dumps([m.version(n) for n in json.loads(sys.argv[1])]))"
    assert engine.python("serve", code, names) == list(required.values())


def test_what_a_job_writes_to_the_volume_its_group_may_change(volume: Path, models: dict[str, Path]) -> None:
    files = [file for file in (volume / "mlruns").rglob("*") if file.is_file()]
    assert len(files) >= len(models)
    assert [file for file in files if not file.stat().st_mode & 0o020] == []


IDENTITY = """
import json, os, sys
try:
    open("/opt/venv/written", "w"); root = "writable"
except OSError:
    root = "read-only"
open("/tmp/written", "w").close()
print(json.dumps([os.getuid(), os.getgid(), root, list(sys.version_info[:2])]))
"""


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_10001_on_a_read_only_root_by_python_3_11(engine: Engine, image: str) -> None:
    assert engine.python(image, IDENTITY) == [10001, 10001, "read-only", [3, 11]]
    (declared,) = json.loads(engine("image", "inspect", images_engine.tag(image)))
    assert declared["Config"]["User"] == "10001:10001"
    assert declared["Config"]["Labels"]["org.opencontainers.image.title"] == f"modelcycle {image}"


@pytest.mark.parametrize(
    ("image", "modules"),
    [
        ("operator", ["kopf", "modelcycle.__main__"]),
        ("train", ["mlflow", "sklearn", "xgboost", "lightgbm", "pandas", "matplotlib"]),
        ("serve", ["mlflow", "bentoml", "modelserver.service"]),
    ],
)
def test_bytecode_lies_in_the_image(engine: Engine, image: str, modules: list[str]) -> None:
    code = """
import importlib.util as util, json, os, sys
print(json.dumps([name for name in sys.argv[1:] if not os.path.exists(util.find_spec(name).cached)]))
"""
    assert engine.python(image, code, *modules) == []


def test_the_train_image_has_git(engine: Engine) -> None:
    assert engine.run("train", "git", "--version").startswith("git version 2.")
