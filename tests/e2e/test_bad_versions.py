"""Versions that cannot serve: each is rejected and says why, while a good one goes on answering."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e import registry, stand
from tests.e2e.kube import Manifest, condition, create, get, kubectl, run, wait
from tests.e2e.stand import Stand

HUNGRY = "modeldeployment/e2e-hungry"


@pytest.fixture(scope="module", autouse=True)
def hungry(model: str) -> str:
    """A ModelDeployment with too little memory. It takes a while to be given up: the other tests run meanwhile."""
    create(stand.model_deployment("e2e-hungry", model, "good", memory="64Mi"))
    return HUNGRY


@pytest.fixture
def impatient(serving: Stand) -> Iterator[Stand]:
    """The served model, with ten seconds for a version to prove itself."""
    _set_deadline(serving, 10)
    yield serving
    _set_deadline(serving, 600)


def _set_deadline(serving: Stand, seconds: int) -> None:
    patch = json.dumps({"spec": {"progressDeadlineSeconds": seconds}})
    kubectl("patch", serving.resource, "--type=merge", f"--patch={patch}")


def rejection(serving: Stand, alias: str) -> Manifest:
    """Follows a version that cannot serve, under load, until it is rejected and no pod of it is left.

    What is true of every rejection is asserted here; what is said of this one comes back."""
    before = serving.serving()
    with serving.load() as load:
        bad = serving.follow(alias)
        wait(serving.resource, f"jsonpath={{.status.rejected[*].version}}={bad}")
        serving.wait_until_no_pod_is_left(f"modelcycle.dev/version={bad}")
    resource = serving.read()
    assert load.failures == []
    assert set(load.first_seen) == {before}
    assert serving.serving() == before
    assert list(serving.deployments()) == [before]
    assert condition(resource, "Ready")["status"] == "True"
    assert condition(resource, "UpToDate")["status"] == "False"
    (rejected,) = resource["status"]["rejected"]
    assert rejected["message"] in condition(resource, "Progressing")["message"]
    found: Manifest = rejected
    return found


def test_a_version_whose_folder_is_gone_is_rejected_with_the_folders_path(serving: Stand):
    folder = registry.folder_of(serving.model, "missing")
    rejected = rejection(serving, "missing")
    assert rejected["reason"] == "ModelNotServable"
    assert f"The model folder {folder} does not exist on the volume: it was deleted" in rejected["message"]


def test_a_version_whose_mlmodel_is_damaged_is_rejected_with_what_the_reader_said(serving: Stand):
    folder = registry.folder_of(serving.model, "damaged")
    rejected = rejection(serving, "damaged")
    assert rejected["reason"] == "ModelNotServable"
    assert f"Loading the model in {folder} failed" in rejected["message"]
    assert "Train and register another version." in rejected["message"]


def test_a_version_that_raises_on_its_own_input_example_is_rejected_with_what_it_raised(serving: Stand):
    rejected = rejection(serving, "raising")
    assert rejected["reason"] == "SelfTestFailed"
    assert "Answering the model's own input example" in rejected["message"]
    assert "ValueError: this model knows no such flower" in rejected["message"]


def test_a_version_that_is_never_ready_is_rejected_at_its_deadline(impatient: Stand):
    rejected = rejection(impatient, "never-ready")
    assert rejected["reason"] == "ProgressDeadlineExceeded"
    assert "It did not prove itself within 10 s. 0 of 1 pods are ready." in rejected["message"]


@pytest.fixture
def after_a_rejection(serving: Stand) -> Stand:
    if not serving.read()["status"].get("rejected"):
        rejection(serving, "damaged")
    return serving


def test_after_a_rejected_version_a_good_one_takes_over_without_a_failed_request(after_a_rejection: Stand):
    serving = after_a_rejection
    before = serving.serving()
    with serving.load() as load:
        good = serving.follow_the_other_good_one()
        serving.wait_until_complete(good)
    assert load.failures == []
    assert set(load.first_seen) == {before, good}
    assert serving.read()["status"].get("rejected", []) == []


def test_a_version_that_needs_more_memory_than_the_limit_is_rejected_and_says_which_field_to_raise(
    hungry: str,
):
    wait(hungry, "jsonpath={.status.rejected[*].reason}=OutOfMemory")
    resource = get(hungry)
    message = resource["status"]["rejected"][0]["message"]
    assert "exit code 137, by the memory limit of 64Mi: raise spec.resources.limits.memory" in message
    assert condition(resource, "Ready")["reason"] == "NothingServes"
    # Nobody was ever to be sent to it.
    assert "NotFound" in run("get", "service", "e2e-hungry").stderr


def test_a_model_and_an_alias_that_do_not_exist_yet_are_picked_up_when_they_appear(model: str):
    later, resource = registry.model_name("later"), "modeldeployment/e2e-later"
    create(stand.model_deployment("e2e-later", later, "champion"))
    wait(resource, "jsonpath={.status.reason}=ModelNotFound")
    assert f"no registered model '{later}' in MLflow yet" in get(resource)["status"]["message"]
    registry.ask("POST", "registered-models/create", name=later)
    version = registry.register_copy(of=model, alias="good", name=later)
    wait(resource, "jsonpath={.status.reason}=AliasNotFound")
    assert "has no alias 'champion' yet" in get(resource)["status"]["message"]
    registry.set_alias(later, "champion", version)
    wait(resource, "condition=Ready")
    assert get(resource)["status"]["serving"]["version"] == version
