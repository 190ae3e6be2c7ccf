"""What the watches have shown."""

import json
from typing import Any

import pytest
from modelcycle.plan import RUN_LABEL
from modelcycle.runtime.resources import (
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    JOBS,
    PODS,
    SERVICES,
    TRAINING_RUNS,
    Resource,
)
from modelcycle.runtime.store import Key, Store

from tests.builders.base import NAMESPACE, Built
from tests.builders.children import (
    a_client_service,
    a_job,
    a_job_pod,
    a_pod,
    a_revision_deployment,
    a_serving_pod,
)
from tests.builders.resources import a_training_run

RUN = Key("TrainingRun", NAMESPACE, "iris-1")
DEPLOYMENT = Key("ModelDeployment", NAMESPACE, "iris")
JOB = a_job().of_version(5)


def store_with(resource: Resource, *objects: Built) -> Store:
    store = Store()
    for built in objects:
        store.put(resource, built.body())
    return store


@pytest.mark.parametrize(
    ("resource", "built", "woken"),
    [
        pytest.param(TRAINING_RUNS, a_training_run(), (RUN,), id="a run wakes itself"),
        pytest.param(JOBS, a_job(), (RUN,), id="a Job wakes its run"),
        pytest.param(PODS, a_job_pod(), (RUN,), id="a Job's pod wakes its run"),
        pytest.param(DEPLOYMENTS, a_revision_deployment(), (DEPLOYMENT,), id="a Deployment wakes its owner"),
        pytest.param(SERVICES, a_client_service(), (DEPLOYMENT,), id="a Service wakes its owner"),
        pytest.param(PODS, a_serving_pod("v1-12345678"), (DEPLOYMENT,), id="a serving pod wakes its owner"),
        pytest.param(PODS, a_pod(), (), id="a stranger's pod wakes nobody"),
    ],
)
def test_of_what_was_shown(resource: Resource, built: Built, woken: tuple[Key, ...]) -> None:
    assert Store().put(resource, built.body()) == woken


def test_an_object_that_was_seen_wakes_nobody_again() -> None:
    assert store_with(JOBS, JOB).put(JOBS, JOB.body()) == ()


def test_an_older_copy_changes_nothing() -> None:
    """A watch is behind the answer of our own write."""
    store = store_with(JOBS, JOB.running().of_version(12))
    assert store.put(JOBS, JOB.of_version(9).body()) == ()
    entry = store.get("Job", NAMESPACE, "iris-1")
    assert entry
    assert (entry.version, entry.item.active) == (12, 1)


def test_versions_are_compared_as_numbers() -> None:
    store = store_with(JOBS, JOB.of_version(9))
    assert store.put(JOBS, JOB.of_version(10).body()) == (RUN,)


def test_children_are_found_by_their_owner_and_kind() -> None:
    store = store_with(PODS, a_job_pod("b"), a_job_pod("a"), a_job_pod("other", run="iris-2"), a_pod("stray"))
    assert [entry.item.name for entry in store.children(PODS, RUN)] == ["a", "b"]
    assert store.children(JOBS, RUN) == []


def test_a_child_is_told_by_the_owner_that_controls_it_not_by_its_labels() -> None:
    store = store_with(JOBS, JOB.owned_by("TrainingRun", "iris-1", "uid-of-an-earlier-run"))
    assert [entry.controller for entry in store.children(JOBS, RUN)] == ["uid-of-an-earlier-run"]


def test_what_is_gone_wakes_its_owner_and_is_forgotten() -> None:
    store = store_with(JOBS, JOB)
    assert store.drop(JOBS, NAMESPACE, "iris-1", "job-uid") == (RUN,)
    assert store.get("Job", NAMESPACE, "iris-1") is None
    assert store.children(JOBS, RUN) == []
    assert store.drop(JOBS, NAMESPACE, "iris-1", "job-uid") == ()


def test_the_late_news_of_an_objects_end_does_not_end_its_successor() -> None:
    store = store_with(JOBS, JOB.with_uid("successor").of_version(20))
    assert store.drop(JOBS, NAMESPACE, "iris-1", "job-uid") == ()
    assert [entry.uid for entry in store.children(JOBS, RUN)] == ["successor"]


def test_a_successor_of_the_same_name_takes_the_place() -> None:
    store = store_with(JOBS, JOB, JOB.with_uid("successor").of_version(20))
    assert [entry.uid for entry in store.children(JOBS, RUN)] == ["successor"]


def test_late_news_of_an_object_that_we_deleted_do_not_bring_it_back() -> None:
    store = store_with(JOBS, JOB)
    assert store.bury(JOBS, NAMESPACE, "iris-1", "job-uid") == (RUN,)
    assert store.put(JOBS, JOB.deleting().of_version(9).body()) == ()
    assert store.children(JOBS, RUN) == []


