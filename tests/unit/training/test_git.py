"""A run's code from a git repository."""

from typing import Any

import pytest
from modelcycle.plan import Body, SetTag
from modelcycle.training import git, source
from modelcycle.training.job import job
from modelcycle.training.observed import COMMIT_TAG, Results
from modelcycle.training.plan import plan

from tests.builders.base import DEFAULTS, NOW
from tests.builders.children import PodBuilder, a_job, a_job_pod
from tests.builders.registry import an_mlflow_run
from tests.builders.resources import TrainingRunBuilder, a_training_run
from tests.builders.seen import a_run_seen

URL = "https://example.org/flowers.git"
COMMIT, OTHER = "a" * 40, "b" * 40
RUN = a_training_run().from_git(URL)
POD = a_job_pod().initialized(git.CONTAINER, message=COMMIT)


def pod_of(run: TrainingRunBuilder) -> Body:
    found: Body = job(run.build(), DEFAULTS)["spec"]["template"]["spec"]
    return found


def fetcher_of(run: TrainingRunBuilder) -> Body:
    (container,) = pod_of(run)["initContainers"]
    found: Body = container
    return found


def variables_of(run: TrainingRunBuilder) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in fetcher_of(run)["env"]}


# The container.


def test_the_default_image_fetches_whatever_image_the_run_uses() -> None:
    fetcher = fetcher_of(RUN.in_image("own:1"))
    assert fetcher["image"] == DEFAULTS.train_image
    assert fetcher["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_fetcher_is_told_what_to_fetch_and_where_the_commit_is_recorded() -> None:
    run = a_training_run().from_git(URL, revision="v1", path="iris", secretName="token")
    said = variables_of(run)
    assert (said["SOURCE_URL"], said["SOURCE_REVISION"], said["SOURCE_PATH"]) == (URL, "v1", "iris")
    assert said["SOURCE_RECORD"] == "/mlruns/.modelcycle/commits/iris-1-uid"
    assert {"name": "mlruns", "mountPath": "/mlruns", "subPath": "mlruns"} in fetcher_of(run)["volumeMounts"]


def test_the_kubelet_expands_nothing_in_what_the_fetcher_is_told() -> None:
    assert variables_of(a_training_run().from_git(URL, revision="$(HOME)"))["SOURCE_REVISION"] == "$$(HOME)"


def test_only_the_fetcher_sees_the_secret() -> None:
    run = a_training_run().from_git(URL, secretName="token")
    (container,) = pod_of(run)["containers"]
    assert "token" not in str(container)
    assert fetcher_of(run)["envFrom"] == [{"prefix": "SECRET_", "secretRef": {"name": "token"}}]
    for variable in ("SECRET_ssh_privatekey", "SECRET_ca_crt"):
        assert variables_of(run)[variable]["secretKeyRef"]["optional"] is True
    scratch = {mount["mountPath"]: mount["name"] for mount in fetcher_of(run)["volumeMounts"]}["/tmp"]
    assert {"name": scratch, "emptyDir": {"medium": "Memory"}} in pod_of(run)["volumes"]
    assert scratch not in [mount["name"] for mount in container["volumeMounts"]]


@pytest.mark.parametrize(
    ("run", "folder", "checkout"),
    [
        pytest.param(RUN, "/workspace", "/workspace", id="is the checkout"),
        pytest.param(
            RUN.from_git(URL, path="iris/deep"), "/workspace/iris/deep", "/workspace", id="is a folder of it"
        ),
        pytest.param(
            RUN.from_git(URL, path="iris").with_spec(workingDir="/code"),
            "/code/iris",
            "/code",
            id="may be moved",
        ),
    ],
)
def test_the_working_folder(run: TrainingRunBuilder, folder: str, checkout: str) -> None:
    (container,) = pod_of(run)["containers"]
    assert container["workingDir"] == folder
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "workspace"]
    assert mount == {"name": "workspace", "mountPath": checkout, "subPath": git.CHECKOUT}


