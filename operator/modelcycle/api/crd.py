"""CustomResourceDefinitions from the pydantic models.

Kubernetes takes a part of OpenAPI only and drops silently what it does not know, so that whatever is outside
the part used here raises.
"""

from typing import Any

from pydantic import BaseModel

from modelcycle.api import GROUP, VERSION
from modelcycle.api.kind import Kind, Rule, Schema
from modelcycle.api.kind_modeldeployment import MODEL_DEPLOYMENT
from modelcycle.api.kind_trainingrun import TRAINING_RUN
from modelcycle.api.kind_trainingschedule import TRAINING_SCHEDULE
from modelcycle.api.kind_trainingsweep import TRAINING_SWEEP

_KEPT = {
    "type", "description", "default", "enum", "format", "pattern", "minimum", "maximum", "minLength", "maxLength",
    "minItems", "maxItems", "minProperties", "maxProperties", "required", "x-kubernetes-int-or-string",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations",
    "x-kubernetes-preserve-unknown-fields",
}  # fmt: skip
_DROPPED = {"const", "title", "$defs"}
_SAYS_NO_TYPE = {"title", "description", "default"}

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