def test_the_late_answer_to_a_write_does_not_bring_back_what_the_watch_has_shown_to_be_gone() -> None:
    store = store_with(JOBS, JOB)
    store.drop(JOBS, NAMESPACE, "iris-1", "job-uid", version=9)
    assert store.put(JOBS, JOB.of_version(8).body()) == ()
    assert store.children(JOBS, RUN) == []


def test_also_of_an_object_that_it_has_never_shown() -> None:
    store = Store()
    store.drop(JOBS, NAMESPACE, "iris-1", "job-uid", version=9)
    assert store.put(JOBS, JOB.of_version(8).body()) == ()


def test_what_has_its_labels_again_comes_back() -> None:
    store = store_with(JOBS, JOB)
    store.drop(JOBS, NAMESPACE, "iris-1", "job-uid", version=9)
    assert store.put(JOBS, JOB.of_version(10).body()) == (RUN,)


def test_only_the_last_ends_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelcycle.runtime.store.ENDS_REMEMBERED", 2)
    store = Store()
    for number in range(3):
        store.drop(JOBS, NAMESPACE, f"iris-{number}", f"uid-{number}", version=9)
    assert store.put(JOBS, JOB.with_uid("uid-0").of_version(8).body())
    assert store.put(JOBS, JOB.with_uid("uid-1").of_version(8).body()) == ()


def test_a_successor_of_an_object_that_we_deleted_is_taken_in() -> None:
    store = store_with(JOBS, JOB)
    store.bury(JOBS, NAMESPACE, "iris-1", "job-uid")
    assert store.put(JOBS, JOB.with_uid("successor").of_version(9).body()) == (RUN,)
    assert store.drop(JOBS, NAMESPACE, "iris-1", "job-uid") == ()
    assert [entry.uid for entry in store.children(JOBS, RUN)] == ["successor"]


def test_what_was_never_seen_is_not_buried() -> None:
    store = Store()
    assert store.bury(JOBS, NAMESPACE, "iris-1", "job-uid") == ()
    assert store.put(JOBS, JOB.body()) == (RUN,)


def test_a_child_whose_label_was_changed_leaves_its_earlier_owner() -> None:
    store = store_with(JOBS, JOB, JOB.labelled({RUN_LABEL: "other"}).of_version(9))
    assert store.children(JOBS, RUN) == []
    store.drop(JOBS, NAMESPACE, "iris-1")
    assert store.children(JOBS, RUN) == []


def test_objects_of_one_name_in_two_namespaces_are_two() -> None:
    store = store_with(JOBS, JOB, JOB.in_namespace("other"))
    assert {key.namespace for key in store.keys(JOBS)} == {NAMESPACE, "other"}
    assert len(store.children(JOBS, RUN)) == 1


def test_our_own_resources_are_kept_whole_but_for_who_wrote_which_field() -> None:
    run = a_training_run().but(metadata={"managedFields": [{"manager": "kubectl"}]})
    store = store_with(TRAINING_RUNS, run)
    entry = store.get("TrainingRun", NAMESPACE, "iris-1")
    assert entry
    assert json.loads(entry.item) == a_training_run().body()


@pytest.mark.parametrize(
    ("endpoint", "ready"),
    [
        pytest.param({"conditions": {"ready": True}}, True, id="is ready"),
        pytest.param({"conditions": {"ready": False}}, False, id="is not"),
        pytest.param({"conditions": {}}, True, id="does not say, which means that it is"),
        pytest.param({}, True, id="has no conditions, which means the same"),
    ],
)
def test_an_endpoint_that(endpoint: dict[str, Any], ready: bool) -> None:
    pod = {"targetRef": {"kind": "Pod", "name": "iris-v1-12345678-0"}}
    assert endpoints_of([endpoint | pod]) == (("iris-v1-12345678-0", ready),)


@pytest.mark.parametrize("endpoints", [None, []])
def test_a_slice_may_be_empty(endpoints: list[dict[str, Any]] | None) -> None:
    assert endpoints_of(endpoints) == ()


def endpoints_of(endpoints: list[dict[str, Any]] | None) -> Any:
    labels = {"kubernetes.io/service-name": "iris"}
    metadata = a_client_service().labelled(labels).body()["metadata"] | {"name": "iris-abcde"}
    store = Store()
    assert store.put(ENDPOINT_SLICES, {"metadata": metadata, "endpoints": endpoints}) == (DEPLOYMENT,)
    (entry,) = store.children(ENDPOINT_SLICES, DEPLOYMENT)
    assert entry.item.service == "iris"
    return entry.item.pods


def test_keys_and_items_list_what_there_is() -> None:
    store = store_with(TRAINING_RUNS, a_training_run(), a_training_run("iris-2"))
    assert [key.name for key in store.keys(TRAINING_RUNS)] == ["iris-1", "iris-2"]
    assert [name for (_, name), _ in store.items(TRAINING_RUNS)] == ["iris-1", "iris-2"]
    assert str(RUN) == "TrainingRun team/iris-1"
