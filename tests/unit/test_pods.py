"""What is read of a pod."""

from datetime import UTC, datetime
from typing import Any

import pytest
from modelcycle.pods import Ended, Told, Waiting, foremost, timestamp

from tests.builders.base import NOW, ago
from tests.builders.children import PodBuilder, a_job_pod, a_pod, a_serving_pod

POD = a_pod()


def test_a_pod_belongs_to_the_owner_that_controls_it() -> None:
    assert a_job_pod(job_uid="job-7").build().owner_uid == "job-7"
    assert POD.build().owner_uid == ""
    mere_owner = [{"kind": "Job", "name": "a", "uid": "b", "apiVersion": "batch/v1"}]
    assert POD.but(metadata={"ownerReferences": mere_owner}).build().owner_uid == ""


def test_labels_are_looked_up_by_name() -> None:
    pod = a_serving_pod("v1-12345678").build()
    assert pod.label("modelcycle.dev/revision") == "v1-12345678"
    assert pod.label("missing") == ""


@pytest.mark.parametrize(
    ("pod", "running", "ready", "phase"),
    [
        pytest.param(POD, False, False, "Pending", id="new"),
        pytest.param(POD.running(), True, False, "Running", id="running"),
        pytest.param(POD.ready(), True, True, "Running", id="ready"),
        pytest.param(POD.crashed(1), False, False, "Running", id="between two starts"),
        pytest.param(POD.ended(0), False, False, "Succeeded", id="done"),
        pytest.param(POD.ended(1), False, False, "Failed", id="failed"),
    ],
)
def test_the_state_of_a_pod_that_is(pod: PodBuilder, running: bool, ready: bool, phase: str) -> None:
    seen = pod.build()
    assert (seen.running, seen.ready, seen.phase) == (running, ready, phase)


def test_a_pod_without_a_status_is_pending() -> None:
    assert POD.but(status=None).build().phase == "Pending"


def test_a_pod_says_when_it_goes_away_and_when_it_was_disrupted() -> None:
    assert (POD.build().deleting, POD.build().disrupted) == (False, False)
    assert POD.deleting().build().deleting
    assert POD.disrupted().build().disrupted


@pytest.mark.parametrize(
    ("pod", "waiting"),
    [
        pytest.param(POD, None, id="nothing that is known"),
        pytest.param(POD.waiting("ContainerCreating"), None, id="nothing, it is being made"),
        pytest.param(POD.waiting("PodInitializing"), None, id="nothing, its first container runs"),
        pytest.param(POD.running(), None, id="nothing, it runs"),
        pytest.param(POD.unschedulable("no node"), Waiting("Unschedulable", "no node"), id="a node"),
        pytest.param(POD.waiting("ErrImagePull", "404"), Waiting("ImagePullFailed", "404"), id="its image"),
        pytest.param(
            POD.waiting("ImagePullBackOff", "back-off"),
            Waiting("ImagePullFailed", "back-off"),
            id="its image, in the other wording",
        ),
        pytest.param(
            POD.waiting("CreateContainerConfigError", "no Secret"),
            Waiting("CreateContainerConfigError", "no Secret"),
            id="its Secret",
        ),
        pytest.param(
            POD.crashed(1),
            Waiting("CrashLoopBackOff", "back-off restarting failed container"),
            id="its next start",
        ),
    ],
)
def test_a_pod_waits_for(pod: PodBuilder, waiting: Waiting | None) -> None:
    assert pod.build().waiting == waiting


@pytest.mark.parametrize(
    ("pod", "ended"),
    [
        pytest.param(POD.running(), None, id="not at all"),
        pytest.param(POD.ended(0), Ended(0, "Completed", "", container="main"), id="well"),
        pytest.param(POD.ended(1, "boom"), Ended(1, "Error", "boom", container="main"), id="badly"),
        pytest.param(
            POD.crashed(3, 2, "boom"),
            Ended(3, "Error", "boom", container="main"),
            id="badly, before its next start",
        ),
        pytest.param(POD.evicted("low on memory"), Ended(-1, "Evicted", "low on memory"), id="by eviction"),
    ],
)
def test_a_pod_ended(pod: PodBuilder, ended: Ended | None) -> None:
    assert pod.build().ended == ended


