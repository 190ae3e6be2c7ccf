"""What the next step of a TrainingRun is."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from modelcycle.api.trainingrun import TrainingRunStatus
from modelcycle.conditions import find
from modelcycle.plan import Plan, Ref, Refusal
from modelcycle.training.observed import Observed, Results
from modelcycle.training.plan import CLAIM_RETRY_SECONDS, REFUSED_RETRY_SECONDS
from modelcycle.training.say import REGISTRY_RETRY_SECONDS, spoken_duration
from modelcycle.training.waiting import EVENTS_AGAIN_SECONDS, WAITING_GRACE_SECONDS

from tests.builders.base import NOW, ago
from tests.builders.children import PodBuilder, a_job, a_job_pod, a_node_pod
from tests.builders.registry import a_version, an_mlflow_run
from tests.builders.resources import a_training_run
from tests.builders.seen import a_run_seen
from tests.unit.training.runs import (
    COMPLETE,
    FAILED,
    JOB,
    POD,
    RUN,
    STARTED,
    UNREACHABLE,
    condition_of,
    failed,
    planned,
    status_of,
    succeeded,
)

# No Job yet.


def test_the_job_is_the_first_write() -> None:
    made = planned(a_run_seen(RUN))
    assert [child["kind"] for child in made.creates] == ["Job"]
    assert (made.status, made.patches, made.deletes, made.events) == (None, (), (), ())


def test_a_run_whose_claim_is_missing_says_how_to_make_it() -> None:
    made = planned(a_run_seen(RUN, missing_claim="mlruns"))
    assert made.creates == ()
    assert isinstance(made.status, TrainingRunStatus)
    assert (made.status.phase, made.status.reason) == ("Pending", "ClaimNotFound")
    message = made.status.message or ""
    assert message.startswith("There is no PersistentVolumeClaim 'mlruns' in namespace 'team': create one")
    assert made.look_again == CLAIM_RETRY_SECONDS


def test_a_missing_claim_is_named_as_the_run_names_it() -> None:
    assert "'other'" in (status_of(a_run_seen(RUN.on_claim("other"), missing_claim="other")).message or "")


def test_a_run_starts_when_its_claim_is_there() -> None:
    waiting = RUN.with_status(phase="Pending", reason="ClaimNotFound", message="There is no claim.")
    assert planned(a_run_seen(waiting)).creates != ()


def test_a_job_that_the_api_server_finds_wrong_is_a_failure_in_its_words() -> None:
    refusal = Refusal("JobRefused", "The API server refuses the Job: env[0].name: Invalid value.", final=True)
    observed = a_run_seen(RUN, refusal=refusal)
    status = status_of(observed)
    assert (status.phase, status.reason, status.message) == ("Failed", refusal.reason, refusal.message)
    assert condition_of(observed, "Finished") == ("True", "Failed")
    assert planned(observed).creates == ()


@pytest.mark.parametrize("reason", ["Forbidden", "NameTaken", "WaitingForDeletion"])
def test_a_refusal_that_can_pass_is_said_and_tried_again(reason: str) -> None:
    made = planned(a_run_seen(RUN, refusal=Refusal(reason, "Why, and what to do.", final=False)))
    assert isinstance(made.status, TrainingRunStatus)
    assert (made.status.phase, made.status.reason) == ("Pending", reason)
    stalled = find(made.status.conditions, "Stalled")
    assert stalled
    assert (stalled.status, stalled.reason, stalled.message) == ("True", reason, "Why, and what to do.")
    assert [child["kind"] for child in made.creates] == ["Job"]
    assert made.look_again == REFUSED_RETRY_SECONDS


@pytest.mark.parametrize(
    "next_look",
    [
        pytest.param({"job": JOB, "pods": (POD.running(),)}, id="its Job runs"),
        pytest.param({"refusal": Refusal("JobRefused", "Wrong.", final=True)}, id="its Job is wrong as well"),
    ],
)
def test_a_run_that_was_stalled_says_so_no_more_when(next_look: dict[str, Any]) -> None:
    stalled = status_of(a_run_seen(RUN, missing_claim="mlruns"))
    observed = a_run_seen(RUN.with_status(**stalled.wire()), **next_look)
    assert condition_of(observed, "Stalled") == ("", "")


def test_a_recorded_job_is_never_made_again() -> None:
    """It may be there, and the watch be behind: a live look decides."""
    made = planned(a_run_seen(STARTED))
    assert made.creates == ()
    assert made.status is None
    assert made.look_again == 1


def test_a_job_that_is_gone_is_a_failure_and_no_new_job() -> None:
    observed = a_run_seen(STARTED, job_confirmed_gone=True, results=Results())
    assert condition_of(observed, "Failed") == ("True", "JobDeleted")
    assert planned(observed).creates == ()
    assert "create a TrainingRun with another name" in (status_of(observed).message or "")


# The Job is under way.


def test_nothing_is_written_between_the_job_and_its_first_sign_of_life() -> None:
    assert planned(a_run_seen(RUN, a_job(RUN))) == Plan()
    assert planned(a_run_seen(RUN, JOB)) == Plan(look_again=EVENTS_AGAIN_SECONDS)
    assert planned(a_run_seen(RUN, JOB, (a_job_pod(),))) == Plan(look_again=WAITING_GRACE_SECONDS)


def test_a_running_pod_is_a_running_run_that_names_its_job() -> None:
    status = status_of(a_run_seen(RUN, JOB, (POD.running(),)))
    assert (status.phase, status.reason) == ("Running", "PodRunning")
    assert (status.job_name, status.job_uid) == ("iris-1", "job-uid")
    assert status.start_time == ago(90)
    assert status.attempts == 1


def test_attempts_are_the_pods_that_ran() -> None:
    pods = (a_job_pod("a").ended(1), a_job_pod("b").running(), a_job_pod("c"))
    assert status_of(a_run_seen(RUN, JOB, pods)).attempts == 2


def test_a_run_that_is_being_deleted_is_left_alone() -> None:
    assert planned(a_run_seen(RUN.deleting())) == Plan()
    assert planned(a_run_seen(STARTED.deleting(), FAILED, results=Results())) == Plan()


def test_terminal_is_terminal() -> None:
    finished = STARTED.finished()
    assert planned(a_run_seen(finished, COMPLETE, (POD.ended(0),), results=Results())) == Plan()
    assert planned(a_run_seen(finished)) == Plan()
    assert planned(a_run_seen(finished, job_confirmed_gone=True)) == Plan()


def test_a_run_whose_config_map_is_missing_says_how_to_make_it_and_waits() -> None:
    observed = a_run_seen(RUN.from_config_map("code"), missing_config_map="code")
    made = planned(observed)
    assert made.creates == ()
    assert made.look_again is not None
    status = status_of(observed)
    assert (status.phase, status.reason) == ("Pending", "ConfigMapNotFound")
    assert "no ConfigMap 'code' in namespace 'team'" in (status.message or "")
    assert "kubectl create configmap code --from-file=FOLDER" in (status.message or "")


def test_a_run_whose_experiment_cannot_be_made_waits_for_the_registry() -> None:
    run = RUN.with_spec(experiment="iris")
    made = planned(a_run_seen(run, registry_problem=UNREACHABLE))
    assert made.creates == ()
    assert isinstance(made.status, TrainingRunStatus)
    assert (made.status.phase, made.status.reason) == ("Pending", "RegistryUnreachable")
    assert UNREACHABLE in (made.status.message or "")
    reachable = find(made.status.conditions, "RegistryReachable")
    assert reachable
    assert reachable.status == "False"
    assert made.look_again == REGISTRY_RETRY_SECONDS


def test_what_still_runs_of_a_terminal_run_is_stopped_on_every_pass() -> None:
    finished = STARTED.finished("Failed", "JobDeleted")
    assert planned(a_run_seen(finished, a_job(RUN))).deletes == (Ref("Job", "iris-1", "job-uid"),)
    assert planned(a_run_seen(finished, JOB)).deletes == (Ref("Job", "iris-1", "job-uid"),)
    assert planned(a_run_seen(finished, JOB.deleting())) == Plan()


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(a_run_seen(RUN, missing_claim="mlruns"), id="its claim is missing"),
        pytest.param(
            a_run_seen(RUN.from_config_map("code"), missing_config_map="code"),
            id="its ConfigMap is missing",
        ),
        pytest.param(
            a_run_seen(RUN, registry_problem=UNREACHABLE),
            id="its experiment cannot be made",
        ),
        pytest.param(a_run_seen(RUN, JOB, (POD.running(),)), id="it runs"),
        pytest.param(a_run_seen(RUN, JOB, (POD.unschedulable(),)), id="it cannot be placed"),
        pytest.param(
            a_run_seen(STARTED, COMPLETE, registry_problem=UNREACHABLE), id="the registry does not answer"
        ),
        pytest.param(
            a_run_seen(RUN, refusal=Refusal("Forbidden", "quota", final=False)), id="its Job is refused"
        ),
    ],
)
def test_a_second_look_at_the_same_world_changes_neither_status_nor_tells_it_twice_when(
    observed: Observed,
) -> None:
    first = status_of(observed)
    body = a_training_run().build().model_copy(update={"spec": observed.run.spec, "status": first})
    again = planned(
        Observed(
            run=body,
            defaults=observed.defaults,
            job=observed.job,
            pods=observed.pods,
            missing_claim=observed.missing_claim,
            missing_config_map=observed.missing_config_map,
            registry_problem=observed.registry_problem,
            refusal=observed.refusal,
        )
    )
    assert again.status is None or again.status.wire() == first.wire()
    assert again.events == ()


def test_every_planned_status_is_one_that_the_api_takes() -> None:
    long = Refusal("JobRefused", "x" * 100_000, final=True)
    metrics = {f"m{i}": 0.1 for i in range(60)}
    runs = tuple(replace(an_mlflow_run(f"run-{n}", start=n), metrics=metrics) for n in range(30))
    versions = tuple(a_version(n) for n in range(30))
    crowded = a_run_seen(STARTED, COMPLETE, (POD.ended(0),), results=Results(runs, versions))
    for observed in (a_run_seen(RUN, refusal=long), crowded, failed(), succeeded()):
        status = status_of(observed)
        assert TrainingRunStatus.model_validate(status.wire()) == status


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m0s"),
        (92, "1m32s"),
        (3599, "59m59s"),
        (3600, "1h0m"),
        (7500, "2h5m"),
        (7199, "1h59m"),
        (-3, "0s"),
    ],
)
def test_a_duration_is_said_as_kubectl_says_it(seconds: int, said: str) -> None:
    assert spoken_duration(ago(seconds), NOW) == said


def test_a_job_that_never_started_has_no_duration() -> None:
    never: datetime | None = None
    assert spoken_duration(never, NOW) is None


# Several nodes, and overlays.

THREE = RUN.on_nodes(3)


def nodes_running(*ranks: int) -> tuple[PodBuilder, ...]:
    return tuple(a_node_pod(rank).running() for rank in ranks)


def test_the_service_of_several_nodes_is_there_before_their_job() -> None:
    assert [child["kind"] for child in planned(a_run_seen(THREE)).creates] == ["Service"]
    assert [child["kind"] for child in planned(a_run_seen(THREE, service=True)).creates] == ["Job"]


def test_a_service_that_somebody_deleted_is_made_again() -> None:
    lost = a_run_seen(THREE.whose_job_is(JOB), JOB, nodes_running(0, 1, 2))
    assert [child["kind"] for child in planned(lost).creates] == ["Service"]


def test_several_nodes_are_running_when_the_last_one_is() -> None:
    two = a_run_seen(THREE, JOB, (*nodes_running(0, 1), a_node_pod(2)), service=True)
    assert planned(two).status is None
    three = status_of(a_run_seen(THREE, JOB, nodes_running(0, 1, 2), service=True))
    assert (three.phase, three.attempts) == ("Running", 1)


def test_what_the_last_node_waits_for_is_what_all_wait_for() -> None:
    last = a_node_pod(2).unschedulable("0/2 nodes are available").created(ago(60))
    status = status_of(a_run_seen(THREE, JOB, (*nodes_running(0, 1), last), service=True))
    assert (status.phase, status.reason) == ("Pending", "Unschedulable")


def test_an_overlay_that_cannot_be_laid_over_fails_the_run_before_anything_is_made() -> None:
    observed = a_run_seen(RUN.overlaid(restartPolicy="Always"))
    assert planned(observed).creates == ()
    status = status_of(observed)
    assert (status.phase, status.reason) == ("Failed", "PodTemplateRefused")
    assert "restartPolicy may not be set" in (status.message or "")


def test_a_missing_claim_of_the_data_is_not_taken_for_the_shared_volume() -> None:
    message = status_of(a_run_seen(RUN, missing_claim="iris-data")).message or ""
    assert "There is no PersistentVolumeClaim 'iris-data'" in message
    assert "mlruns" not in message
