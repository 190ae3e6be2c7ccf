"""The operator's settings from its environment."""

import pytest
from modelcycle.settings import Settings, read

NEEDED = {
    "MODELCYCLE_TRACKING_URI": "http://mlflow:5000/",
    "MODELCYCLE_TRAIN_IMAGE": "train:1",
    "MODELCYCLE_SERVE_IMAGE": "serve:1",
}


def with_variables(**variables: str) -> Settings:
    return read(
        NEEDED
        | {
            name if name.startswith("POD_") else f"MODELCYCLE_{name}": value
            for name, value in variables.items()
        }
    )


def test_three_variables_are_enough() -> None:
    settings = with_variables(POD_NAME="operator-0")
    assert settings == Settings("http://mlflow:5000", "train:1", "serve:1", pod_name="operator-0")


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(SystemExit, match=f"{name} is not set"):
        read({key: value for key, value in NEEDED.items() if key != name})


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("CLAIM_NAME", "other", "claim_name", "other"),
        ("MOUNT_PATH", "/models/", "mount_path", "/models"),
        ("IMAGE_PULL_POLICY", "Always", "image_pull_policy", "Always"),
        ("REGISTRY_SECRET", "mlflow", "registry_secret", "mlflow"),
        ("NAMESPACES", "a, b ,,c", "namespaces", ("a", "b", "c")),
        ("NAMESPACES", "", "namespaces", ()),
        ("POLL_SECONDS", "0.5", "poll_seconds", 0.5),
        ("WORKERS", "4", "workers", 4),
        ("PORT", "9090", "port", 9090),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("LOG_FORMAT", "plain", "log_format", "plain"),
        ("LEASE_NAME", "modelcycle", "lease_name", "modelcycle"),
        ("POD_NAME", "operator-0", "pod_name", "operator-0"),
        ("POD_NAMESPACE", "system", "namespace", "system"),
    ],
)
def test_a_setting_is_read_from_its_variable(variable: str, value: str, field: str, expected: object) -> None:
    assert getattr(with_variables(**{variable: value}), field) == expected


@pytest.mark.parametrize("variable", ["POLL_SECONDS", "WORKERS", "PORT"])
def test_a_number_that_is_none_is_named(variable: str) -> None:
    with pytest.raises(SystemExit, match=f"MODELCYCLE_{variable} is 'many': it has to be a number"):
        with_variables(**{variable: "many"})


def test_a_pull_policy_that_is_none_is_named_with_those_that_are() -> None:
    with pytest.raises(SystemExit, match="'Sometimes': it has to be one of Always, IfNotPresent, Never"):
        with_variables(IMAGE_PULL_POLICY="Sometimes")
