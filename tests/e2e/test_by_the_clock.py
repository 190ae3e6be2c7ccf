"""A TrainingSchedule on the cluster: the operator's own clock and time zones, a real Job, and what it comes to."""

from datetime import datetime

from tests.e2e.clock import NAME, cron
from tests.e2e.kube import get, wait


def test_a_run_is_made_when_it_is_due_in_its_time_zone_and_its_success_is_recorded(installation: None):
    wait(f"trainingschedule/{NAME}", "jsonpath={.status.lastSuccessfulTime}")
    schedule = get(f"trainingschedule/{NAME}")
    status, due = schedule["status"], datetime.fromisoformat(schedule["status"]["lastScheduleTime"])
    assert cron(due) == schedule["spec"]["schedule"]
    assert datetime.fromisoformat(status["nextScheduleTime"]).year == due.year + 1
    assert status["lastRun"] == f"{NAME}-{int(due.timestamp()) // 60}"
    assert (status["active"], status["reason"]) == (0, "Waiting")
