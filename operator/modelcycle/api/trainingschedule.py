"""TrainingSchedule: TrainingRuns made by the clock."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from modelcycle.api.meta import Condition, Model, ObjectMeta, ShortText, Text
from modelcycle.api.trainingrun import RunTemplate

NAME_MAX_LENGTH = 41

HistoryLimit = Annotated[int, Field(ge=0, le=1000)]


class TrainingScheduleSpec(Model):
    """As a CronJob's, with TrainingRuns in place of Jobs."""

    schedule: Annotated[str, Field(min_length=1, max_length=256)] = Field(
        description="When: minute, hour, day of month, month, day of week, as in 30 2 * * 1-5; or @hourly, @daily, "
        "@weekly, @monthly, @yearly."
    )
    time_zone: Annotated[ShortText, Field(max_length=64)] | None = Field(
        None, description="Time zone that the schedule is read in, as in Europe/Berlin. Defaults to Etc/UTC."
    )
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] = Field(
        "Allow",
        description="Where a run is due and an earlier one has not finished: Allow starts it, Forbid starts it "
        "when the earlier one has finished, Replace deletes the earlier one first.",
    )
    starting_deadline_seconds: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Seconds that a run may start late, after the operator was down or a run was in the way.",
    )
    suspend: bool = Field(False, description="Whether to start no runs. Those that were started go on.")
    successful_runs_history_limit: HistoryLimit = Field(
        3, description="How many TrainingRuns that succeeded are kept, the newest ones."
    )
    failed_runs_history_limit: HistoryLimit = Field(
        1, description="How many TrainingRuns that failed are kept, the newest ones."
    )
    template: RunTemplate = Field(description="What each TrainingRun is made from.")


class TrainingScheduleStatus(Model):
    reason: Text | None = Field(
        None, description="Why it does or does not start runs, as one CamelCase word."
    )
    message: Text | None = Field(None, description="Why, as a sentence.")
    observed_generation: int | None = Field(None, description="metadata.generation that status speaks of.")
    conditions: list[Condition] = Field(
        default_factory=list,
        description="Ready: whether runs are started.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    schedule: Text | None = Field(None, description="The schedule that status speaks of, and its time zone.")
    schedule_since: datetime | None = Field(
        None, description="Since when it has been this one: what was due before then is not made up for."
    )
    last_schedule_time: datetime | None = Field(None, description="When the last run that started was due.")
    last_successful_time: datetime | None = Field(None, description="When the last run that succeeded ended.")
    next_schedule_time: datetime | None = Field(None, description="When the next run is due.")
    last_run: Text | None = Field(None, description="Name of the TrainingRun that started last.")
    active: int = Field(0, description="How many of its TrainingRuns have not finished.")


class TrainingSchedule(Model):
    """Makes TrainingRuns by the clock, and keeps the last ones."""

    metadata: ObjectMeta
    spec: TrainingScheduleSpec
    status: TrainingScheduleStatus = TrainingScheduleStatus()
