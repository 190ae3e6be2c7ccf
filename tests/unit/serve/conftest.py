"""Models as MLflow saves them, made once; the serving code is importable as it is in the image."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
SERVICE = REPOSITORY / "serve-image" / "service"
sys.path.insert(0, str(SERVICE))

from tests.unit.serve import models  # noqa: E402
from tests.unit.serve.process import ServingProcess  # noqa: E402


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scikit-learn classifier with named columns, a signature and an example."""
    return models.iris(tmp_path_factory.mktemp("iris") / "model")


@pytest.fixture(scope="session")
def server(iris: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServingProcess]:
    """A process that serves `iris`, with all its defaults but for the largest body."""
    process = ServingProcess(iris, tmp_path_factory.mktemp("server"), MODELCYCLE_MAX_BODY_BYTES="100000")
    yield process.ready().unheard()
    process.kill()


@pytest.fixture(scope="session")
def array(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scikit-learn classifier whose signature is a tensor of two numbers a row."""
    return models.array(tmp_path_factory.mktemp("array") / "model")
