"""A TrainingRun's code from a ConfigMap or a git repository, against a real API server and a real MLflow."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import git_server
from tests.integration.apiserver import ROOT
from tests.integration.audit import audited, writes
from tests.integration.kube import Body, eventually
from tests.integration.world import World, container

NAME = "run"


def told(world: World, reason: str) -> Body:
    """The status, once it gives the reason."""

    def look() -> Body | None:
        status = world.status("TrainingRun", NAME)
        return status if status.get("reason") == reason else None

    return eventually(look, f"reason {reason}")


def test_a_run_whose_config_map_is_missing_says_so_and_starts_when_it_is_there(world: World):
    world.run(NAME, source={"configMap": {"name": "code"}})
    assert (
        f"no ConfigMap 'code' in namespace '{world.namespace}'" in told(world, "ConfigMapNotFound")["message"]
    )
    assert not world.kube.list("Job", world.namespace)
    world.kube.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "code"}}, world.namespace
    )
    assert world.job(NAME)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of a repository that everybody may read, and its only commit."""
    git = ["git", "-c", "user.name=ann", "-c", "user.email=ann@example.org", "-C", str(tmp_path)]
    (tmp_path / "train.py").write_text("print(1)")
    for words in (["init", "--quiet"], ["add", "train.py"], ["commit", "--quiet", "--message", "one"]):
        subprocess.run([*git, *words], check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    serving = git_server.server(tmp_path)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_address[1]}/.git", done.stdout.strip()
    serving.shutdown()
    serving.server_close()
    thread.join()


def fetch_here(job: Body, folder: Path) -> tuple[int, str]:
    """Plays the kubelet for the container that fetches: its exit code and termination message."""
    (fetcher,) = job["spec"]["template"]["spec"]["initContainers"]
    environment = {one["name"]: one.get("value") or "" for one in fetcher["env"]}
    changed = {"SOURCE_FOLDER": str(folder / "checkout"), "SOURCE_REPORT": str(folder / "report")}
    script = ROOT / "train-image/source/fetch_source.py"
    done = subprocess.run(
        [sys.executable, script],
        env={**os.environ, **environment, **changed},
        capture_output=True,
        check=False,
    )
    return done.returncode, (folder / "report").read_text()


def initialized(exit_code: int, message: str) -> list[Body]:
    ended = {"exitCode": exit_code, "reason": "Error" if exit_code else "Completed", "message": message}
    return [container("source", terminated=ended)]


def test_the_commit_reaches_status_and_the_runs_whose_client_did_not_see_it_in_three_writes(
    world: World, repository: tuple[str, str], tmp_path: Path
):
    url, commit = repository
    with audited(world.server) as entries:
        world.run(NAME, image="own:1", source={"git": {"url": url}})
        job = world.job(NAME)
        code, message = fetch_here(job, tmp_path)
        assert (code, message) == (0, commit)
        fetched = initialized(code, message)
        running = [container("train", running={})]
        world.pod_of(job, "run-1", phase="Running", initContainerStatuses=fetched, containerStatuses=running)
        assert told(world, "PodRunning")["commit"] == commit
        run_id = start_run(world, job)
        done = [container("train", terminated={"exitCode": 0, "reason": "Completed"})]
        world.pod_status("run-1", phase="Succeeded", initContainerStatuses=fetched, containerStatuses=done)
        world.end_job(NAME, "Complete")
        status = told(world, "JobComplete")
        mine = [entry for entry in entries() if entry["objectRef"].get("namespace") == world.namespace]
    assert (status["commit"], status["runId"]) == (commit, run_id)
    assert tags_of(world, run_id)["mlflow.source.git.commit"] == commit
    assert writes(mine) == ["create jobs", "update trainingruns/status", "update trainingruns/status"]


def start_run(world: World, job: Body) -> str:
    """As a client does that knows nothing of git; the run's id."""
    (train,) = job["spec"]["template"]["spec"]["containers"]
    context = next(one["value"] for one in train["env"] if one["name"] == "MLFLOW_RUN_CONTEXT")
    tags = json.loads(context.replace("$(POD_NAME)", "run-1"))
    body = {"experiment_id": "0", "tags": [{"key": key, "value": value} for key, value in tags.items()]}
    return str(world.mlflow.call("POST", "runs/create", body)["run"]["info"]["run_id"])


def tags_of(world: World, run_id: str) -> dict[str, str]:
    run = world.mlflow.call("GET", f"runs/get?run_id={run_id}", {})["run"]
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


def test_a_revision_that_does_not_exist_fails_the_run_and_says_which(
    world: World, repository: tuple[str, str], tmp_path: Path
):
    world.run(NAME, backoffLimit=3, source={"git": {"url": repository[0], "revision": "mian"}})
    job = world.job(NAME)
    code, message = fetch_here(job, tmp_path)
    world.pod_of(job, "run-1", phase="Failed", initContainerStatuses=initialized(code, message))
    world.end_job(NAME, "Failed", "PodFailurePolicy")
    status = told(world, "SourceFailed")
    assert status["phase"] == "Failed"
    assert f"There is no branch, tag or commit 'mian' in {repository[0]}." in status["message"]
