"""Suspended, late, disrupted, over: a TrainingRun's life on a real API server; the tests play the controllers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from tests.integration.apiserver import ROOT, kubectl
from tests.integration.audit import audited, writes
from tests.integration.kube import Body, eventually
from tests.integration.test_trainingrun import NAME, phase, reason
from tests.integration.world import World, container

RUNNING: Body = {"phase": "Running", "containerStatuses": [container("train", running={})]}


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def change(world: World, **spec: Any) -> None:
    world.kube.patch("TrainingRun", world.namespace, NAME, {"spec": spec})


def job_status(world: World, **status: Any) -> None:
    world.kube.patch_status("Job", world.namespace, NAME, status)


def suspended(world: World) -> bool:
    return bool(world.get("Job", NAME)["spec"].get("suspend"))


def is_suspended(status: str) -> Body:
    """A Job's condition, as its controller sets it."""
    return {"type": "Suspended", "status": status, "lastTransitionTime": now(), "reason": "R", "message": ""}


def test_a_run_is_born_suspended_and_resumed(world: World):
    world.run(NAME, suspend=True)
    assert world.job(NAME)["spec"]["suspend"] is True
    job_status(world, conditions=[is_suspended("True")])
    phase(world, "Suspended")
    assert world.condition("TrainingRun", NAME, "Suspended")["status"] == "True"
    change(world, suspend=False)
    eventually(lambda: not suspended(world), "its Job is resumed")
    job_status(world, startTime=now(), active=1, conditions=[is_suspended("False")])
    world.pod_of(world.job(NAME), "run-1", **RUNNING)
    phase(world, "Running")
    assert world.condition("TrainingRun", NAME, "Suspended")["status"] == "False"


def test_what_is_in_kueues_queue_is_kueues_to_suspend_and_resume(world: World):
    label = {"kueue.x-k8s.io/queue-name": "gpus"}
    body = {"apiVersion": "modelcycle.dev/v1alpha1", "kind": "TrainingRun", "spec": {"suspend": True}}
    world.kube.create({**body, "metadata": {"name": NAME, "labels": label}}, world.namespace)
    job = world.job(NAME)
    assert job["spec"]["suspend"] is True
    assert job["metadata"]["labels"].items() >= label.items()
    job_status(world, conditions=[is_suspended("True")])
    assert "'gpus'" in reason(world, "Queued")["message"]
    world.kube.patch("Job", world.namespace, NAME, {"spec": {"suspend": False}})
    job_status(world, startTime=now(), active=1, conditions=[is_suspended("False")])
    world.pod_of(world.job(NAME), "run-1", **RUNNING)
    phase(world, "Running")
    assert not suspended(world)


def test_a_run_whose_pod_is_refused_says_why_and_fails_when_its_time_is_over(world: World):
    world.run(NAME)
    job = world.job(NAME)
    why = 'Error creating: pods "run-x" is forbidden: exceeded quota: none'
    about = {"apiVersion": "batch/v1", "kind": "Job", "name": NAME, "uid": job["metadata"]["uid"]}
    event = {"metadata": {"name": "refused"}, "type": "Warning", "reason": "FailedCreate", "message": why}
    times = {"firstTimestamp": now(), "lastTimestamp": now(), "count": 1}
    regarding = {"involvedObject": {**about, "namespace": world.namespace}}
    world.kube.create({"apiVersion": "v1", "kind": "Event", **event, **times, **regarding}, world.namespace)
    job_status(world, startTime=now())
    assert why in reason(world, "FailedCreate")["message"]
    change(world, pendingDeadlineSeconds=11)
    status = phase(world, "Failed")
    assert status["reason"] == "PendingDeadlineExceeded"
    assert "spec.pendingDeadlineSeconds (11 s)" in status["message"]
    assert why in status["message"]
    eventually(lambda: not world.kube.list("Job", world.namespace), "its Job is gone")


def test_disruptions_are_counted_though_their_pods_vanish(world: World):
    world.run(NAME)
    job = world.job(NAME)
    target = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    job_status(world, startTime=now(), active=1)
    for number in range(10):
        world.pod_of(job, f"run-{number}", phase="Failed", conditions=[target])

        def counted(count: int = number + 1) -> bool:
            return len(world.status("TrainingRun", NAME).get("disruptedPods", ())) == count

        eventually(counted, f"disruption {number + 1}")
        world.kube.delete("Pod", world.namespace, f"run-{number}")
    assert world.status("TrainingRun", NAME)["reason"] == "Disrupted"
    world.pod_of(job, "run-last", phase="Failed", conditions=[target])
    assert phase(world, "Failed")["reason"] == "TooManyDisruptions"
    eventually(lambda: not world.kube.list("Job", world.namespace), "its Job is gone")


