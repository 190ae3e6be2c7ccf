"""When a schedule is due: in its time zone, and where summer time begins and ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelcycle.training.cron import ScheduleError, parse

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "due"),
    [
        pytest.param("30 2 * * *", None, "2026-11-23 02:30", "2026-11-24 02:30", id="not the time itself"),
        pytest.param("30 2 * * *", None, "2026-11-23 02:29:59", "2026-11-23 02:30", id="a second before it"),
        pytest.param("30 2 * * *", BERLIN, "2026-11-23 09:00", "2026-11-24 01:30", id="winter in Berlin"),
        pytest.param("30 2 * * *", BERLIN, "2026-07-01 09:00", "2026-07-02 00:30", id="summer in Berlin"),
        pytest.param("0 9 * * 1-5", BERLIN, "2026-11-20 09:00", "2026-11-23 08:00", id="over a weekend"),
        pytest.param("0 0 29 2 *", None, "2026-11-23 09:00", "2028-02-29 00:00", id="the next leap year"),
        pytest.param("0 0 13 * FRI", None, "2026-11-23 09:00", "2026-11-27 00:00", id="a Friday or a 13th"),
        pytest.param("@hourly", None, "2026-11-23 09:10", "2026-11-23 10:00", id="by name"),
        pytest.param("@Weekly", None, "2026-11-23 09:10", "2026-11-29 00:00", id="on Sunday"),
        pytest.param(
            "30 2 * * *",
            NEW_YORK,
            "2026-03-07 12:00",
            "2026-03-08 07:00",
            id="a time that is skipped: at its end",
        ),
        pytest.param(
            "30 2 * * *", NEW_YORK, "2026-03-08 07:00", "2026-03-09 06:30", id="the day after, in summer time"
        ),
        pytest.param(
            "30 1 * * *", NEW_YORK, "2026-10-31 12:00", "2026-11-01 05:30", id="comes twice: the first"
        ),
        pytest.param(
            "30 1 * * *", NEW_YORK, "2026-11-01 05:30", "2026-11-02 06:30", id="comes twice: not again"
        ),
        pytest.param("30 1 * * *", NEW_YORK, "2026-11-01 06:10", "2026-11-02 06:30", id="in the hour again"),
        pytest.param(
            "0 * * * *", NEW_YORK, "2026-11-01 05:00", "2026-11-01 06:00", id="hourly goes on, autumn"
        ),
        pytest.param(
            "0 * * * *", NEW_YORK, "2026-03-08 06:00", "2026-03-08 07:00", id="hourly goes on, spring"
        ),
        pytest.param(
            "15 2 * * *", LORD_HOWE, "2026-10-03 12:00", "2026-10-03 15:30", id="half an hour skipped"
        ),
    ],
)
def test_the_next_time(schedule: str, zone: str | None, after: str, due: str) -> None:
    assert parse(schedule, zone, NOW).after(utc(after)) == utc(due)


@pytest.mark.parametrize(
    ("schedule", "zone", "until", "due"),
    [
        pytest.param("30 2 * * *", None, "2026-11-23 02:30", "2026-11-23 02:30", id="the time itself counts"),
        pytest.param("30 2 * * *", None, "2026-11-23 02:29:59", "2026-11-22 02:30", id="a second too early"),
        pytest.param(
            "30 2 * * *", NEW_YORK, "2026-03-08 07:00", "2026-03-08 07:00", id="skipped: at its end"
        ),
        pytest.param(
            "30 2 * * *", NEW_YORK, "2026-03-08 06:59", "2026-03-07 07:30", id="skipped: not before"
        ),
        pytest.param("30 1 * * *", NEW_YORK, "2026-11-01 06:10", "2026-11-01 05:30", id="in the hour again"),
        pytest.param(
            "30 1 * * *", NEW_YORK, "2026-11-01 06:45", "2026-11-01 05:30", id="the second one: not due"
        ),
        pytest.param(
            "*/20 * * * *", NEW_YORK, "2026-11-01 06:10", "2026-11-01 06:00", id="goes by time passed"
        ),
        pytest.param("0 0 1 1 *", BERLIN, "2026-11-23 09:00", "2025-12-31 23:00", id="New Year in Berlin"),
    ],
)
def test_the_last_time(schedule: str, zone: str | None, until: str, due: str) -> None:
    assert parse(schedule, zone, NOW).until(utc(until)) == utc(due)


SCHEDULES = st.sampled_from(
    ["30 2 * * *", "0,30 1-3 * * *", "*/20 * * * *", "5 */2 * * *", "0 2 * * SUN", "59 1 1 * *", "0 0 L * *"]
)
ZONES = st.sampled_from([None, NEW_YORK, BERLIN, LORD_HOWE, "America/Sao_Paulo", "Asia/Kathmandu"])
# Both turns of the clock are in it, of either hemisphere.
TIMES = st.integers(0, 366 * 24 * 60).map(
    lambda minutes: utc("2026-01-01 00:00") + timedelta(minutes=minutes)
)


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(SCHEDULES, ZONES, TIMES)
def test_looking_back_finds_what_looking_ahead_found(schedule: str, zone: str | None, time: datetime) -> None:
    cron = parse(schedule, zone, NOW)
    due = cron.after(time)
    assert due > time
    assert cron.until(due) == due
    before = cron.until(due - timedelta(seconds=1))
    assert before <= time
    assert cron.after(before) == due


@pytest.mark.parametrize(
    ("after", "until", "times"),
    [("2026-11-23 09:00", "2026-11-23 09:00", 0), ("2026-11-23 09:00", "2026-11-23 12:00", 3)],
)
def test_times_are_counted_without_the_first_and_with_the_last(after: str, until: str, times: int) -> None:
    assert parse("@hourly", None, NOW).count(utc(after), utc(until), 10) == times


def test_counting_stops_at_its_limit() -> None:
    assert parse("* * * * *", None, NOW).count(utc("1970-01-01 00:00"), NOW, 101) == 101


@pytest.mark.parametrize(
    ("schedule", "zone", "reason", "words"),
    [
        ("61 * * * *", None, "InvalidSchedule", "Bad minute"),
        ("* * * *", None, "InvalidSchedule", "five fields"),
        ("0 0 * * * *", None, "InvalidSchedule", "Wrong number of fields"),
        ("TZ=Europe/Berlin 0 2 * * *", None, "InvalidSchedule", "the time zone is in spec.timeZone"),
        ("@every 1h", None, "InvalidSchedule", "five fields"),
        ("@fortnightly", None, "InvalidSchedule", "five fields"),
        ("0 0 * * */0", None, "InvalidSchedule", "Bad day-of-week"),
        ("59 23 31 2 *", None, "InvalidSchedule", "Bad day-of-month"),
        ("0 0 * 2 1#6", None, "InvalidSchedule", "Bad day-of-week"),
        ("0 0 */29 2 MON#5", None, "NeverDue", "no such day"),
        ("@daily", "Europe/Berlni", "UnknownTimeZone", "'Europe/Berlni'"),
        ("@daily", "Local", "UnknownTimeZone", "IANA"),
        ("@daily", "America", "UnknownTimeZone", "IANA"),
        ("@daily", "../../etc/passwd", "UnknownTimeZone", "IANA"),
        ("@daily", "/etc/localtime", "UnknownTimeZone", "IANA"),
    ],
)
def test_what_cannot_be_followed_says_why_and_what_to_do(
    schedule: str, zone: str | None, reason: str, words: str
) -> None:
    with pytest.raises(ScheduleError, match=words) as raised:
        parse(schedule, zone, NOW)
    assert raised.value.reason == reason
