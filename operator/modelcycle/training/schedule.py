"""What the next step of a TrainingSchedule is.

Which times are made up for is CronJob's rule (pkg/controller/cronjob in Kubernetes): of all that were missed,
the last one only, unless startingDeadlineSeconds have passed since.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.api.trainingschedule import TrainingSchedule, TrainingScheduleStatus
from modelcycle.conditions import Conditions, cut, is_true
from modelcycle.plan import SCHEDULE_LABEL, Body, Event, Plan, Ref, Refusal
from modelcycle.training import template
from modelcycle.training.cron import Cron, ScheduleError, parse

# Timers stand still while a machine sleeps, and clocks are set: the time is looked at again this soon.
CLOCK_SECONDS = 60.0
REFUSED_RETRY_SECONDS = 30.0
# From so many missed times on, CronJob warns: a clock may be wrong.
MANY = 100
_EPOCH = datetime.fromtimestamp(0, UTC)
_MINUTES = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Observed:
    """One pass's input. runs: all that this schedule controls; refusal: the last no to the making of one."""

    schedule: TrainingSchedule
    runs: tuple[TrainingRun, ...] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Verdict:
    """What there is to say. next: when the next run is due, or None if none will be."""

    ready: bool
    reason: str
    message: str = ""
    next: datetime | None = None


def plan(observed: Observed, now: datetime) -> Plan:
    """What has become of the runs is recorded, old ones are deleted, and what is due is started."""
    schedule = observed.schedule
    if schedule.metadata.deletion_timestamp:
        return Plan()
    try:
        cron = parse(schedule.spec.schedule, schedule.spec.time_zone, now)
    except ScheduleError as error:
        return _said(observed, now, Verdict(False, error.reason, str(error)))
    if schedule.spec.suspend:
        return _said(observed, now, Verdict(False, "Suspended", "spec.suspend is true: no run is started."))
    due = _due(_recorded(observed, now), cron, now)
    if due is None:
        return _said(observed, now, Verdict(True, "Waiting", next=cron.after(now)), cron)
    if in_the_way := _in_the_way(observed, cron, due, now):
        return _said(observed, now, in_the_way, cron)
    return _start(observed, cron, due, now)


def run_name(schedule: TrainingSchedule, due: datetime) -> str:
    """As CronJob names its Jobs: <name>-<minutes since the epoch>."""
    return f"{schedule.metadata.name}-{int(due.timestamp()) // 60}"


def due_time(schedule: TrainingSchedule, run: TrainingRun) -> datetime | None:
    """When a run was due, by its name; None of one that somebody else has put under the schedule."""
    minutes = run.metadata.name.removeprefix(f"{schedule.metadata.name}-")
    return datetime.fromtimestamp(int(minutes) * 60, UTC) if _MINUTES.fullmatch(minutes) else None


def _due(recorded: TrainingScheduleStatus, cron: Cron, now: datetime) -> datetime | None:
    """The last time that has come and that nothing was started for."""
    due = cron.until(now)
    return due if due > _since(recorded) else None


def _since(status: TrainingScheduleStatus) -> datetime:
    """What was due until then is done with."""
    return max(time for time in (status.last_schedule_time, status.schedule_since) if time)


def _in_the_way(observed: Observed, cron: Cron, due: datetime, now: datetime) -> Verdict | None:
    spec, active = observed.schedule.spec, _active(observed)
    deadline = spec.starting_deadline_seconds
    if deadline is not None and due + timedelta(seconds=deadline) <= now:
        message = (
            f"The run due at {_said_time(due)} could not start within startingDeadlineSeconds ({deadline})."
        )
        return Verdict(True, "DeadlineMissed", message, cron.after(now))
    if spec.concurrency_policy == "Forbid" and active:
        message = (
            f"The run due at {_said_time(due)} has not started: {active[0].metadata.name!r} has not finished, and "
            "concurrencyPolicy is Forbid."
        )
        return Verdict(True, "RunStillActive", message, cron.after(now))
    return None


def _start(observed: Observed, cron: Cron, due: datetime, now: datetime) -> Plan:
    """The run is there before status says so: a pass that is cut short in between finds it by its name."""
    schedule = observed.schedule
    replaced = [run for run in _active(observed) if not run.metadata.deletion_timestamp]
    if schedule.spec.concurrency_policy == "Replace" and replaced:
        return Plan(deletes=tuple(_ref(run) for run in replaced))
    creates = (_run(schedule, due),)
    if refusal := observed.refusal:
        verdict = Verdict(False, refusal.reason, refusal.message, cron.after(now))
        return _said(observed, now, verdict, cron, creates)
    return Plan(creates=creates)


