"""Which of a model's requirements the image, here the tests' own packages, does not meet."""

import pickle
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from modelserver.requirements import unmet


def model(folder: Path, *lines: str, **files: bytes) -> Path:
    (folder / "requirements.txt").write_text("\n".join(lines))
    (folder / "MLmodel").write_text("flavors: {}  # pyyaml yaml.")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


HELD = [f"{name}=={metadata.version(name)}" for name in ("numpy", "pandas")]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(HELD[0], id="the same version"),
        pytest.param("SciKit_Learn>=1.0,<2", id="a range, by another spelling"),
        pytest.param("numpy", id="any version"),
        pytest.param("mlflow==2.12.2", id="MLflow of any version"),
        pytest.param("mlflow-skinny==2.12.2", id="the small MLflow"),
        pytest.param("bentoml==1.0.0", id="BentoML of any version"),
        pytest.param("pip<23", id="pip"),
        pytest.param("pywin32==300; sys_platform == 'win32'", id="what another platform needs"),
        pytest.param("# numpy==1.0", id="a comment"),
        pytest.param("numpy # any", id="with a comment"),
        pytest.param("psutil==1.0", id="the server's own, which the model's files never name"),
        pytest.param("pyyaml==5.1", id="the server's own, which MLflow's lists alone name"),
        pytest.param("", id="nothing"),
    ],
)
def test_the_image_meets(tmp_path: Path, line: str) -> None:
    assert unmet(model(tmp_path, line)).requirements == ()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("scikit-learn==1.4.2", id="another version"),
        pytest.param("no-such-package==1", id="what it lacks"),
        pytest.param("pandas[excel]", id="an extra"),
        pytest.param("wheels/own-1.0-py3-none-any.whl", id="a path"),
    ],
)
def test_the_image_does_not_meet(tmp_path: Path, line: str) -> None:
    assert unmet(model(tmp_path, *HELD, line)).requirements == (line,)


@pytest.mark.parametrize(
    "content",
    [
        *(pickle.dumps(yaml.YAMLError("x"), protocol) for protocol in range(6)),
        b"import os, yaml\n",
        b"from yaml.nodes import Node\n",
    ],
)
def test_a_package_of_the_servers_counts_where_a_file_of_the_model_names_it(
    tmp_path: Path, content: bytes
) -> None:
    folder = model(tmp_path, "pyyaml==5.1", psutil_notes=b"", code=content)
    assert unmet(folder).requirements == ("pyyaml==5.1",)


def test_options_go_with_what_is_installed(tmp_path: Path) -> None:
    found = unmet(
        model(tmp_path, "--extra-index-url https://packages.example.org", "-c constraints.txt", "nosuch")
    )
    assert found.requirements == ("nosuch",)
    assert found.options == ("--extra-index-url https://packages.example.org", "-c constraints.txt")


def test_a_model_without_a_list_needs_nothing(tmp_path: Path) -> None:
    assert unmet(tmp_path).requirements == ()
