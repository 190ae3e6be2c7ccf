"""TrainingSweep: one training with many parameters, and which of them were best."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from modelcycle.api.meta import Condition, Model, ObjectMeta, Text
from modelcycle.api.trainingrun import MapValue, Phase, RunTemplate

NAME_MAX_LENGTH = 46
RUNS_MAX = 1000


class Space(Model):
    """What one parameter is tried with: values, or numbers between two."""

    values: Annotated[list[MapValue], Field(min_length=1, max_length=RUNS_MAX)] | None = Field(
        None, description="Each value to try."
    )
    min: float | None = Field(None, description="Random: the smallest number.")
    max: float | None = Field(None, description="Random: the greatest number.")
    scale: Literal["Linear", "Log"] | None = Field(
        None, description="Random: whether the number (Linear, the default) or its logarithm is drawn evenly."
    )
    integer: bool | None = Field(None, description="Random: whether only whole numbers are drawn.")


class Search(Model):
    type: Literal["Grid", "Random"] = Field(
        "Grid", description="Grid: every combination of values. Random: maxRuns of them, drawn by chance."
    )
    max_runs: Annotated[int, Field(ge=1, le=RUNS_MAX)] | None = Field(
        None, description="Random: how many runs there are at most."
    )
    seed: int = Field(0, description="Random: the same seed draws the same parameters.")


class SweepObjective(Model):
    metric: Annotated[str, Field(min_length=1, max_length=250)] = Field(
        description="Metric of each run's main MLflow run, by which runs are compared."
    )
    higher_is_better: bool = Field(
        description="Whether more of it is better: true for accuracy, false for a loss."
    )
    goal: float | None = Field(
        None, description="A value that is good enough: once a run reaches it the sweep stops."
    )


class TrainingSweepSpec(Model):
    """Inputs are immutable, except for what says how it is carried out."""

    search: Search = Field(default_factory=Search, description="How parameters are chosen.")
    params: Annotated[dict[str, Space], Field(min_length=1, max_length=20)] = Field(
        description="Parameters that vary. Each run has them besides the template's, as PARAM_<name>."
    )
    objective: SweepObjective = Field(description="What makes one run better than another.")
    parallelism: Annotated[int, Field(ge=1, le=100)] = Field(1, description="How many runs go on at once.")
    max_failed: Annotated[int, Field(ge=0, le=RUNS_MAX)] | None = Field(
        None,
        description="With more failed runs than this the sweep stops and has failed. No limit by default.",
    )
    suspend: bool = Field(False, description="Whether to start no more runs. Those under way go on.")
    template: RunTemplate = Field(
        description="What each TrainingRun is made from. Its model.promote is done once, for the best run."
    )


class Best(Model):
    run: Text = Field(description="Name of the TrainingRun.")
    params: dict[str, MapValue] = Field(description="Its parameters that vary.")
    value: Text = Field(description="Its objective metric, in full.")
    metric: Text = Field(description="The same, as in accuracy=0.947.")
    version: Text | None = Field(None, description="Version that it registered.")
    run_id: Text | None = Field(None, description="Id of its main MLflow run.")


class TrainingSweepStatus(Model):
    phase: Phase = Field("Pending", description="Where the sweep is, derived from the conditions.")
    reason: Text | None = Field(None, description="Why, as one CamelCase word.")
    message: Text | None = Field(None, description="Why, as a sentence.")
    observed_generation: int | None = Field(None, description="metadata.generation that status speaks of.")
    conditions: list[Condition] = Field(
        default_factory=list,
        description="As a Job's: Suspended; SuccessCriteriaMet or FailureTarget while runs are being stopped; Complete, "
        "Failed, Finished (either). Promoted, RegistryReachable.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    total: int | None = Field(None, description="How many runs there are to be.")
    active: int | None = Field(None, description="How many of its runs have not finished.")
    succeeded: int | None = Field(None, description="How many have succeeded.")
    failed: int | None = Field(None, description="How many have failed.")
    best: Best | None = Field(None, description="The best run so far.")
    start_time: datetime | None = Field(None, description="When its first run was seen.")
    completion_time: datetime | None = Field(None, description="When it ended.")
    duration: Text | None = Field(None, description="From start to end, as in 1m32s.")


class TrainingSweep(Model):
    """Makes TrainingRuns of one template with different parameters, and tells which was best."""

    metadata: ObjectMeta
    spec: TrainingSweepSpec
    status: TrainingSweepStatus = TrainingSweepStatus()