def _run(schedule: TrainingSchedule, due: datetime) -> Body:
    labels = {SCHEDULE_LABEL: schedule.metadata.name}
    name = run_name(schedule, due)
    return template.run("TrainingSchedule", schedule.metadata, schedule.spec.template, name, labels)


def _said(
    observed: Observed,
    now: datetime,
    verdict: Verdict,
    cron: Cron | None = None,
    creates: tuple[Body, ...] = (),
) -> Plan:
    """Status, with what is said; the next time stands in the write that a tick makes anyway."""
    before, metadata = observed.schedule.status, observed.schedule.metadata
    recorded = _recorded(observed, now)
    conditions = Conditions(before.conditions, metadata.generation, now)
    conditions.judge("Ready", verdict.ready, verdict.reason, verdict.message)
    status = recorded.model_copy(
        update={
            "reason": verdict.reason,
            "message": cut(verdict.message) or None,
            "observed_generation": metadata.generation,
            "conditions": conditions.all(),
            "next_schedule_time": verdict.next,
        }
    )
    events = _started(observed, recorded, cron)
    if verdict.message and verdict.reason not in (before.reason, "Suspended"):
        kind: Literal["Normal", "Warning"] = "Normal" if verdict.ready else "Warning"
        events.append(Event(kind, verdict.reason, verdict.message))
    wait = (verdict.next - now).total_seconds() if verdict.next else None
    retry = REFUSED_RETRY_SECONDS if creates else CLOCK_SECONDS
    return Plan(
        status=status,
        creates=creates,
        deletes=_old(observed),
        events=tuple(events),
        look_again=None if wait is None else min(wait, retry),
    )


def _recorded(observed: Observed, now: datetime) -> TrainingScheduleStatus:
    """Status with what its runs show, and since when the schedule is what it is."""
    before, spec = observed.schedule.status, observed.schedule.spec
    due = [time for run in observed.runs if (time := due_time(observed.schedule, run))]
    last = max((*due, before.last_schedule_time or _EPOCH))
    succeeded = [run.status.completion_time for run in observed.runs if _has(run, "Complete")]
    succeeded.append(before.last_successful_time)
    text = f"{spec.schedule} {spec.time_zone or 'Etc/UTC'}"
    since = now if before.schedule else observed.schedule.metadata.creation_timestamp
    return before.model_copy(
        update={
            "schedule": text,
            "schedule_since": before.schedule_since if before.schedule == text else since,
            "last_schedule_time": last if last > _EPOCH else None,
            "last_run": run_name(observed.schedule, last) if last > _EPOCH else None,
            "last_successful_time": max((time for time in succeeded if time), default=None),
            "active": len(_active(observed)),
        }
    )


def _started(observed: Observed, recorded: TrainingScheduleStatus, cron: Cron | None) -> list[Event]:
    """What is told of a run that is recorded for the first time."""
    before, last = observed.schedule.status, recorded.last_schedule_time
    if last is None or last == before.last_schedule_time:
        return []
    events = [Event("Normal", "RunStarted", f"TrainingRun {recorded.last_run!r}, due at {_said_time(last)}.")]
    since = _since(recorded.model_copy(update={"last_schedule_time": before.last_schedule_time}))
    if deadline := observed.schedule.spec.starting_deadline_seconds:
        since = max(since, last - timedelta(seconds=deadline))
    if cron and cron.count(since, last, MANY + 1) > MANY:
        message = (
            f"More than {MANY} times were missed, and only the last one was made up for: was the operator down, or is "
            "a clock wrong? With startingDeadlineSeconds, late runs do not start."
        )
        events.append(Event("Warning", "TooManyMissedTimes", message))
    return events


def _old(observed: Observed) -> tuple[Ref, ...]:
    """Finished runs beyond the history limits, the oldest first."""
    spec = observed.schedule.spec
    limits = {"Complete": spec.successful_runs_history_limit, "Failed": spec.failed_runs_history_limit}
    out: list[Ref] = []
    for outcome, limit in limits.items():
        ended = sorted((run for run in observed.runs if _has(run, outcome)), key=_age)
        out += [
            _ref(run) for run in ended[: max(0, len(ended) - limit)] if not run.metadata.deletion_timestamp
        ]
    return tuple(out)


def _active(observed: Observed) -> list[TrainingRun]:
    return sorted((run for run in observed.runs if not _has(run, "Finished")), key=_age)


def _age(run: TrainingRun) -> tuple[datetime, str]:
    return run.metadata.creation_timestamp, run.metadata.name


def _has(run: TrainingRun, kind: str) -> bool:
    return is_true(run.status.conditions, kind)


def _ref(run: TrainingRun) -> Ref:
    return Ref("TrainingRun", run.metadata.name, run.metadata.uid)


def _said_time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
