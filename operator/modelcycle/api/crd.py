"""CustomResourceDefinitions from the pydantic models.

Kubernetes takes a part of OpenAPI only and drops silently what it does not know, so that whatever is outside
the part used here raises.
"""

from typing import Any

from pydantic import BaseModel

from modelcycle.api import GROUP, VERSION
from modelcycle.api.kind import AGE, Column, Kind, Rule, Schema, immutable
from modelcycle.api.kind_trainingsweep import PARAMETER_NAMES, training_sweep
from modelcycle.api.modeldeployment import NAME_MAX_LENGTH as DEPLOYMENT_NAME_MAX_LENGTH
from modelcycle.api.modeldeployment import ModelDeployment, ModelDeploymentSpec, ModelDeploymentStatus
from modelcycle.api.trainingrun import NAME_MAX_LENGTH as RUN_NAME_MAX_LENGTH
from modelcycle.api.trainingrun import TrainingRun, TrainingRunSpec, TrainingRunStatus
from modelcycle.api.trainingschedule import NAME_MAX_LENGTH as SCHEDULE_NAME_MAX_LENGTH
from modelcycle.api.trainingschedule import TrainingSchedule, TrainingScheduleSpec, TrainingScheduleStatus

_KEPT = {
    "type", "description", "default", "enum", "format", "pattern", "minimum", "maximum", "minLength", "maxLength",
    "minItems", "maxItems", "minProperties", "maxProperties", "required", "x-kubernetes-int-or-string",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations",
    "x-kubernetes-preserve-unknown-fields",
}  # fmt: skip
_DROPPED = {"const", "title", "$defs"}
_SAYS_NO_TYPE = {"title", "description", "default"}


_IMMUTABLE = "run inputs are immutable: create a TrainingRun with another name"


# How long a run may wait, run and stay is no input of it.
_CHANGEABLE = {"suspend", "pending_deadline_seconds", "ttl_seconds_after_finished"}


def _run_inputs() -> tuple[str, ...]:
    fields = TrainingRunSpec.model_fields.items()
    return tuple(f.alias or name for name, f in fields if name not in _CHANGEABLE)


_VOLUMES = (
    Rule(
        "self.all(volume, [has(volume.persistentVolumeClaim), has(volume.nfs), has(volume.secret), "
        "has(volume.configMap), has(volume.emptyDir)].filter(given, given).size() == 1)",
        "each volume has exactly one of persistentVolumeClaim, nfs, secret, configMap and emptyDir; another kind goes "
        "into podTemplate.spec.volumes",
    ),
    Rule(
        "self.all(volume, !(volume.name in ['mlruns', 'source', 'tmp', 'workspace']))",
        "the volumes mlruns, source, tmp and workspace are the run's own: choose another name",
    ),
)
_RESERVED_ALIAS = "matches('^([vV][0-9]+|[lL][aA][tT][eE][sS][tT])$')"
_PROMOTE = Rule(
    f"!self.alias.{_RESERVED_ALIAS}",
    "MLflow keeps latest, v1, v2 and so on to itself: name the alias otherwise, as in champion",
    ".alias",
)
_PROMOTION_RULE = (
    Rule(
        "has(self.atLeast) || has(self.atMost) || has(self.betterThan)",
        "a rule needs at least one of atLeast, atMost and betterThan",
    ),
    Rule(
        "!has(self.atLeast) || !has(self.atMost) || self.atLeast <= self.atMost",
        "atLeast is above atMost: nothing can be both",
    ),
    Rule(
        "has(self.betterThan) == has(self.higherIsBetter)",
        "say with betterThan, and only there, whether higherIsBetter: true for accuracy, false for a loss",
    ),
)

_GIT = (
    Rule(
        "self.url.matches('^(https?|git)://[^-@/\\\\s][^@/\\\\s]*/[^\\\\s]+$') || "
        "self.url.matches('^(ssh://)?[A-Za-z0-9._-]+@[A-Za-z0-9][^@/\\\\s]*[:/][^\\\\s]+$')",
        "a url is https://…, ssh://user@host/… or user@host:path; a password or token does not belong in it but in the "
        "Secret that secretName names",
        ".url",
    ),
    Rule(
        "self.url.matches('^(https?|git)://') || has(self.secretName)",
        "ssh needs a key: name a Secret with ssh-privatekey and known_hosts in secretName",
    ),
    Rule(
        "self.revision.matches('^[^-+~^:?*\\\\[\\\\s][^~^:?*\\\\[\\\\s]*$')",
        "a revision is the name of a branch or a tag, or a commit",
        ".revision",
    ),
    Rule(
        "!has(self.path) || (!self.path.startsWith('/') && !self.path.split('/').exists(part, part == '..'))",
        "a path lies in the repository: it does not begin with / and has no ..",
        ".path",
    ),
)

