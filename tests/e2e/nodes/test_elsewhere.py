"""A version whose files are on no volume of the pods that serve it: MLflow's server hands them out."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.load import Load
from tests.e2e import registry, stand
from tests.e2e.kube import MLFLOW, condition, create, get, kubectl, poll, wait
from tests.e2e.nodes.room import folder, on, room
from tests.e2e.runs import run_of_script, status_of

NAME, NODE_PORT = "e2e-elsewhere", 30081
THERE = f"--namespace={NAME}"
SERVED = f"modeldeployment/{NAME}"
EXPERIMENT = f"{registry.EXPERIMENT}-proxied"
NEEDS = Path(__file__).parent / "needs.py"


@pytest.fixture(scope="module")
def node(workers: tuple[str, str]) -> Iterator[str]:
    """The worker with the other namespace's volume, which no run writes to."""
    with room(NAME, workers[0], "64m"):
        yield workers[0]


@pytest.fixture(scope="module")
def elsewhere(installation: None) -> Iterator[str]:
    """A model that was logged through MLflow's artifact proxy, as from a laptop."""
    registry.ask(
        "POST", "experiments/create", name=EXPERIMENT, artifact_location=f"mlflow-artifacts:/{EXPERIMENT}"
    )
    model = registry.model_name("elsewhere")
    create(*run_of_script("e2e-elsewhere", NEEDS, model, experiment=EXPERIMENT))
    wait("trainingrun/e2e-elsewhere", "condition=Finished")
    assert status_of("e2e-elsewhere")["phase"] == "Succeeded", status_of("e2e-elsewhere")
    yield model
    kubectl("exec", MLFLOW, "--container=mlflow", "--", "rm", "-rf", f"/mlruns/{EXPERIMENT}")


def test_a_version_that_is_on_no_volume_of_its_pods_is_fetched_into_the_cache_and_serves(
    elsewhere: str, node: str
):
    create(stand.model_deployment(NAME, elsewhere, "plain"), namespace=NAME)
    wait(SERVED, "condition=Ready", THERE)
    with Load(stand.open_node_port(NAME, NODE_PORT, THERE), stand.BODY, rate=20) as load:
        poll(lambda: load.first_seen, "an answer")
    assert (load.failures, set(load.first_seen)) == ([], {"1"})
    on(
        node,
        f"test -f {folder(NAME)}/cache/models/*/content/MLmodel && test ! -e {folder(NAME)}/{EXPERIMENT}",
    )


def test_where_no_pickle_is_trusted_such_a_version_is_rejected_and_what_serves_goes_on(
    elsewhere: str, node: str
):
    kubectl("patch", SERVED, THERE, "--type=merge", f"--patch={json.dumps({'spec': {'trust': 'NoPickle'}})}")
    wait(SERVED, "jsonpath={.status.rejected[*].version}=1", THERE)
    found = get(SERVED, THERE)
    (rejected,) = found["status"]["rejected"]
    assert rejected["reason"] == "NotTrusted"
    assert "Log the model as skops or in its library's own format, or set trust: Any." in rejected["message"]
    assert condition(found, "Ready")["status"] == "True"