def test_what_fills_the_working_folder_may_use_what_the_run_may() -> None:
    resources = {"limits": {"memory": "1Gi"}}
    for run in (RUN, a_training_run().from_config_map("code")):
        assert fetcher_of(run.with_spec(resources=resources))["resources"] == resources


def test_a_source_that_cannot_be_had_is_not_tried_again_though_attempts_are_left() -> None:
    rules = job(RUN.build(), DEFAULTS)["spec"]["podFailurePolicy"]["rules"]
    assert [rule["action"] for rule in rules] == ["Ignore", "FailJob"], "a disruption comes first"
    assert rules[1]["onExitCodes"] == {"containerName": "source", "operator": "In", "values": [2]}


# The commit.


def test_the_commit_is_in_the_status_that_says_that_the_run_runs() -> None:
    observed = a_run_seen(RUN, a_job(RUN).running(), (POD.running(),))
    status = plan(observed, NOW).status
    assert status is not None
    assert status.wire()["commit"] == COMMIT


@pytest.mark.parametrize(
    ("run", "pods", "expected"),
    [
        pytest.param(RUN, (POD,), COMMIT, id="what the fetcher reports"),
        pytest.param(RUN, (a_job_pod("first"), POD), COMMIT, id="of any pod"),
        pytest.param(RUN.with_status(commit=OTHER), (), OTHER, id="what is recorded, where no pod is left"),
        pytest.param(
            RUN, (a_job_pod().initialized(git.CONTAINER, 2, "no"),), None, id="never a failures message"
        ),
        pytest.param(a_training_run().from_config_map("code"), (POD,), None, id="nothing without git"),
    ],
)
def test_the_commit_is(run: TrainingRunBuilder, pods: tuple[PodBuilder, ...], expected: str | None) -> None:
    assert git.commit(a_run_seen(run, a_job(run), pods)) == expected


def test_runs_whose_client_did_not_find_the_commit_are_tagged_with_it_before_status_tells_of_them() -> None:
    runs = (an_mlflow_run("tagged", commit=COMMIT), an_mlflow_run("bare"))
    observed = a_run_seen(RUN, a_job(RUN).complete(), (POD.ended(0),), results=Results(runs=runs))
    made = plan(observed, NOW)
    assert made.registry == (SetTag("bare", COMMIT_TAG, COMMIT),)
    assert made.status is not None
    assert made.status.wire()["commit"] == COMMIT


def test_runs_of_a_failed_job_are_tagged_as_well() -> None:
    results = Results(runs=(an_mlflow_run("bare"),))
    observed = a_run_seen(RUN, a_job(RUN).failed(), (POD.ended(1),), results=results)
    assert plan(observed, NOW).registry == (SetTag("bare", COMMIT_TAG, COMMIT),)


def test_without_git_no_run_is_tagged() -> None:
    results = Results(runs=(an_mlflow_run("bare"),))
    observed = a_run_seen(job=a_job().complete(), pods=(POD.ended(0),), results=results)
    assert plan(observed, NOW).registry == ()


# What goes wrong.


@pytest.mark.parametrize("exit_code", [1, 2])
def test_a_source_that_cannot_be_had_fails_the_run_in_the_fetchers_words(exit_code: int) -> None:
    said = "There is no branch, tag or commit 'mian' in https://example.org/flowers.git."
    pod = a_job_pod().initialized(git.CONTAINER, exit_code, said)
    observed = a_run_seen(RUN, a_job(RUN).failed("PodFailurePolicy"), (pod,), results=Results())
    status = plan(observed, NOW).status
    assert status is not None
    told = status.wire()
    assert (told["phase"], told["reason"]) == ("Failed", "SourceFailed")
    assert told["message"] == f"The source could not be brought. {said}"


def test_a_fetcher_that_was_killed_for_memory_is_told_so() -> None:
    ended = a_job_pod().initialized(git.CONTAINER, 137).build().ended
    assert ended is not None
    assert source.explain(ended) is None


def test_the_commands_own_exit_code_2_is_not_the_sources() -> None:
    ended = POD.ended(2).build().ended
    assert ended is not None
    assert source.explain(ended) is None