TRAINING_RUN = Kind(
    TrainingRun,
    TrainingRunSpec,
    TrainingRunStatus,
    plural="trainingruns",
    short_name="trun",
    name_max_length=RUN_NAME_MAX_LENGTH,
    columns=(
        Column("Status", ".status.phase", "Where the run is."),
        Column("Model", ".spec.model.name", "Registered model it is expected to make a version of."),
        Column("Version", ".status.version", "Version it registered."),
        Column("Metric", ".status.metric", "A metric of its main MLflow run."),
        Column("Duration", ".status.duration", "From start to end.", priority=1),
        Column("Run", ".status.runId", "Id of its main MLflow run.", priority=1),
        Column("Reason", ".status.reason", "Why it is where it is.", priority=1),
        AGE,
    ),
    rules={
        "spec": tuple(immutable(name, _IMMUTABLE) for name in _run_inputs()),
        "spec.params": (PARAMETER_NAMES,),
        "spec.volumes": _VOLUMES,
        "spec.model.promote": (_PROMOTE,),
        "spec.model.promote.when[]": _PROMOTION_RULE,
        "spec.source": (
            Rule("has(self.configMap) != has(self.git)", "name exactly one of configMap and git"),
        ),
        "spec.source.git": _GIT,
    },
    subresources={"status": {}},
)


def _of_template() -> dict[str, tuple[Rule, ...]]:
    """A template is judged as the runs that are made from it; it may change, though, as they may not."""
    judged = {
        path: tuple(rule for rule in rules if "oldSelf" not in rule.rule)
        for path, rules in TRAINING_RUN.rules.items()
    }
    return {f"spec.template.{path}": rules for path, rules in judged.items() if rules}


TRAINING_SCHEDULE = Kind(
    TrainingSchedule,
    TrainingScheduleSpec,
    TrainingScheduleStatus,
    plural="trainingschedules",
    short_name="tsched",
    name_max_length=SCHEDULE_NAME_MAX_LENGTH,
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
        **_of_template(),
    },
    subresources={"status": {}},
)

MODEL_DEPLOYMENT = Kind(
    ModelDeployment,
    ModelDeploymentSpec,
    ModelDeploymentStatus,
    plural="modeldeployments",
    short_name="mdep",
    name_max_length=DEPLOYMENT_NAME_MAX_LENGTH,
    columns=(
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status", "Whether clients are answered."),
        Column(
            "Up-To-Date",
            ".status.conditions[?(@.type=='UpToDate')].status",
            "Whether what serves is what is followed.",
        ),
        Column("Model", ".spec.model.name", "Registered model it serves."),
        Column("Serving", ".status.serving.version", "Version that answers clients."),
        Column("Candidate", ".status.candidate.version", "Version that is being rolled out."),
        Column("URL", ".status.url", "Where clients in the cluster reach it."),
        Column("Reason", ".status.reason", "Why the rollout is where it is.", priority=1),
        Column("Message", ".status.message", "Why, as a sentence.", priority=1),
        AGE,
    ),
    rules={
        "spec.model": (
            Rule(
                "[has(self.version), has(self.alias), has(self.latest)].filter(given, given).size() == 1",
                "name exactly one of version, alias and latest: what is followed",
            ),
            Rule(
                "!has(self.version) || string(self.version).matches('^[1-9][0-9]{0,9}$')",
                "a version is a whole number from 1, as MLflow counts them",
                ".version",
            ),
        ),
        "spec.autoscaling": (
            Rule("self.minReplicas <= self.maxReplicas", "minReplicas is above maxReplicas", ".minReplicas"),
        ),
        "spec.strategy": (
            Rule(
                "(self.type == 'Canary') == has(self.canary)",
                "type Canary has its steps in canary, and the other types have none",
                ".canary",
            ),
            Rule(
                "self.type == 'BlueGreen' || !self.recreateWhenUnschedulable",
                "recreateWhenUnschedulable belongs to type BlueGreen",
                ".recreateWhenUnschedulable",
            ),
        ),
        "spec.strategy.canary": (
            Rule(
                "self.steps.map(s, s.weight).isSorted() && "
                "self.steps.all(s, self.steps.exists_one(t, t.weight == s.weight))",
                "the weights of the steps have to rise from each to the next",
                ".steps",
            ),
        ),
        "spec.require[]": (
            Rule("has(self.atLeast) || has(self.atMost)", "say atLeast, atMost, or both: what is required"),
            Rule(
                "!has(self.atLeast) || !has(self.atMost) || self.atLeast <= self.atMost",
                "atLeast is above atMost: nothing can be both",
            ),
        ),
    },
    subresources={
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    },
)

