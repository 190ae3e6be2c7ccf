"""CustomResourceDefinitions from the pydantic models.

Kubernetes takes a part of OpenAPI only and drops silently what it does not know, so that whatever is outside
the part used here raises.
"""

from typing import Any

from pydantic import BaseModel

from modelcycle.api import GROUP, VERSION
from modelcycle.api.kind import AGE, Column, Kind, Rule, Schema
from modelcycle.api.kind_trainingrun import TRAINING_RUN
from modelcycle.api.kind_trainingschedule import TRAINING_SCHEDULE
from modelcycle.api.kind_trainingsweep import TRAINING_SWEEP
from modelcycle.api.modeldeployment import (
    NAME_MAX_LENGTH,
    ModelDeployment,
    ModelDeploymentSpec,
    ModelDeploymentStatus,
)
from modelcycle.api.way_in import ROUTE_RULES

_KEPT = {
    "type", "description", "default", "enum", "format", "pattern", "minimum", "maximum", "minLength", "maxLength",
    "minItems", "maxItems", "minProperties", "maxProperties", "required", "x-kubernetes-int-or-string",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations",
    "x-kubernetes-preserve-unknown-fields",
}  # fmt: skip
_DROPPED = {"const", "title", "$defs"}
_SAYS_NO_TYPE = {"title", "description", "default"}


MODEL_DEPLOYMENT = Kind(
    ModelDeployment,
    ModelDeploymentSpec,
    ModelDeploymentStatus,
    plural="modeldeployments",
    short_name="mdep",
    name_max_length=NAME_MAX_LENGTH,
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
        Column("URL", ".status.url", "Where clients reach it."),
        Column("Training", ".status.serving.trainingRun", "TrainingRun that made it.", priority=1),
        Column("Commit", ".status.serving.commit", "Commit of the code that made it.", priority=1),
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
        "spec.route": ROUTE_RULES,
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
        "spec.parity": (
            Rule(
                "!has(self.examples) || (!self.examples.startsWith('/') && "
                "!self.examples.split('/').exists(part, part == '..'))",
                "examples lies among the version's files: it does not begin with / and has no ..",
                ".examples",
            ),
            Rule(
                "!has(self.examples) || self.examples.matches('(?i)[.](json|csv|parquet)$')",
                "examples is a file that ends in .json, .csv or .parquet",
                ".examples",
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
