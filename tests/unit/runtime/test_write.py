"""What the API server's answers to the making of a child mean."""

import pytest
from modelcycle.runtime.write import name_taken, refused

from tests.builders.base import Built
from tests.builders.children import a_client_service, a_job
from tests.builders.resources import a_model_deployment, a_training_run

RUN, DEPLOYMENT = a_training_run(), a_model_deployment()
JOB, SERVICE = a_job(RUN), a_client_service(DEPLOYMENT)


@pytest.mark.parametrize(
    ("owner", "child"),
    [pytest.param(RUN, JOB, id="a Job"), pytest.param(DEPLOYMENT, SERVICE, id="a Service")],
)
def test_what_an_earlier_pass_made_is_ours(owner: Built, child: Built) -> None:
    assert name_taken(owner.body(), child.body(), child.body()) is None


@pytest.mark.parametrize(
    "existing",
    [
        pytest.param(JOB.but(metadata={"ownerReferences": None}), id="nobody's"),
        pytest.param(JOB.owned_by("CronJob", "iris-1", "cron-uid"), id="another kind's"),
        pytest.param(JOB.owned_by("TrainingRun", "iris-2", "iris-2-uid"), id="another run's"),
    ],
)
def test_a_job_of_the_same_name_is_left_alone_when_it_is(existing: Built) -> None:
    refusal = name_taken(RUN.body(), JOB.body(), existing.body())
    assert refusal
    assert (refusal.reason, refusal.final) == ("NameTaken", False)
    assert "'iris-1'" in refusal.message
    assert "delete it, or use another name" in refusal.message


def test_a_mere_owner_is_not_the_controller() -> None:
    (owner,) = JOB.body()["metadata"]["ownerReferences"]
    shared = JOB.but(metadata={"ownerReferences": [owner | {"controller": False}]})
    refusal = name_taken(RUN.body(), JOB.body(), shared.body())
    assert refusal
    assert refusal.reason == "NameTaken"


def test_the_job_of_a_deleted_run_of_the_same_name_is_waited_for() -> None:
    old = JOB.owned_by("TrainingRun", "iris-1", "uid-of-the-deleted-run")
    refusal = name_taken(RUN.body(), JOB.body(), old.body())
    assert refusal
    assert (refusal.reason, refusal.final) == ("WaitingForDeletion", False)
    assert "is still going away" in refusal.message


@pytest.mark.parametrize(
    ("code", "reason", "final"),
    [
        pytest.param(403, "Forbidden", False, id="a right or a quota, which can be given"),
        pytest.param(422, "JobRefused", True, id="a wrong object, which stays wrong"),
        pytest.param(400, "JobRefused", True, id="a malformed object, which stays malformed"),
    ],
)
def test_a_refusal_is(code: int, reason: str, final: bool) -> None:
    refusal = refused(JOB.body(), code, "spec.template: Invalid value")
    assert (refusal.reason, refusal.final) == (reason, final)
    assert "spec.template: Invalid value" in refusal.message