TRAINING_SWEEP = training_sweep(_of_template())

KINDS = (TRAINING_RUN, TRAINING_SCHEDULE, TRAINING_SWEEP, MODEL_DEPLOYMENT)


def definition(kind: Kind) -> Schema:
    """The CustomResourceDefinition of a kind, as apiextensions.k8s.io/v1 has it."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short_name],
                "categories": ["modelcycle"],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": kind.subresources,
                    "additionalPrinterColumns": [column.wire() for column in kind.columns],
                    "schema": {"openAPIV3Schema": _resource_schema(kind)},
                }
            ],
        },
    }


def _resource_schema(kind: Kind) -> Schema:
    spec, status = structural(kind.spec), structural(kind.status)
    # A run that nobody has looked at yet is shown as Pending, without a write for it.
    if "default" in status["properties"].get("phase", {}):
        status["default"] = {"phase": status["properties"]["phase"]["default"]}
    schema: Schema = {
        "type": "object",
        "description": kind.resource.__doc__,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": {**spec, "description": f"What is wanted of the {kind.name}."},
            "status": {**status, "description": "What was observed. Written by the operator."},
        },
        "x-kubernetes-validations": [
            Rule(
                f"size(self.metadata.name) <= {kind.name_max_length} && "
                "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                f"a {kind.name}'s name names its Jobs or Services: at most {kind.name_max_length} characters "
                "of a-z, 0-9 and -, a letter first, no - last, no dot",
            ).wire()
        ],
    }
    for path, rules in kind.rules.items():
        _at(schema, path)["x-kubernetes-validations"] = [rule.wire() for rule in rules]
    return schema


def _at(schema: Schema, path: str) -> Schema:
    for name in path.split("."):
        schema = schema["properties"][name.rstrip("[]{}")]
        if name.endswith("[]"):
            schema = schema["items"]
        if name.endswith("{}"):
            schema = schema["additionalProperties"]
    return schema


def structural(model: type[BaseModel]) -> Schema:
    """A model's JSON schema in the form that Kubernetes calls structural.

    Raises:
        ValueError: for a keyword that Kubernetes would refuse or drop.
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _structural(schema, schema.get("$defs", {}))


def _structural(node: Schema, definitions: dict[str, Schema]) -> Schema:
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        return _structural(target | {k: v for k, v in node.items() if k != "$ref"}, definitions)
    if "anyOf" in node:
        return _structural(_optional(node), definitions)
    out: Schema = {"enum": [node["const"]]} if "const" in node else {}
    if not node.keys() - _SAYS_NO_TYPE:
        out["x-kubernetes-preserve-unknown-fields"] = True
    for key, value in node.items():
        if key in _KEPT:
            out[key] = value
        elif key == "properties":
            out[key] = {name: _structural(child, definitions) for name, child in value.items()}
        elif key in ("items", "additionalProperties"):
            out |= _container(key, value, definitions)
        elif key not in _DROPPED:
            raise ValueError(f"Kubernetes' schemas have no {key!r}: say it in another way, or by a CEL rule")
    return _without_null_default(out)


def _without_null_default(schema: Schema) -> Schema:
    """Kubernetes refuses a default that is null, or holds a null, for a field that is not nullable."""
    default = schema.get("default")
    if default is None:
        return {key: value for key, value in schema.items() if key != "default"}
    if isinstance(default, dict):
        default = {name: value for name, value in default.items() if value is not None}
    return schema | {"default": default}


def _container(key: str, value: Any, definitions: dict[str, Schema]) -> Schema:
    if value is True:
        return {"x-kubernetes-preserve-unknown-fields": True}
    if value is False:
        return {}
    return {key: _structural(value, definitions)}


def _optional(node: Schema) -> Schema:
    """`X | None` as an X that may be absent: Kubernetes drops nulls of fields that are not nullable."""
    choices = [choice for choice in node["anyOf"] if choice != {"type": "null"}]
    if len(choices) != 1:
        raise ValueError(f"Kubernetes' schemas have no unions: {node}")
    return {**choices[0], **{k: v for k, v in node.items() if k != "anyOf"}}
