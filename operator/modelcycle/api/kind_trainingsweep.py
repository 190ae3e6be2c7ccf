"""The TrainingSweep's columns, and what its schema refuses."""

from modelcycle.api.kind import AGE, PARAMETER_NAMES, Column, Kind, Rule, immutable
from modelcycle.api.kind_trainingrun import of_template
from modelcycle.api.trainingsweep import (
    NAME_MAX_LENGTH,
    TrainingSweep,
    TrainingSweepSpec,
    TrainingSweepStatus,
)

_IMMUTABLE = "what is tried is immutable: create a TrainingSweep with another name"
_COLUMNS = (
    Column("Status", ".status.phase", "Where the sweep is."),
    Column("Total", ".status.total", "How many runs there are to be.", "integer"),
    Column("Active", ".status.active", "How many have not finished.", "integer"),
    Column("Succeeded", ".status.succeeded", "How many have succeeded.", "integer"),
    Column("Failed", ".status.failed", "How many have failed.", "integer"),
    Column("Best", ".status.best.run", "The best run so far."),
    Column("Metric", ".status.best.metric", "Its objective metric."),
    Column("Version", ".status.best.version", "Version that it registered.", priority=1),
    Column("Duration", ".status.duration", "From start to end.", priority=1),
    Column("Reason", ".status.reason", "Why it is where it is.", priority=1),
    AGE,
)
_SEARCH = (
    Rule(
        "(self.type == 'Random') == has(self.maxRuns)",
        "maxRuns goes with type Random, and only with that: a grid is as large as its values make it",
    ),
)
_SPACE = (
    Rule(
        "has(self.values) != (has(self.min) && has(self.max)) && has(self.min) == has(self.max)",
        "give a parameter either values, or min and max",
    ),
    Rule("!has(self.min) || self.min <= self.max", "min is above max: nothing lies between", ".min"),
    Rule(
        "!has(self.values) || !has(self.scale) && !has(self.integer)",
        "scale and integer go with min and max",
    ),
    Rule(
        "!has(self.scale) || self.scale != 'Log' || !has(self.min) || self.min > 0.0",
        "only numbers above 0 have a logarithm: raise min, or use scale Linear",
        ".min",
    ),
)
_TEMPLATE = (
    Rule(
        "!has(self.ttlSecondsAfterFinished)",
        "a sweep's runs stay, as what came out stands in their status: delete the sweep instead",
        ".ttlSecondsAfterFinished",
    ),
    Rule("!has(self.suspend) || !self.suspend", "suspend the sweep, and not its runs", ".suspend"),
)


_INPUTS = tuple(immutable(name, _IMMUTABLE) for name in ("search", "params", "objective", "template"))
_NUMBERS = Rule(
    "has(self.search) && self.search.type == 'Random' || self.params.all(name, has(self.params[name].values))",
    "a grid is made of values: give each parameter values, or set search.type to Random",
    ".params",
)
_OF_TEMPLATE = of_template()

TRAINING_SWEEP = Kind(
    TrainingSweep,
    TrainingSweepSpec,
    TrainingSweepStatus,
    plural="trainingsweeps",
    short_name="tsweep",
    name_max_length=NAME_MAX_LENGTH,
    columns=_COLUMNS,
    rules={
        "spec": (*_INPUTS, _NUMBERS),
        "spec.search": _SEARCH,
        "spec.params": (PARAMETER_NAMES,),
        "spec.params{}": _SPACE,
        **_OF_TEMPLATE,
        "spec.template.spec": (*_OF_TEMPLATE.get("spec.template.spec", ()), *_TEMPLATE),
    },
    subresources={"status": {}},
)
