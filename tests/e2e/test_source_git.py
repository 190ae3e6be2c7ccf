"""TrainingRuns whose code comes from a git server in the cluster that wants a user and a password."""

from collections.abc import Iterator

import pytest

from tests.e2e import registry
from tests.e2e.kube import MINE, REPOSITORY, Manifest, create, get, kubectl, run, wait
from tests.e2e.runs import status_of, training_run

NAME = "e2e-git"
URL = f"http://{NAME}:8000/.git"
USER, PASSWORD, WRONG = "ann", "s3cr3t-of-ann", "wr0ng-of-ann"
LABELS = MINE | {"app": NAME}
# Logs what git itself says of the folder that it is run in.
TRAIN = """
import subprocess, mlflow
with mlflow.start_run():
    mlflow.set_tag("head", subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip())
"""
SERVE = f"""
cd /tmp && mkdir -p code/iris && cp /source/train.py code/iris && cd code && git init --quiet
git add . && git -c user.name=ann -c user.email=ann@example.org commit --quiet --message one
exec python /source/git_server.py /tmp/code 0.0.0.0 8000 {USER} {PASSWORD}
"""


def a_server(image: str) -> tuple[Manifest, Manifest, Manifest]:
    """A repository with a script in the folder iris."""
    metadata = {"name": NAME, "labels": LABELS}
    script = REPOSITORY / "tests" / "git_server.py"
    files = {"git_server.py": script.read_text(), "train.py": TRAIN}
    container = {
        "name": "git",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", SERVE],
        "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
        "volumeMounts": [{"name": "source", "mountPath": "/source"}],
    }
    volumes = [{"name": "source", "configMap": {"name": NAME}}]
    return (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": files},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container], "volumes": volumes}},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": LABELS, "ports": [{"port": 8000}]}},
    )  # fmt: skip


def a_secret(name: str, password: str) -> Manifest:
    data = {"username": USER, "password": password}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": MINE},
        "stringData": data,
    }


def a_run(name: str, secret: str, **source: str) -> Manifest:
    git = {"url": URL, "secretName": secret, **source}
    return training_run(name, ["python", "train.py"], memory="1Gi", source={"git": git})


@pytest.fixture(scope="module", autouse=True)
def runs(installation: None) -> Iterator[None]:
    """All at once; the Secret of one of them is missing."""
    remove()
    path = "jsonpath={.spec.template.spec.containers[0].env[?(@.name=='MODELCYCLE_TRAIN_IMAGE')].value}"
    image = kubectl("get", "deployment/modelcycle-operator", f"--output={path}")
    create(*a_server(image), a_secret(NAME, PASSWORD), a_secret(f"{NAME}-wrong", WRONG))
    create(
        a_run("e2e-git-later", f"{NAME}-later", path="iris"),
        a_run("e2e-git-good", NAME, path="iris"),
        a_run("e2e-git-wrong", f"{NAME}-wrong"),
        a_run("e2e-git-absent", NAME, revision="mian"),
    )
    yield
    remove()


def remove() -> None:
    labels = ",".join(f"{key}={value}" for key, value in MINE.items())
    run("delete", "pods,services,secrets", f"--selector={labels}", "--grace-period=1", "--ignore-not-found")


def test_the_commit_that_was_trained_from_is_in_status_and_on_the_run():
    wait("trainingrun/e2e-git-good", "condition=Finished")
    status = status_of("e2e-git-good")
    assert status["phase"] == "Succeeded", status
    head = kubectl("exec", NAME, "--", "git", "-C", "/tmp/code", "rev-parse", "HEAD")
    assert status["commit"] == head
    tags = registry.ask("GET", "runs/get", run_id=status["runId"])["run"]["data"]["tags"]
    told = {tag["key"]: tag["value"] for tag in tags}
    assert (told["mlflow.source.git.commit"], told["head"]) == (head, head)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("e2e-git-wrong", f"{URL} refuses the credentials of Secret '{NAME}-wrong'."),
        ("e2e-git-absent", f"There is no branch, tag or commit 'mian' in {URL}."),
    ],
)
def test_a_source_that_cannot_be_had_fails_the_run_without_a_word_of_the_credentials(name: str, words: str):
    wait(f"trainingrun/{name}", "condition=Finished")
    status = status_of(name)
    assert (status["phase"], status["reason"]) == ("Failed", "SourceFailed")
    assert words in status["message"]
    shown = kubectl("get", "trainingrun,job,pods,events", "--output=json")
    logged = kubectl("logs", f"job/{name}", "--container=source")
    assert WRONG not in shown + logged
    assert PASSWORD not in logged


def test_a_run_whose_secret_is_missing_says_so_and_starts_when_it_is_there():
    wait("trainingrun/e2e-git-later", "jsonpath={.status.reason}=CreateContainerConfigError")
    assert f'secret "{NAME}-later" not found' in status_of("e2e-git-later")["message"]
    create(a_secret(f"{NAME}-later", PASSWORD))
    wait("trainingrun/e2e-git-later", "condition=Finished")
    assert status_of("e2e-git-later")["commit"] == get("trainingrun", "e2e-git-good")["status"]["commit"]