def test_a_container_that_ended_well_does_not_hide_an_eviction() -> None:
    pod = POD.ended(0).evicted("low on memory")
    assert pod.build().ended == Ended(-1, "Evicted", "low on memory")


def test_an_init_container_that_fails_tells_why_the_pod_failed() -> None:
    pod = POD.initialized("source", 2, "no space").build()
    assert pod.ended == Ended(2, "Error", "no space", container="source")
    assert (pod.phase, pod.initialized) == ("Failed", ())


def test_an_init_container_that_succeeded_leaves_its_message() -> None:
    assert POD.initialized("source", message="done").running().build().initialized == (("source", "done"),)


def _prepared(exit_code: int, message: str = "") -> dict[str, Any]:
    ended = {"exitCode": exit_code, "reason": "Completed", "message": message}
    return {"name": "prepare", "restartCount": 0, "state": {"terminated": ended}}


def test_an_init_container_that_ended_well_leaves_a_note_and_is_no_end() -> None:
    pod = POD.with_status(phase="Running", initContainerStatuses=[_prepared(0, "Another Python.\n")]).build()
    assert (pod.note, pod.ended) == ("Another Python.", None)


def test_an_init_container_that_failed_leaves_no_note() -> None:
    pod = POD.with_status(phase="Pending", initContainerStatuses=[_prepared(3, "No such package.")]).build()
    assert (pod.note, pod.ended) == ("", Ended(3, "Completed", "No such package.", container="prepare"))


def test_an_init_container_that_runs_says_since_when() -> None:
    assert POD.initializing("prepare", NOW).build().initializing == (("prepare", NOW),)
    assert POD.initialized("prepare").build().initializing == ()
    assert POD.running().build().initializing == ()


def test_the_memory_limit_is_that_of_the_container_that_ended() -> None:
    limited = {"name": "main", "resources": {"limits": {"memory": "64Mi"}}}
    pod = POD.with_spec(containers=[{"name": "proxy"}, limited]).crashed(137, reason="OOMKilled").build()
    assert pod.ended == Ended(137, "OOMKilled", "", container="main", memory="64Mi")


def test_restarts_are_those_of_the_container_that_was_restarted_most() -> None:
    assert POD.crashed(1, times=4).build().restarts == 4
    assert POD.build().restarts == 0


@pytest.mark.parametrize("text", ["2026-11-23T09:00:00Z", "2026-11-23T09:00:00.000000Z"])
def test_times_are_read_as_kubernetes_writes_them(text: str) -> None:
    assert timestamp(text) == NOW == datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_a_sidecar_that_is_killed_at_the_end_does_not_hide_why_the_pod_failed() -> None:
    sidecar = {"name": "proxy", "state": {"terminated": {"exitCode": 143, "reason": "Error"}}}
    pod = POD.ended(1, "boom").with_status(initContainerStatuses=[sidecar])
    assert pod.build().ended == Ended(1, "Error", "boom", container="main")


HELD = Told(
    "FailedAttachVolume", 'Multi-Attach error for volume "v" Volume is already used by pod(s) a', ago(130)
)
WAITS = Told("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[mlruns]", ago(5))
MISSING = Told("FailedMount", 'MountVolume.SetUp failed for volume "auth" : secret "s" not found', ago(5))
OLDER = Told("FailedMount", MISSING.message, ago(60))


@pytest.mark.parametrize(
    ("told", "foremost_one"),
    [
        pytest.param((), None, id="nothing"),
        pytest.param((OLDER, MISSING), MISSING, id="the newest"),
        pytest.param((MISSING, OLDER), MISSING, id="whatever the order"),
        pytest.param((WAITS,), WAITS, id="a volume that does not come"),
        pytest.param((HELD, WAITS), HELD, id="a volume that does not come as another node has it"),
        pytest.param((HELD, MISSING), MISSING, id="what came after another node let go of the volume"),
    ],
)
def test_of_what_events_tell_of_a_pod_that_counts_which_says_why(
    told: tuple[Told, ...], foremost_one: Told | None
) -> None:
    assert foremost(told) == foremost_one
