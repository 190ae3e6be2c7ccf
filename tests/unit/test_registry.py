"""What a reference means in the light of the registry, and where a version's files are."""

import pytest
from modelcycle.api.modeldeployment import FollowedModel
from modelcycle.registry import RegisteredModel, describe, locate, resolve

from tests.builders.registry import a_registered_model, a_version
from tests.builders.resources import ModelDeploymentBuilder, a_model_deployment

ALIAS = a_model_deployment().following_alias("champion")
VERSION = a_model_deployment().following_version(2)
LATEST = a_model_deployment().following_latest()
THREE = a_registered_model(a_version(1), a_version(2), a_version(3), champion=2)


def reference(deployment: ModelDeploymentBuilder) -> FollowedModel:
    return deployment.build().spec.model


@pytest.mark.parametrize(
    ("deployment", "model", "number"),
    [
        pytest.param(ALIAS, THREE, 2, id="an alias is the version it points to"),
        pytest.param(VERSION, THREE, 2, id="a version is itself"),
        pytest.param(
            a_model_deployment().following_version("2"), THREE, 2, id="a version may be written as text"
        ),
        pytest.param(LATEST, THREE, 3, id="latest is the highest"),
        pytest.param(
            LATEST,
            a_registered_model(a_version(9), a_version(10)),
            10,
            id="latest compares numbers, not their spelling",
        ),
        pytest.param(
            LATEST,
            a_registered_model(a_version(1), a_version(2, status="PENDING_REGISTRATION")),
            1,
            id="latest passes over what is not READY",
        ),
    ],
)
def test_of_references(deployment: ModelDeploymentBuilder, model: RegisteredModel, number: int) -> None:
    resolution = resolve(reference(deployment), model)
    assert resolution.version
    assert (resolution.version.number, resolution.reason) == (number, "Resolved")


@pytest.mark.parametrize(
    ("deployment", "model", "reason", "says"),
    [
        pytest.param(ALIAS, None, "ModelNotFound", "no registered model 'iris'", id="there is no such model"),
        pytest.param(
            ALIAS,
            a_registered_model(a_version(1)),
            "AliasNotFound",
            "no alias 'champion'",
            id="no such alias",
        ),
        pytest.param(
            VERSION, a_registered_model(a_version(1)), "VersionNotFound", "no version 2", id="no such version"
        ),
        pytest.param(
            ALIAS,
            a_registered_model(a_version(1), champion=7),
            "VersionNotFound",
            "no version 7",
            id="the alias points to nothing",
        ),
        pytest.param(
            ALIAS,
            a_registered_model(a_version(1, status="FAILED_REGISTRATION"), champion=1),
            "VersionNotReady",
            "Version 1 of model 'iris' is FAILED_REGISTRATION",
            id="the version is not READY",
        ),
        pytest.param(
            LATEST, a_registered_model(), "VersionNotFound", "READY", id="there is no version at all"
        ),
        pytest.param(
            LATEST,
            a_registered_model(a_version(1, status="PENDING_REGISTRATION")),
            "VersionNotFound",
            "READY",
            id="no version is READY",
        ),
    ],
)
def test_a_reference_means_nothing_and_says_why_when(
    deployment: ModelDeploymentBuilder, model: RegisteredModel | None, reason: str, says: str
) -> None:
    resolution = resolve(reference(deployment), model)
    assert resolution.version is None
    assert resolution.reason == reason
    assert says in resolution.message


def test_neither_an_alias_nor_a_version_falls_back_to_an_older_one() -> None:
    model = a_registered_model(a_version(1), a_version(2, status="PENDING_REGISTRATION"), champion=2)
    assert resolve(reference(ALIAS), model).version is None
    assert resolve(reference(VERSION), model).version is None


@pytest.mark.parametrize(
    ("deployment", "said"),
    [(ALIAS, "iris@champion"), (VERSION, "iris version 2"), (LATEST, "the latest iris")],
    ids=["alias", "version", "latest"],
)
def test_a_reference_is_described_as_a_reader_would_write_it(
    deployment: ModelDeploymentBuilder, said: str
) -> None:
    assert describe(reference(deployment)) == said


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        pytest.param("/mlruns/1/models/m-1/artifacts", "/mlruns/1/models/m-1/artifacts", id="a path"),
        pytest.param("file:///mlruns/1/m-1", "/mlruns/1/m-1", id="a file URI"),
        pytest.param("file:///mlruns/1/m-1/", "/mlruns/1/m-1", id="a file URI with a slash at its end"),
        pytest.param("file:///mlruns/1/my%20model", "/mlruns/1/my model", id="a file URI with an escape"),
        pytest.param("/mlruns/1/100%25 #1?", "/mlruns/1/100%25 #1?", id="a path that only looks escaped"),
        pytest.param(
            "mlflow-artifacts:/laptop/m-1", "/mlruns/laptop/m-1", id="below the server's artifact destination"
        ),
        pytest.param(
            "mlflow-artifacts://mlflow:5000/laptop/m-1", "/mlruns/laptop/m-1", id="the same with its host"
        ),
    ],
)
def test_a_folder_on_the_volume_is_found_by(uri: str, path: str) -> None:
    files = locate(uri, "/mlruns")
    assert (files.path, files.problem) == (path, "")


@pytest.mark.parametrize(
    ("uri", "fetched"),
    [
        ("s3://bucket/m-1", "s3://bucket/m-1"),
        ("gs://bucket/m-1", "gs://bucket/m-1"),
        ("mlflow-artifacts:/laptop/m-1", "mlflow-artifacts:/laptop/m-1"),
        ("file:///mlruns/1/m-1", ""),
    ],
)
def test_files_that_are_not_on_the_volume_are_fetched_from(uri: str, fetched: str) -> None:
    files = locate(uri, "/mlruns")
    assert files.found
    assert files.uri == fetched


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("/home/me/mlruns/m-1", id="on somebody's disk"),
        pytest.param("/mlruns-old/m-1", id="in a folder whose name only starts alike"),
        pytest.param("/mlruns/../etc", id="above the volume by a detour"),
        pytest.param("file:///mlruns/%2e%2e/etc", id="above the volume by an escaped detour"),
        pytest.param("mlflow-artifacts:/../server", id="above the server's destination"),
        pytest.param("file:///mlruns/", id="nowhere below the mount"),
        pytest.param("", id="nowhere at all"),
    ],
)
def test_files_are_out_of_reach_and_say_the_cure(uri: str) -> None:
    files = locate(uri, "/mlruns")
    assert files.path == ""
    assert "an experiment whose artifact location is below file:///mlruns" in files.problem


def test_the_problem_names_where_the_files_are() -> None:
    assert "/home/me/m-1, outside of the shared volume" in locate("file:///home/me/m-1", "/mlruns").problem
