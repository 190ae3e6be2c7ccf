"""The life of a TrainingSchedule against a real API server."""

import re

import pytest

from tests.integration.apiserver import ROOT
from tests.integration.audit import audited, writes
from tests.integration.kube import Body, eventually
from tests.integration.world import World

NAME, KIND = "yearly", "TrainingSchedule"
NEW_YEAR = {
    "schedule": "0 0 1 1 *",
    "template": {"metadata": {"labels": {"team": "a"}}, "spec": {"args": ["x"]}},
}


def reason(world: World, wanted: str) -> Body:
    """The status, once it gives the reason."""

    def look() -> Body | None:
        status = world.status(KIND, NAME)
        return status if status.get("reason") == wanted else None

    return eventually(look, f"reason {wanted}")


def a_schedule_that_slept_through_new_year(world: World, **spec: object) -> Body:
    """It was made two years ago, and the operator was down; the run that was due, once it is there."""
    world.apply(KIND, NAME, {**NEW_YEAR, **spec})
    reason(world, "Waiting")
    world.kube.patch_status(KIND, world.namespace, NAME, {"scheduleSince": "2024-06-01T00:00:00Z"})
    (run,) = eventually(lambda: world.kube.list("TrainingRun", world.namespace), "the run")
    return run


def test_what_was_missed_is_made_up_for_once_and_recorded(world: World):
    with audited(world.server) as entries:
        run = a_schedule_that_slept_through_new_year(world)
        name = run["metadata"]["name"]
        world.job(name)
        eventually(lambda: world.status(KIND, NAME).get("lastRun") == name, "the run is recorded")
        assert world.status(KIND, NAME)["active"] == 1
        world.end_job(name, "Complete")
        status = eventually(lambda: _when(world.status(KIND, NAME), "lastSuccessfulTime"), "its success")
        mine = [e for e in entries() if e["objectRef"].get("namespace") == world.namespace]

    assert re.fullmatch(rf"{NAME}-\d{{8}}", name)
    assert (run["spec"]["args"], run["metadata"]["labels"]["team"]) == (["x"], "a")
    (owner,) = run["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == (KIND, NAME, True)
    assert status["lastScheduleTime"].endswith("-01-01T00:00:00Z")
    assert status["nextScheduleTime"].endswith("-01-01T00:00:00Z")
    assert (status["active"], status["lastRun"]) == (0, name)
    # As it was first seen, when the run was made, and when it had ended.
    assert writes(mine).count("update trainingschedules/status") == 3
    assert writes(mine).count("create trainingruns") == 1
    eventually(lambda: "RunStarted" in world.events(NAME), "the event")


def _when(status: Body, field: str) -> Body | None:
    return status if status.get(field) else None


def test_a_run_beyond_the_history_limit_is_deleted_and_its_success_remembered(world: World):
    run = a_schedule_that_slept_through_new_year(world, successfulRunsHistoryLimit=0)
    world.job(run["metadata"]["name"])
    world.end_job(run["metadata"]["name"], "Complete")
    eventually(lambda: not world.kube.list("TrainingRun", world.namespace), "the run is gone")
    assert world.status(KIND, NAME)["lastSuccessfulTime"]


@pytest.mark.parametrize(
    ("spec", "why", "words"),
    [
        ({"schedule": "61 * * * *"}, "InvalidSchedule", "(Bad minute): it has five fields"),
        ({"schedule": "@fortnightly"}, "InvalidSchedule", "as in '30 2 * * 1-5'"),
        ({"timeZone": "+02:00"}, "UnknownTimeZone", "name one of the IANA database, as in Europe/Berlin"),
    ],
)
def test_what_the_schema_cannot_tell_is_a_condition_with_the_cure_until_it_is_cured(
    world: World, spec: Body, why: str, words: str
):
    world.apply(KIND, NAME, {**NEW_YEAR, **spec})
    assert words in reason(world, why)["message"]
    assert world.condition(KIND, NAME, "Ready")["status"] == "False"
    world.kube.patch(
        KIND, world.namespace, NAME, {"spec": {"schedule": "@daily", "timeZone": "Asia/Kathmandu"}}
    )
    assert reason(world, "Waiting")["nextScheduleTime"].endswith("T18:15:00Z")
    assert world.condition(KIND, NAME, "Ready")["status"] == "True"


def test_the_example_is_taken_as_it_is(world: World):
    world.kubectl("create", "--dry-run=server", "-f", str(ROOT / "examples/trainingschedule.yaml"))


def test_kubectl_shows_when_it_was_due_and_will_be(world: World):
    a_schedule_that_slept_through_new_year(world)
    eventually(lambda: world.status(KIND, NAME).get("active") == 1, "the run is recorded")
    head, row = world.kubectl("get", "tsched").stdout.splitlines()
    assert head.split() == [
        "NAME",
        "SCHEDULE",
        "TIMEZONE",
        "READY",
        "ACTIVE",
        "LAST-SCHEDULE",
        "NEXT-SCHEDULE",
        "AGE",
    ]
    assert re.fullmatch(rf"{NAME} +0 0 1 1 \* +True +1 +\d+d +\d{{4}}-01-01T00:00:00Z +\d+s", row)
