"""What the tests on the cluster share: the installation, one model in all its versions, one that is served."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e import clock, registry, stand, tuning
from tests.e2e.kube import MINE, MLFLOW, OPERATOR, REPOSITORY, STATE, create, items, kubectl, poll, run, wait
from tests.e2e.runs import run_of_script, training_run

# These need two workers: `make test-nodes` names the folder.
collect_ignore = ["nodes"]

NODES = REPOSITORY / "examples" / "nodes" / "train.py"
VERSIONS = Path(__file__).parent / "versions.py"
SELECTOR = f"--selector={','.join(f'{key}={value}' for key, value in MINE.items())}"


@pytest.fixture(scope="session")
def installation() -> Iterator[None]:
    """The cluster with the chart, nothing in it that earlier tests made, and a schedule that will be due."""
    if problem := what_is_missing():
        pytest.fail(problem, pytrace=False)
    sweep()
    poll(nothing_is_left, "what former tests made is gone", seconds=120)
    create(clock.a_schedule(datetime.now(UTC)))
    yield
    sweep()


def what_is_missing() -> str:
    if not (STATE / "kubeconfig").exists() or not (STATE / "bin" / "kubectl").exists():
        return "There is no cluster: run `make cluster`, or `make test-e2e`, which does all that is needed."
    run("scale", MLFLOW, "--replicas=1")  # a run that was cut short can have left it at none
    for deployment in (OPERATOR, MLFLOW):
        done = run("rollout", "status", deployment, "--timeout=60s")
        if done.returncode != 0:
            return (
                f"The chart is not installed, or does not come up ({done.stderr.strip()}): run `make images load "
                "install`, or `make test-e2e`, which does all that is needed."
            )
    return ""


def sweep() -> None:
    kubectl(
        "delete",
        "trainingschedules,trainingsweeps,trainingruns,modeldeployments,configmaps",
        SELECTOR,
        "--wait=false",
    )
    registry.forget()


def nothing_is_left() -> bool:
    names = [one["metadata"]["name"] for one in items("jobs,deployments,services,pods")]
    return not any(name.startswith(registry.PREFIX) for name in names)


@pytest.fixture(scope="session")
def tuned(installation: None) -> str:
    """A TrainingSweep, under way, with a ModelDeployment that waits for its best version; the name of both."""
    create(*tuning.manifests())
    return tuning.NAME


@pytest.fixture(scope="session")
def training(tuned: str) -> str:
    """A TrainingRun, under way, that registers every version that the tests want; the model's name."""
    model = registry.model_name("flower")
    create(*run_of_script("e2e-versions", VERSIONS, model))
    return model


@pytest.fixture(scope="session")
def together(installation: None) -> None:
    """TrainingRuns of several nodes, under way: one that rank 0 logs, and one whose rank 1 fails."""
    everywhere = {"tolerations": [{"operator": "Exists"}]}
    source, run = run_of_script("e2e-nodes", NODES, registry.model_name("nodes"))
    run["spec"] |= {"nodes": 3, "podTemplate": {"spec": everywhere}}
    fails = [
        "sh",
        "-c",
        "trap 'exit 143' TERM; [ $RANK = 0 ] || { echo no shard $RANK; exit 3; }; sleep 3600 & wait",
    ]
    create(source, run, training_run("e2e-node-fails", fails, nodes=2))


@pytest.fixture(scope="session")
def model(training: str) -> str:
    """A registered model with versions by the aliases good, better, missing, damaged, raising, never-ready, otherwise."""
    wait("trainingrun/e2e-versions", "condition=Finished")
    wait("trainingrun/e2e-versions", "condition=Complete", seconds=1)
    return training


@pytest.fixture(scope="session")
def serving(model: str) -> stand.Stand:
    """A good version of the model, served by NodePort 30082."""
    return stand.set_up("e2e-stand", model, 30082)
