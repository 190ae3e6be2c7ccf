"""What is said of a version that can be served, and where it cannot because of its Python."""

import platform
import sys
from pathlib import Path
from typing import Any

import pytest
from modelserver.failures import NeverServableError
from modelserver.model import load
from modelserver.notes import notes
from modelserver.signature import Description

THIS = platform.python_version()
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"


def logged_by(python: str, **example: Any) -> Description:
    flavors = {"python_function": {"python_version": python}}
    return Description(flavors, None, [], [], [], example or {"artifact_path": "input_example.json"})


@pytest.mark.parametrize("python", [THIS, f"{MINOR}.99", ""])
def test_the_same_minor_python_is_no_other(python: str) -> None:
    assert notes(logged_by(python)) == ""


def test_another_minor_python_is_named_beside_this_one() -> None:
    said = notes(logged_by("3.9.18"))
    assert said == f"It was logged by Python 3.9.18, and this image runs Python {THIS}."


def test_a_load_that_fails_under_another_python_names_both_and_the_cure(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(
        "flavors: {python_function: {loader_module: no_such_module, python_version: 3.9.18}}"
    )
    with pytest.raises(
        NeverServableError, match=rf"no_such_module.*Python 3\.9\.18.*runs Python {THIS}.*`image`"
    ):
        load(tmp_path)


def test_a_model_without_an_example_says_that_loading_is_all(tmp_path: Path) -> None:
    said = notes(Description({}, None, [], [], [], {}))
    assert said == "It was logged without an input example: loading is all that is proven."