def test_a_run_that_has_ended_is_deleted_when_its_time_is_over(world: World):
    world.run(NAME, ttlSecondsAfterFinished=3600)
    world.job(NAME)
    world.end_job(NAME, "Complete")
    phase(world, "Succeeded")
    change(world, ttlSecondsAfterFinished=0)
    eventually(lambda: not world.kube.list("TrainingRun", world.namespace), "it is deleted")


def test_terminal_is_terminal_also_when_its_job_is_deleted(world: World):
    world.run(NAME)
    world.job(NAME)
    world.end_job(NAME, "Complete")
    before = phase(world, "Succeeded")
    with audited(world.server) as entries:
        world.kube.delete("Job", world.namespace, NAME)
        # Another run's whole life shows that the deletion has been seen.
        world.run("another")
        world.job("another")
        world.end_job("another", "Complete")
        eventually(lambda: world.status("TrainingRun", "another").get("completionTime"), "the other run ends")
        mine = [e for e in entries() if e["objectRef"].get("name") == NAME]
    assert writes(mine) == []
    assert world.status("TrainingRun", NAME) == before


def test_a_job_that_may_not_be_made_is_made_when_it_may(world: World):
    quota = {"kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "none"}}
    spec = {"hard": {"count/jobs.batch": "0"}}
    world.kube.create({**quota, "spec": spec}, world.namespace)
    # No controller counts what there is.
    world.kubectl(
        "patch",
        "quota",
        "none",
        "--subresource=status",
        "--type=merge",
        "-p",
        '{"status":{"hard":{"count/jobs.batch":"0"},"used":{"count/jobs.batch":"0"}}}',
    )
    world.run(NAME)
    assert "exceeded quota" in reason(world, "Forbidden")["message"]
    stalled = world.condition("TrainingRun", NAME, "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "Forbidden")
    world.kube.delete("ResourceQuota", world.namespace, "none")
    change(world, pendingDeadlineSeconds=600)  # any event makes it look again before its time
    world.pod_of(world.job(NAME), "run-1", **RUNNING)
    phase(world, "Running")
    assert world.condition("TrainingRun", NAME, "Stalled") == {}


@contextmanager
def looser_schema(world: World, kind: str, field: str, schema: Body) -> Iterator[None]:
    """Another release's CustomResourceDefinition, which lets a field of spec be something else."""
    file = ROOT / "crds" / f"{kind}.yaml"
    crd = yaml.safe_load(file.read_text())
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][field] = (
        schema
    )
    kubectl(world.server, "replace", "-f", "-", text=yaml.safe_dump(crd))
    try:
        yield
    finally:
        kubectl(world.server, "replace", "-f", str(file))


@pytest.mark.parametrize(
    ("kind", "spec", "field", "wrong", "right"),
    [
        ("TrainingRun", {}, "suspend", "now and then", False),
        ("ModelDeployment", {"model": {"name": "none", "latest": {}}}, "keepPreviousSeconds", "long", 60),
    ],
)
def test_a_stored_object_that_cannot_be_read_says_so_and_is_taken_up_when_it_is_changed(
    world: World, kind: str, spec: Body, field: str, wrong: str, right: object
):
    anything: Body = {"x-kubernetes-preserve-unknown-fields": True}
    with looser_schema(world, f"{kind.lower()}s", field, anything):
        # The API server takes a moment to know the new schema.
        eventually(lambda: _made(world, kind, {**spec, field: wrong}), "the object is stored")
        seen = eventually(lambda: world.condition(kind, NAME, "Stalled"), "it says so")
        assert (seen["status"], seen["reason"]) == ("True", "InvalidObject")
        assert f"spec.{field}: Input should be" in seen["message"]
        world.kube.patch(kind, world.namespace, NAME, {"spec": {field: right}})
    eventually(lambda: not world.condition(kind, NAME, "Stalled"), "it does not say so any more")
    eventually(lambda: world.status(kind, NAME).get("reason") or world.get("Job", NAME), "it is taken up")


def _made(world: World, kind: str, spec: Body) -> bool:
    body = {"apiVersion": "modelcycle.dev/v1alpha1", "kind": kind, "metadata": {"name": NAME}, "spec": spec}
    return world.kubectl("create", "-f", "-", body=yaml.safe_dump(body), check=False).returncode == 0
