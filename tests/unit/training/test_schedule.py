"""What a TrainingSchedule does when; NOW is 2026-11-23 09:00 UTC."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from modelcycle.api.trainingschedule import TrainingScheduleStatus
from modelcycle.plan import Plan, Refusal
from modelcycle.training.schedule import CLOCK_SECONDS, REFUSED_RETRY_SECONDS, Observed, plan

from tests.builders.base import NOW, ago, wire_time
from tests.builders.resources import TrainingRunBuilder, TrainingScheduleBuilder, a_training_schedule

HOUR = 3600
HOURLY = a_training_schedule()
# It has followed this schedule for a day, and what was due an hour ago was started.
SETTLED = HOURLY.with_status(
    schedule="0 * * * * Etc/UTC",
    scheduleSince=wire_time(ago(24 * HOUR)),
    lastScheduleTime=wire_time(ago(HOUR)),
)
NIGHTLY_IN_BERLIN = a_training_schedule(schedule="30 2 * * *").with_spec(timeZone="Europe/Berlin")


def planned(
    schedule: TrainingScheduleBuilder,
    *runs: TrainingRunBuilder,
    now: datetime = NOW,
    refusal: Refusal | None = None,
) -> Plan:
    return plan(Observed(schedule.build(), tuple(run.build() for run in runs), refusal), now)


def started(decided: Plan) -> list[str]:
    """When what is started was due."""
    names = [body["metadata"]["name"].rsplit("-", 1)[1] for body in decided.creates]
    return [f"{datetime.fromtimestamp(int(minutes) * 60, NOW.tzinfo):%m-%d %H:%M}" for minutes in names]


def status(decided: Plan) -> TrainingScheduleStatus:
    assert isinstance(decided.status, TrainingScheduleStatus)
    return decided.status


def events(decided: Plan) -> list[tuple[str, str]]:
    return [(event.type, event.reason) for event in decided.events]


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        pytest.param(SETTLED, NOW, ["11-23 09:00"], id="on time"),
        pytest.param(SETTLED, NOW - timedelta(seconds=1), [], id="a second early"),
        pytest.param(
            SETTLED, NOW + timedelta(minutes=59), ["11-23 09:00"], id="late, where no deadline is set"
        ),
        pytest.param(
            SETTLED, NOW + timedelta(hours=5), ["11-23 14:00"], id="of five missed the last one only"
        ),
        pytest.param(
            SETTLED, NOW + timedelta(days=90), ["02-21 09:00"], id="of thousands missed the last one"
        ),
        pytest.param(HOURLY.created(NOW), NOW, [], id="made when it would be due"),
        pytest.param(HOURLY.created(ago(60)), NOW, ["11-23 09:00"], id="made a minute before"),
        pytest.param(HOURLY, NOW, ["11-23 09:00"], id="made while the operator was down"),
        pytest.param(
            SETTLED.with_status(schedule="0 0 * * * Etc/UTC"),
            NOW,
            [],
            id="was another: that is not made up for",
        ),
        pytest.param(SETTLED.with_spec(timeZone="Europe/Berlin"), NOW, [], id="was in another time zone"),
        pytest.param(
            SETTLED.with_spec(startingDeadlineSeconds=60), NOW, ["11-23 09:00"], id="within the deadline"
        ),
        pytest.param(
            SETTLED.with_spec(startingDeadlineSeconds=60),
            NOW + timedelta(seconds=59),
            ["11-23 09:00"],
            id="just so",
        ),
        pytest.param(
            SETTLED.with_spec(startingDeadlineSeconds=60),
            NOW + timedelta(seconds=60),
            [],
            id="past the deadline",
        ),
        pytest.param(SETTLED.with_spec(suspend=True), NOW, [], id="suspended"),
        pytest.param(SETTLED.deleting(), NOW, [], id="being deleted"),
        pytest.param(SETTLED.with_spec(schedule="61 * * * *"), NOW, [], id="unreadable"),
    ],
)
def test_what_is_started(schedule: TrainingScheduleBuilder, now: datetime, due: list[str]) -> None:
    assert started(planned(schedule, now=now)) == due


@pytest.mark.parametrize(
    ("night", "due_utc"),
    [
        pytest.param("2026-11-22", "01:30", id="winter"),
        pytest.param("2026-07-01", "00:30", id="summer"),
        pytest.param("2026-03-29", "01:00", id="2:30 does not exist: at the end of the hour that is skipped"),
        pytest.param("2026-10-25", "00:30", id="2:30 comes twice: the first time"),
    ],
)
def test_each_night_has_one_run_also_where_the_clock_is_turned(night: str, due_utc: str) -> None:
    begin = datetime.fromisoformat(f"{night}T00:00:00+00:00") - timedelta(hours=6)
    schedule = NIGHTLY_IN_BERLIN.created(begin)
    runs: list[TrainingRunBuilder] = []
    for minutes in range(0, 18 * 60, 10):
        for body in planned(schedule, *runs, now=begin + timedelta(minutes=minutes)).creates:
            due = datetime.fromtimestamp(int(body["metadata"]["name"].rsplit("-", 1)[1]) * 60, NOW.tzinfo)
            runs.append(schedule.a_run(due).finished())
    assert [run.content["metadata"]["creationTimestamp"] for run in runs] == [f"{night}T{due_utc}:00Z"]


def test_a_run_is_named_by_the_minutes_and_made_from_the_template() -> None:
    (body,) = planned(SETTLED).creates
    assert body["metadata"]["name"] == f"nightly-{int(NOW.timestamp()) // 60}"
    assert body["metadata"]["labels"]["modelcycle.dev/trainingschedule"] == "nightly"
    assert body["spec"]["args"] == ["logs registers"]


EARLIER = HOURLY.a_run(ago(HOUR))


@pytest.mark.parametrize(
    ("policy", "runs", "starts", "deletes"),
    [
        pytest.param("Allow", [EARLIER], 1, 0, id="Allow: beside the one before"),
        pytest.param("Forbid", [EARLIER], 0, 0, id="Forbid: not beside the one before"),
        pytest.param("Forbid", [EARLIER.finished()], 1, 0, id="Forbid: the one before has finished"),
        pytest.param("Forbid", [EARLIER.finished("Failed")], 1, 0, id="Forbid: the one before has failed"),
        pytest.param("Replace", [EARLIER], 0, 1, id="Replace: the one before goes first"),
        pytest.param("Replace", [EARLIER.deleting()], 1, 0, id="Replace: the one before is going"),
        pytest.param("Replace", [EARLIER.finished()], 1, 0, id="Replace: the one before has finished"),
    ],
)
def test_what_becomes_of_a_run_that_has_not_finished(
    policy: str, runs: list[TrainingRunBuilder], starts: int, deletes: int
) -> None:
    decided = planned(SETTLED.with_spec(concurrencyPolicy=policy), *runs)
    assert (len(decided.creates), len(decided.deletes)) == (starts, deletes)


def test_a_run_in_the_way_is_named_and_the_wait_ends_with_it() -> None:
    forbidding = SETTLED.with_spec(concurrencyPolicy="Forbid")
    waiting = status(planned(forbidding, EARLIER))
    assert waiting.reason == "RunStillActive"
    assert f"'{EARLIER.content['metadata']['name']}' has not finished" in str(waiting.message)
    later = NOW + timedelta(minutes=20)
    assert started(planned(forbidding, EARLIER.finished(), now=later)) == ["11-23 09:00"]


def test_a_deadline_that_passed_is_said() -> None:
    late = planned(SETTLED.with_spec(startingDeadlineSeconds=60), now=NOW + timedelta(minutes=5))
    assert events(late) == [("Normal", "DeadlineMissed")]
    assert "The run due at 2026-11-23T09:00:00Z could not start" in str(status(late).message)


def test_a_run_that_was_made_is_recorded_in_one_write() -> None:
    decided = planned(SETTLED, EARLIER.finished(), HOURLY.a_run(NOW))
    said = status(decided)
    assert (said.last_schedule_time, said.next_schedule_time) == (NOW, NOW + timedelta(hours=1))
    assert (said.active, said.last_run) == (1, f"nightly-{int(NOW.timestamp()) // 60}")
    assert said.last_successful_time == NOW
    assert (said.reason, said.conditions[0].status) == ("Waiting", "True")
    assert events(decided) == [("Normal", "RunStarted")]


def test_what_was_recorded_is_not_forgotten_with_its_runs() -> None:
    before = SETTLED.with_status(lastSuccessfulTime=wire_time(ago(60)), lastRun="nightly-29406720")
    said = status(planned(before, now=NOW - timedelta(seconds=10)))
    assert said.last_schedule_time == ago(HOUR)
    assert said.last_successful_time == ago(60)


def test_at_rest_there_is_nothing_to_write() -> None:
    now = NOW + timedelta(minutes=10)
    settled = planned(SETTLED, HOURLY.a_run(NOW), now=now)
    again = SETTLED.with_status(**status(settled).wire())
    rest = planned(again, HOURLY.a_run(NOW), now=now + timedelta(minutes=40))
    assert status(rest).wire() == again.content["status"]
    assert not rest.events


@pytest.mark.parametrize(
    ("missed", "warned"),
    [(timedelta(hours=100), False), (timedelta(hours=101), True), (timedelta(days=900), True)],
)
def test_more_than_a_hundred_missed_times_are_worth_a_warning(missed: timedelta, warned: bool) -> None:
    behind = SETTLED.with_status(
        lastScheduleTime=wire_time(NOW - missed), scheduleSince=wire_time(NOW - missed)
    )
    decided = planned(behind, HOURLY.a_run(NOW))
    assert (("Warning", "TooManyMissedTimes") in events(decided)) == warned


def test_missed_times_before_the_deadline_are_not_counted() -> None:
    behind = SETTLED.with_status(lastScheduleTime=wire_time(NOW - timedelta(days=900)))
    decided = planned(behind.with_spec(startingDeadlineSeconds=HOUR), HOURLY.a_run(NOW))
    assert events(decided) == [("Normal", "RunStarted")]


def deleted(**spec: Any) -> list[int]:
    """Of seven runs, an hour apart, the hours ago of those that go: 6 and 3 have failed, 0 goes on."""
    outcomes = {6: "Failed", 5: "Complete", 4: "Complete", 3: "Failed", 2: "Complete", 1: "Complete"}
    runs = [HOURLY.a_run(ago(hours * HOUR)).finished(outcome) for hours, outcome in outcomes.items()]
    gone = planned(SETTLED.with_spec(**spec), HOURLY.a_run(NOW), *runs).deletes
    return [int((NOW.timestamp() / 60 - int(ref.name.rsplit("-", 1)[1])) / 60) for ref in gone]


@pytest.mark.parametrize(
    ("spec", "gone"),
    [
        pytest.param({}, [5, 6], id="three that succeeded and one that failed are kept"),
        pytest.param({"successfulRunsHistoryLimit": 1}, [5, 4, 2, 6], id="the oldest first"),
        pytest.param({"failedRunsHistoryLimit": 0}, [5, 6, 3], id="none that failed"),
        pytest.param({"successfulRunsHistoryLimit": 9, "failedRunsHistoryLimit": 9}, [], id="room for all"),
        pytest.param({"suspend": True}, [5, 6], id="also while it is suspended"),
        pytest.param({"schedule": "never"}, [5, 6], id="also while the schedule is wrong"),
    ],
)
def test_history_is_limited(spec: dict[str, Any], gone: list[int]) -> None:
    assert deleted(**spec) == gone


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"schedule": "0 25 * * *"}, "InvalidSchedule"),
        ({"timeZone": "Europe/Berlni"}, "UnknownTimeZone"),
        ({"suspend": True}, "Suspended"),
    ],
)
def test_what_starts_no_runs_says_so_and_waits_for_another_spec(spec: dict[str, Any], reason: str) -> None:
    decided = planned(SETTLED.with_spec(**spec))
    ready = status(decided).conditions[0]
    assert (ready.type, ready.status, ready.reason) == ("Ready", "False", reason)
    assert status(decided).next_schedule_time is None
    assert decided.look_again is None


def test_a_refused_run_is_said_and_tried_again() -> None:
    refusal = Refusal("NameTaken", "There is a TrainingRun of that name.", final=False)
    decided = planned(SETTLED, refusal=refusal)
    assert (status(decided).reason, status(decided).conditions[0].status) == ("NameTaken", "False")
    assert started(decided) == ["11-23 09:00"]
    assert decided.look_again == REFUSED_RETRY_SECONDS


@pytest.mark.parametrize(("early", "looks"), [(10, 10), (1800, CLOCK_SECONDS)])
def test_it_looks_again_when_the_next_run_is_due_or_soon_to_see_whether_the_clock_has_moved(
    early: int, looks: float
) -> None:
    assert planned(SETTLED, now=NOW - timedelta(seconds=early)).look_again == looks


def test_a_run_that_somebody_put_under_it_counts_as_active_only() -> None:
    stranger = EARLIER.named("nightly-by-hand").with_uid("other")
    said = status(planned(SETTLED, stranger, now=NOW - timedelta(seconds=1)))
    assert (said.active, said.last_schedule_time) == (1, ago(HOUR))
