"""One API server, one MLflow and one operator for the session; a namespace for each test."""

import contextlib
import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration import apiserver
from tests.integration.apiserver import ROOT, ApiServer, kubectl
from tests.integration.kube import Kube
from tests.integration.mlflow_server import MlflowServer
from tests.integration.process import Operator
from tests.integration.world import World

_numbers = itertools.count(1)


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[ApiServer]:
    """A real API server with our CRDs, and with no more rights for the operator than the chart gives it."""
    with apiserver.running(folder) as running:
        kubectl(running, "apply", "-f", str(ROOT / "crds"))
        _install_gateway_api(running)
        kubectl(running, "wait", "--for=condition=Established", "crd", "--all")
        kubectl(running, "create", "namespace", "modelcycle")
        kubectl(running, "apply", "-f", "-", text=_rights(running.commands))
        yield running


def _install_gateway_api(running: ApiServer) -> None:
    """Its real kinds; what would carry them out is not there."""
    folder = apiserver.folder_of("gateway-api")
    for kind in ("gateways", "httproutes"):
        file = folder / f"gateway.networking.k8s.io_{kind}.yaml"
        kubectl(running, "create", "-f", str(file))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with prepared(tmp_path_factory.mktemp("apiserver")) as running:
        yield running


def _rights(commands: Path) -> str:
    command = [str(commands / "helm"), "template", "modelcycle", str(ROOT / "charts/modelcycle")]
    command += [
        "--kube-version",
        "1.34.4",
        "--namespace",
        "modelcycle",
        "--show-only",
        "templates/operator-rbac.yaml",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    started = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def operator(server: ApiServer, mlflow: MlflowServer) -> Iterator[Operator]:
    started = Operator(server, mlflow)
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def kube(server: ApiServer) -> Kube:
    return Kube(server)


@pytest.fixture
def bare(server: ApiServer, kube: Kube, mlflow: MlflowServer, operator: Operator) -> Iterator[World]:
    """A namespace without a claim. Its deployments go afterwards: two rollouts at a time is all there is."""
    name = f"test-{next(_numbers)}"
    kubectl(server, "create", "namespace", name)
    # No controller makes the account that pods need.
    kubectl(server, "create", "serviceaccount", "default", "-n", name)
    yield World(server, kube, mlflow, operator, name)
    kubectl(server, "delete", "modeldeployments", "--all", "-n", name)


@pytest.fixture
def world(bare: World) -> World:
    """A namespace with the shared volume's claim."""
    bare.claim()
    return bare


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What judges the session's audit log comes last."""
    items.sort(key=lambda item: item.path.name == "test_rights.py")


@pytest.fixture
def registry_down(mlflow: MlflowServer) -> Iterator[Callable[[], None]]:
    """Stops MLflow when called; it is there again after the test."""
    yield mlflow.stop
    if mlflow.process is None:
        mlflow.start()
