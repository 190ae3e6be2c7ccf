"""A sweep's best version is promoted and served without a hand, and a worse one leaves it so."""

import pytest

from tests.e2e import registry, tuning
from tests.e2e.kube import API_VERSION, MINE, Manifest, condition, create, get, wait


@pytest.fixture(scope="module")
def swept(tuned: str) -> Manifest:
    """The sweep, when it is over."""
    wait(f"trainingsweep/{tuned}", "condition=Finished")
    found: Manifest = get(f"trainingsweep/{tuned}")
    return found


@pytest.fixture(scope="module", autouse=True)
def worse(swept: Manifest) -> str:
    """A run with the sweep's worse parameter; the other tests go on meanwhile."""
    spec = tuning.spec(params={"max_iter": "200", "C": tuning.STRONG})
    run = {
        "apiVersion": API_VERSION,
        "kind": "TrainingRun",
        "metadata": {"name": "e2e-worse", "labels": MINE},
    }
    create({**run, "spec": spec})
    return "trainingrun/e2e-worse"


def test_of_a_sweep_the_best_version_is_promoted(swept: Manifest):
    status = swept["status"]
    best = status["best"]
    assert (status["phase"], status["succeeded"], status["failed"]) == ("Succeeded", 2, 0)
    assert best["params"] == {"C": tuning.WEAK}
    assert condition(swept, "Promoted")["status"] == "True"
    assert registry.version_of(tuning.model(), tuning.ALIAS)["version"] == best["version"]


def test_what_follows_the_alias_serves_the_promoted_version(swept: Manifest):
    wait(f"modeldeployment/{tuning.NAME}", "condition=Ready")
    serving = get(f"modeldeployment/{tuning.NAME}")["status"]["serving"]
    best = swept["status"]["best"]
    assert (serving["version"], serving["trainingRun"]) == (best["version"], f"default/{best['run']}")


def test_a_worse_version_is_registered_and_not_promoted(worse: str, swept: Manifest):
    wait(worse, "condition=Complete")
    run = get(worse)
    verdict, best = condition(run, "Promoted"), swept["status"]["best"]
    assert (verdict["status"], verdict["reason"]) == ("False", "NotBetter")
    figures = f"is below {tuning.ALIAS} v{best['version']}'s {best['metric'].removeprefix('accuracy=')}."
    assert verdict["message"] == f"{run['status']['metric'].replace('=', ' ')} {figures}"
    assert registry.version_of(tuning.model(), tuning.ALIAS)["version"] == best["version"]
