"""Files of a version that are not on the mount: from an S3 store, and through a real MLflow server's proxy."""

import contextlib
import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.apiserver import ROOT, free_ports
from tests.integration.kube import eventually
from tests.integration.mlflow_server import MlflowServer
from tests.tools import python_with

S3 = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "anything", "AWS_DEFAULT_REGION": "eu-west-1"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 store, moto, that holds the bucket `models`."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    moto = python_with("moto[server]==5.2.2").parent / "moto_server"
    with subprocess.Popen(
        [moto, "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            eventually(lambda: put(f"{url}/models"), "the S3 store answers", 60)
            yield url
        finally:
            process.kill()


def put(url: str, content: bytes = b"") -> bool:
    request = urllib.request.Request(url, content, {"Content-Type": "application/octet-stream"}, method="PUT")
    with contextlib.suppress(OSError):
        urllib.request.urlopen(request, timeout=10).close()
        return True
    return False


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's files, one of them in a folder and of some size."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "MLmodel").write_text("flavors: {}\n")
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "data" / "deep" / "weights 1.bin").write_bytes(os.urandom(10_000_000))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def on_s3(s3: str, model: Path) -> str:
    for path, content in files(model).items():
        assert put(f"{s3}/models/1/artifacts/{path.replace(' ', '%20')}", content)
    return "s3://models/1/artifacts"


@pytest.fixture
def proxied(mlflow: MlflowServer, model: Path) -> str:
    shutil.copytree(model, mlflow.mlruns / "laptop" / "artifacts", dirs_exist_ok=True)
    return "mlflow-artifacts:/laptop/artifacts"


class Pod:
    """The init container of a pod that cannot see the model's files."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        self.env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "serve-image" / "service"),
            "MODELCYCLE_MODEL_PATH": "/mlruns/elsewhere",
            "MODELCYCLE_CACHE": str(folder / "cache"),
            "MODELCYCLE_PREPARED": str(folder / "prepared.json"),
            **env,
        }
        (folder / "cache").mkdir()

    def prepare(self, uri: str, **env: str) -> tuple[int, str]:
        """The exit code and the last line of stderr."""
        (self.folder / "prepared.json").unlink(missing_ok=True)
        command = ["python", "-m", "modelserver.prepare"]
        environment = {**self.env, "MODELCYCLE_MODEL_URI": uri, **env}
        python = str(ROOT / ".venv" / "bin" / "python")
        done = subprocess.run(
            [python, *command[1:]], env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, (done.stderr.splitlines() or [""])[-1]

    def model(self) -> Path:
        return Path(json.loads((self.folder / "prepared.json").read_text())["model"])


def test_a_version_on_s3_is_fetched_once_and_is_there_while_the_store_is_not(
    tmp_path: Path, s3: str, on_s3: str, model: Path
) -> None:
    pod = Pod(tmp_path, **S3)
    code, said = pod.prepare(on_s3, MLFLOW_S3_ENDPOINT_URL=s3)
    assert code == 0, said
    assert files(pod.model()) == files(model)
    code, said = pod.prepare(on_s3, MLFLOW_S3_ENDPOINT_URL="http://127.0.0.1:9")
    assert code == 0, said


def test_a_copy_that_is_damaged_is_fetched_again(tmp_path: Path, s3: str, on_s3: str, model: Path) -> None:
    pod = Pod(tmp_path, MLFLOW_S3_ENDPOINT_URL=s3, **S3)
    pod.prepare(on_s3)
    (pod.model() / "data" / "deep" / "weights 1.bin").write_bytes(b"cut")
    assert pod.prepare(on_s3)[0] == 0
    assert files(pod.model()) == files(model)


def test_a_version_behind_mlflows_proxy_is_fetched_through_the_server(
    tmp_path: Path, mlflow: MlflowServer, proxied: str, model: Path
) -> None:
    pod = Pod(tmp_path, MLFLOW_TRACKING_URI=mlflow.url)
    code, said = pod.prepare(proxied)
    assert code == 0, said
    assert files(pod.model()) == files(model)


def test_a_version_whose_files_are_gone_is_never_servable(
    tmp_path: Path, s3: str, mlflow: MlflowServer
) -> None:
    pod = Pod(tmp_path, MLFLOW_S3_ENDPOINT_URL=s3, MLFLOW_TRACKING_URI=mlflow.url, **S3)
    for uri in ("s3://models/gone", "s3://no-such-bucket/gone", "mlflow-artifacts:/gone"):
        code, said = pod.prepare(uri)
        assert (code, uri in said, "Train and register another version." in said) == (3, True, True), said


@pytest.mark.parametrize("uri", ["s3://models/1", "mlflow-artifacts:/laptop"])
def test_a_store_that_does_not_answer_is_no_verdict_on_the_version(tmp_path: Path, uri: str) -> None:
    nobody = "http://127.0.0.1:9"
    pod = Pod(tmp_path, MLFLOW_S3_ENDPOINT_URL=nobody, MLFLOW_TRACKING_URI=nobody, **S3)
    code, said = pod.prepare(uri)
    assert code == 1, said
    assert f"The model at {uri} could not be fetched" in said
    assert "spec.env" in said
