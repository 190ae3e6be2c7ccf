"""TrainingRuns that fail, wait or are taken back: all are made at once, and each test judges its own."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import registry, volumes
from tests.e2e.kube import REPOSITORY, Manifest, condition, create, get, items, kubectl, poll, wait
from tests.e2e.runs import run_of_script, status_of, training_run

FLAKY = Path(__file__).parent / "flaky.py"
ELSEWHERE = "e2e-claims"
PRINT_AND_FAIL = ["sh", "-c", "echo epoch 1 of 9; echo no such column: petals; exit 1"]
TAKE_MEMORY = ["python", "-c", "taken = [b'x' * 2**24 for _ in range(64)]"]
# The first process of a container heeds SIGTERM only where it is told to.
UNTIL_TOLD_TO_END = ["sh", "-c", "trap 'exit 143' TERM; sleep 3600 & wait"]
WRITE = ["sh", "-c", "touch /mlruns/e2e && rm /mlruns/e2e"]


# The model that later modules serve is trained meanwhile, and so are the runs of several nodes.
@pytest.fixture(scope="module", autouse=True)
def bad_runs(training: str, together: None) -> Iterator[None]:
    _remove_the_other_namespace("--timeout=120s")
    kubectl("create", "namespace", ELSEWHERE)
    create(training_run("e2e-claims", WRITE), namespace=ELSEWHERE)
    create(
        training_run("e2e-fails", PRINT_AND_FAIL),
        training_run("e2e-takes-memory", TAKE_MEMORY, memory="64Mi"),
        training_run("e2e-asks-too-much", ["true"], resources={"requests": {"cpu": "1000"}}),
        training_run("e2e-no-image", ["true"], image="localhost/modelcycle/absent:0"),
        training_run("e2e-registers-nothing", ["true"], model={"name": registry.model_name("never")}),
        training_run("e2e-too-long", UNTIL_TOLD_TO_END, activeDeadlineSeconds=5),
        training_run("e2e-in-flight", UNTIL_TOLD_TO_END),
        *run_of_script("e2e-flaky", FLAKY, registry.model_name("flaky"), backoffLimit=1),
    )
    yield
    _remove_the_other_namespace("--wait=false")


def _remove_the_other_namespace(patience: str) -> None:
    for one in ("namespace", "persistentvolume"):
        kubectl("delete", one, ELSEWHERE, "--ignore-not-found", patience)


def finished(name: str, phase: str) -> Manifest:
    """The status of a run that has ended so."""
    wait(f"trainingrun/{name}", "condition=Finished")
    status = status_of(name)
    assert status["phase"] == phase, status
    return status


def pods_of(name: str) -> list[Manifest]:
    return items("pods", f"--selector=modelcycle.dev/trainingrun={name}")


def test_a_run_in_flight_that_is_deleted_takes_its_job_and_pods_away():
    wait("trainingrun/e2e-in-flight", "jsonpath={.status.phase}=Running")
    assert [pod["status"]["phase"] for pod in pods_of("e2e-in-flight")] == ["Running"]
    kubectl("delete", "trainingrun", "e2e-in-flight", "--timeout=30s")
    wait("job/e2e-in-flight", "delete", seconds=60)
    wait("pods", "delete", "--selector=modelcycle.dev/trainingrun=e2e-in-flight", seconds=60)


def test_a_command_that_fails_is_shown_with_its_exit_code_and_the_end_of_its_log():
    status = finished("e2e-fails", "Failed")
    assert status["reason"] == "CommandFailed"
    assert "exit code 1." in status["message"]
    assert status["message"].endswith("epoch 1 of 9\nno such column: petals")
    uid = get("trainingrun", "e2e-fails")["metadata"]["uid"]
    about = f"--field-selector=involvedObject.uid={uid},reason=CommandFailed"
    # Events are posted when all else is written.
    told = poll(lambda: items("events", about), "an Event says so")
    assert [event["message"] for event in told] == [status["message"]]


def test_a_run_that_is_killed_for_memory_says_which_field_to_raise():
    status = finished("e2e-takes-memory", "Failed")
    assert status["reason"] == "OutOfMemory"
    assert "exit code 137" in status["message"]
    assert "spec.resources.limits.memory" in status["message"]


def test_a_run_that_no_node_can_take_waits_with_the_schedulers_words():
    wait("trainingrun/e2e-asks-too-much", "jsonpath={.status.reason}=Unschedulable")
    status = status_of("e2e-asks-too-much")
    assert status["phase"] == "Pending"
    assert "Insufficient cpu" in status["message"]


def test_a_run_whose_image_cannot_be_pulled_waits_and_names_the_image():
    wait("trainingrun/e2e-no-image", "jsonpath={.status.reason}=ImagePullFailed")
    status = status_of("e2e-no-image")
    assert status["phase"] == "Pending"
    assert "localhost/modelcycle/absent:0" in status["message"]


def test_a_run_that_was_to_register_a_model_and_did_not_is_complete_and_says_so():
    finished("e2e-registers-nothing", "Succeeded")
    resource = get("trainingrun", "e2e-registers-nothing")
    assert condition(resource, "Complete")["status"] == "True"
    registered = condition(resource, "ModelRegistered")
    assert (registered["status"], registered["reason"]) == ("False", "NotRegistered")
    assert f"registered_model_name='{registry.model_name('never')}'" in registered["message"]


def test_a_run_that_takes_longer_than_it_may_is_stopped():
    status = finished("e2e-too-long", "Failed")
    assert status["reason"] == "DeadlineExceeded"
    assert "spec.activeDeadlineSeconds" in status["message"]
    wait("pods", "delete", "--selector=modelcycle.dev/trainingrun=e2e-too-long", seconds=60)


def test_of_a_run_that_succeeds_at_its_second_attempt_only_that_attempt_counts():
    status = finished("e2e-flaky", "Succeeded")
    assert status["attempts"] == 2
    assert (status["version"], status["metric"]) == ("2", "accuracy=0.9")
    assert [made["version"] for made in status["modelVersions"]] == ["2"]
    assert [made["runId"] for made in status["modelVersions"]] == [status["runId"]]
    # Both are shown: the first one's run is in MLflow as well.
    assert status["runsTotal"] == 2


def test_a_run_whose_claim_is_missing_says_what_to_do_and_starts_when_it_is_done():
    there = f"--namespace={ELSEWHERE}"
    wait("trainingrun/e2e-claims", "jsonpath={.status.reason}=ClaimNotFound", there)
    message = kubectl("get", "trainingrun", "e2e-claims", there, "--output=jsonpath={.status.message}")
    assert f"There is no PersistentVolumeClaim 'mlruns' in namespace '{ELSEWHERE}'" in message
    assert "The run starts when the claim is there." in message
    make_volume = [sys.executable, "-m", "cluster", "volume", ELSEWHERE]
    subprocess.run(make_volume, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    create(volumes.claim(ELSEWHERE), namespace=ELSEWHERE)
    wait("trainingrun/e2e-claims", "condition=Finished", there)
    wait("trainingrun/e2e-claims", "condition=Complete", there, seconds=1)
