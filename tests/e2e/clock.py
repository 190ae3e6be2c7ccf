"""A TrainingSchedule that is due once, soon after the tests begin: what it makes runs beside the other tests."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.e2e.kube import API_VERSION, MINE, Manifest
from tests.e2e.runs import training_run

NAME, ZONE = "e2e-clock", "Asia/Kathmandu"
# From here to there it has to be made and seen.
AHEAD = timedelta(seconds=10)


def cron(due: datetime) -> str:
    """A schedule that is due once a year."""
    return f"{due.astimezone(ZoneInfo(ZONE)):%M %H %d %m} *"


def a_schedule(now: datetime) -> Manifest:
    due = now + AHEAD + timedelta(minutes=1)
    run = training_run("", ["python", "-c", "print('on time')"])
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainingSchedule",
        "metadata": {"name": NAME, "labels": MINE},
        "spec": {
            "schedule": cron(due),
            "timeZone": ZONE,
            "template": {"metadata": {"labels": MINE}, "spec": run["spec"]},
        },
    }
