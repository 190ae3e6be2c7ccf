"""When a cron schedule is due in its time zone.

Every time is found once, as with Debian's cron: one in the hour that summer time skips is due at the end of
that hour, and in an hour that comes twice it is due the first time. A schedule whose minutes or hours begin
with * goes by the time that has passed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = 5
# A clock is turned by no more than this: from so far away, a time that comes twice is found.
_TURN = timedelta(hours=3)


class ScheduleError(ValueError):
    """The schedule cannot be followed; str() says why and what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Cron:
    """A schedule that is due again and again. Times given and answered are in UTC."""

    expression: str
    zone: tzinfo

    def after(self, time: datetime) -> datetime:
        """The first time after this one."""
        return next(self._times_after(time))

    def until(self, time: datetime) -> datetime:
        """The last time that is not after this one."""
        backwards = CronSim(self.expression, (time + _TURN).astimezone(self.zone), reverse=True)
        return next(due for local in backwards if (due := local.astimezone(UTC)) <= time)

    def count(self, after: datetime, until: datetime, most: int) -> int:
        """How often it is due between two times, the latter included; counted up to a limit."""
        return sum(due <= until for due in islice(self._times_after(after), most))

    def _times_after(self, time: datetime) -> Iterator[datetime]:
        forwards = CronSim(self.expression, (time - _TURN).astimezone(self.zone))
        return (due for local in forwards if (due := local.astimezone(UTC)) > time)


def parse(schedule: str, time_zone: str | None, now: datetime) -> Cron:
    """Raises ScheduleError: InvalidSchedule, UnknownTimeZone, or NeverDue."""
    expression = _NAMED.get(schedule.strip().lower(), schedule)
    cron = Cron(expression, _zone(time_zone))
    try:
        if len(expression.split()) != _FIELDS:
            raise CronSimError("Wrong number of fields")
        due = next(iter(CronSim(expression, now)), None)
    except CronSimError as error:
        raise ScheduleError(
            "InvalidSchedule",
            f"The schedule {schedule!r} cannot be read ({error}): it has five fields, which are minute, hour, day of "
            "month, month and day of week, as in '30 2 * * 1-5'; the time zone is in spec.timeZone.",
        ) from error
    if due is None:
        raise ScheduleError("NeverDue", f"The schedule {schedule!r} is never due: there is no such day.")
    return cron


def _zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError) as error:
        raise ScheduleError(
            "UnknownTimeZone",
            f"There is no time zone {name!r}: name one of the IANA database, as in Europe/Berlin or Etc/UTC.",
        ) from error
