"""The TrainingSchedule's columns, and what its schema refuses."""

from modelcycle.api.kind import AGE, Column, Kind, Rule
from modelcycle.api.kind_trainingrun import of_template
from modelcycle.api.trainingschedule import (
    NAME_MAX_LENGTH,
    TrainingSchedule,
    TrainingScheduleSpec,
    TrainingScheduleStatus,
)

TRAINING_SCHEDULE = Kind(
    TrainingSchedule,
    TrainingScheduleSpec,
    TrainingScheduleStatus,
    plural="trainingschedules",
    short_name="tsched",
    name_max_length=NAME_MAX_LENGTH,
    columns=(
        Column("Schedule", ".spec.schedule", "When runs are due."),
        Column("Timezone", ".spec.timeZone", "Time zone that the schedule is read in."),
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status", "Whether runs are started."),
        Column("Active", ".status.active", "How many of its runs have not finished.", "integer"),
        Column("Last-Schedule", ".status.lastScheduleTime", "When the last run was due.", "date"),
        Column("Next-Schedule", ".status.nextScheduleTime", "When the next run is due."),
        Column("Last-Run", ".status.lastRun", "The run that started last.", priority=1),
        Column("Reason", ".status.reason", "Why it does or does not start runs.", priority=1),
        Column("Message", ".status.message", "Why, as a sentence.", priority=1),
        AGE,
    ),
    rules={
        "spec": (
            Rule(
                r"self.schedule.matches('^\\s*(@[a-z]+|[^\\s=]+(\\s+[^\\s=]+){4})\\s*$')",
                "a schedule has five fields: minute, hour, day of month, month, day of week, as in 30 2 * * 1-5; "
                "the time zone is in timeZone",
                ".schedule",
            ),
            Rule(
                "!has(self.timeZone) || timestamp(0).getFullYear(self.timeZone) > 0",
                "name a time zone of the IANA database, as in Europe/Berlin",
                ".timeZone",
            ),
        ),
        **of_template(),
    },
    subresources={"status": {}},
)
