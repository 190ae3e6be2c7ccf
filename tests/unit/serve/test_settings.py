from pathlib import Path

import pytest
from modelserver.settings import Settings

PATH = {"MODELCYCLE_MODEL_PATH": "/mlruns/1/models/m-1/artifacts"}


def test_the_model_path_is_all_that_must_be_set() -> None:
    settings = Settings.from_env(PATH)
    assert settings.model_path == Path("/mlruns/1/models/m-1/artifacts")
    assert (settings.host, settings.port) == ("0.0.0.0", 3000)
    assert (settings.drain_seconds, settings.self_test_timeout) == (5, 30)


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, "MODELCYCLE_MODEL_PATH"),
        ({"MODELCYCLE_MODEL_PATH": "mlruns/1"}, "MODELCYCLE_MODEL_PATH is 'mlruns/1'"),
        ({**PATH, "PORT": "http"}, "PORT is 'http'"),
        ({**PATH, "MODELCYCLE_DRAIN_SECONDS": "-1"}, "MODELCYCLE_DRAIN_SECONDS is '-1'"),
        ({**PATH, "MODELCYCLE_SELF_TEST_TIMEOUT_SECONDS": "inf"}, "MODELCYCLE_SELF_TEST_TIMEOUT_SECONDS"),
        ({**PATH, "MODELCYCLE_SELF_TEST_MODE": "Guess"}, "MODELCYCLE_SELF_TEST_MODE is 'Guess'"),
        ({**PATH, "MODELCYCLE_TRUST": "Some"}, "MODELCYCLE_TRUST is 'Some'"),
    ],
)
def test_a_wrong_variable_is_named_with_its_cure(env: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match="set it to") as refused:
        Settings.from_env(env)
    assert str(refused.value).startswith(named)


def test_a_model_that_is_fetched_needs_no_path() -> None:
    settings = Settings.from_env({"MODELCYCLE_MODEL_PATH": "", "MODELCYCLE_MODEL_URI": "s3://bucket/m-1"})
    assert settings.model_uri == "s3://bucket/m-1"


def test_without_the_operator_nothing_is_installed_and_everything_is_trusted() -> None:
    settings = Settings.from_env(PATH)
    assert (settings.requirements, settings.self_test, settings.trust) == ("Image", "Predict", "Any")
