"""The CustomResourceDefinitions, and what the API's models may not say."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from modelcycle.api.crd import KINDS, definition, structural
from modelcycle.api.kind import Kind
from modelcycle.api.kind_modeldeployment import MODEL_DEPLOYMENT
from modelcycle.api.kind_trainingrun import TRAINING_RUN
from modelcycle.api.kind_trainingsweep import TRAINING_SWEEP
from modelcycle.api.meta import IntOrString
from modelcycle.generate import files
from pydantic import BaseModel, Field

ROOT = Path(__file__).parents[2]
SIZE_MAX = 60_000
KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.plural)


def version_of(kind: Kind) -> dict[str, Any]:
    (version,) = definition(kind)["spec"]["versions"]
    found: dict[str, Any] = version
    return found


def schema_of(kind: Kind, *path: str) -> dict[str, Any]:
    schema = version_of(kind)["schema"]["openAPIV3Schema"]
    for name in path:
        schema = schema["properties"][name]
    found: dict[str, Any] = schema
    return found


def rules_of(kind: Kind, *path: str) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = schema_of(kind, *path)["x-kubernetes-validations"]
    return rules


def nodes(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema and everything below it."""
    below = [*schema.get("properties", {}).values()]
    below += [schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)]
    return [schema, *(node for child in below for node in nodes(child))]


# One model with one field of each sort.


def schema_for(annotation: Any, default: Any = ...) -> dict[str, Any]:
    model = type(
        "Example",
        (BaseModel,),
        {"__annotations__": {"field": annotation}} | ({} if default is ... else {"field": default}),
    )
    field: dict[str, Any] = structural(model)["properties"]["field"]
    return field


class Part(BaseModel):
    size: int


@pytest.mark.parametrize(
    ("annotation", "keyword"),
    [
        pytest.param(Annotated[int, Field(gt=0)], "exclusiveMinimum", id="an exclusive minimum"),
        pytest.param(Annotated[int, Field(lt=9)], "exclusiveMaximum", id="an exclusive maximum"),
        pytest.param(Annotated[int, Field(multiple_of=2)], "multipleOf", id="a factor"),
        pytest.param(set[str], "uniqueItems", id="a set"),
        pytest.param(tuple[int, str], "prefixItems", id="a tuple"),
        pytest.param(Annotated[str, Field(examples=["a"])], "examples", id="an example"),
        pytest.param(Annotated[str, Field(deprecated=True)], "deprecated", id="a deprecation"),
        pytest.param(dict[Literal["a", "b"], str], "propertyNames", id="names of keys"),
    ],
)
def test_what_kubernetes_would_refuse_or_drop_raises_for(annotation: Any, keyword: str) -> None:
    with pytest.raises(ValueError, match=f"no '{keyword}'"):
        schema_for(annotation)


@pytest.mark.parametrize("annotation", [int | str, int | str | None, list[int | str]], ids=str)
def test_a_union_raises(annotation: Any) -> None:
    with pytest.raises(ValueError, match="no unions"):
        schema_for(annotation)


@pytest.mark.parametrize(
    ("annotation", "default", "schema"),
    [
        pytest.param(str | None, None, {"type": "string"}, id="an optional field may be absent, never null"),
        pytest.param(
            int | None, 3, {"type": "integer", "default": 3}, id="an optional field keeps its default"
        ),
        pytest.param(
            Literal["a"], ..., {"type": "string", "enum": ["a"]}, id="a single choice is an enum of one"
        ),
        pytest.param(
            Literal["a", "b"], ..., {"type": "string", "enum": ["a", "b"]}, id="a choice is an enum"
        ),
        pytest.param(IntOrString, ..., {"x-kubernetes-int-or-string": True}, id="a number or a text"),
        pytest.param(
            Any, ..., {"x-kubernetes-preserve-unknown-fields": True}, id="anything is kept as it comes"
        ),
        pytest.param(
            dict[str, Any],
            ...,
            {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            id="an object of anything is kept as it comes",
        ),
        pytest.param(
            dict[str, int],
            ...,
            {"type": "object", "additionalProperties": {"type": "integer"}},
            id="a map has values of one type",
        ),
        pytest.param(
            list[Part],
            ...,
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"size": {"type": "integer"}},
                    "required": ["size"],
                },
            },
            id="a part is written out where it is used",
        ),
    ],
)
def test_of_a_field(annotation: Any, default: Any, schema: dict[str, Any]) -> None:
    assert schema_for(annotation, default) == schema


class Whole(BaseModel):
    size: int = 1
    part: Part | None = None


def test_a_default_that_is_an_object_leaves_out_what_it_does_not_set() -> None:
    """Kubernetes refuses a null of a field that is not nullable."""
    assert schema_for(Whole, Whole())["default"] == {"size": 1}


def test_a_description_of_a_field_wins_over_that_of_its_type() -> None:
    class Described(BaseModel):
        """Of the type."""

    assert (
        schema_for(Annotated[Described, Field(description="Of the field.")])["description"] == "Of the field."
    )


# The definitions.


@KIND
def test_a_definition_is_small(kind: Kind) -> None:
    assert len(yaml.safe_dump(definition(kind))) < SIZE_MAX


@KIND
def test_every_field_is_typed_and_described(kind: Kind) -> None:
    """`kubectl explain` shows nothing else."""
    for part in ("spec", "status"):
        for node in nodes(schema_of(kind, part)):
            for name, child in node.get("properties", {}).items():
                assert child.get("description"), f"{kind.name}: {name} has no description"
                assert "type" in child or child.get("x-kubernetes-int-or-string"), f"{name} has no type"


@KIND
def test_every_list_and_text_of_spec_has_a_bound(kind: Kind) -> None:
    """The API server prices CEL rules by it, and etcd holds it."""
    for node in nodes(schema_of(kind, "spec")):
        if node.get("type") == "string" and "enum" not in node:
            assert "maxLength" in node, node
        if node.get("type") == "array":
            assert "maxItems" in node, node
        if "additionalProperties" in node:
            assert "maxProperties" in node, node


@KIND
def test_conditions_are_a_map_by_their_type(kind: Kind) -> None:
    conditions = schema_of(kind, "status", "conditions")
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


@pytest.mark.parametrize(
    ("kind", "plural", "short", "length"),
    [
        (TRAINING_RUN, "trainingruns", "trun", 52),
        (TRAINING_SWEEP, "trainingsweeps", "tsweep", 46),
        (MODEL_DEPLOYMENT, "modeldeployments", "mdep", 40),
    ],
    ids=lambda value: value.name if isinstance(value, Kind) else "",
)
def test_the_names_of(kind: Kind, plural: str, short: str, length: int) -> None:
    made = definition(kind)
    names = made["spec"]["names"]
    assert made["metadata"]["name"] == f"{plural}.modelcycle.dev"
    assert (names["plural"], names["shortNames"], names["categories"]) == (plural, [short], ["modelcycle"])
    assert made["spec"]["scope"] == "Namespaced"
    (rule,) = rules_of(kind)
    assert f"size(self.metadata.name) <= {length}" in rule["rule"]


@pytest.mark.parametrize(
    ("kind", "narrow", "wide"),
    [
        (TRAINING_RUN, ["Status", "Model", "Version", "Metric", "Age"], ["Duration", "Run", "Reason"]),
        (
            TRAINING_SWEEP,
            ["Status", "Total", "Active", "Succeeded", "Failed", "Best", "Metric", "Age"],
            ["Version", "Duration", "Reason"],
        ),
        (
            MODEL_DEPLOYMENT,
            ["Ready", "Up-To-Date", "Model", "Serving", "Candidate", "URL", "Age"],
            ["Training", "Commit", "Reason", "Message"],
        ),
    ],
    ids=["TrainingRun", "TrainingSweep", "ModelDeployment"],
)
def test_the_columns_of(kind: Kind, narrow: list[str], wide: list[str]) -> None:
    columns = version_of(kind)["additionalPrinterColumns"]
    assert [column["name"] for column in columns if not column.get("priority")] == narrow
    assert [column["name"] for column in columns if column.get("priority")] == wide


@KIND
def test_every_column_reads_a_field_that_there_is(kind: Kind) -> None:
    for column in version_of(kind)["additionalPrinterColumns"]:
        first, *path = column["jsonPath"].split("[")[0].strip(".").split(".")
        if first != "metadata":
            schema_of(kind, first, *path)


def test_every_input_of_a_run_is_immutable_also_when_it_is_added_or_removed() -> None:
    may_change = {"suspend", "pendingDeadlineSeconds", "ttlSecondsAfterFinished"}
    inputs = set(schema_of(TRAINING_RUN, "spec")["properties"]) - may_change
    rules = {rule["fieldPath"].strip("."): rule for rule in rules_of(TRAINING_RUN, "spec")}
    assert set(rules) == inputs
    for name, rule in rules.items():
        assert f"has(self.{name}) == has(oldSelf.{name})" in rule["rule"]
        assert rule["message"] == "run inputs are immutable: create a TrainingRun with another name"


def test_a_model_deployment_names_one_thing_to_follow() -> None:
    messages = [rule["message"] for rule in rules_of(MODEL_DEPLOYMENT, "spec", "model")]
    assert "name exactly one of version, alias and latest: what is followed" in messages


def test_status_is_a_subresource_and_replicas_scale() -> None:
    assert version_of(TRAINING_RUN)["subresources"] == {"status": {}}
    scale = version_of(MODEL_DEPLOYMENT)["subresources"]["scale"]
    for path in scale.values():
        schema_of(MODEL_DEPLOYMENT, *path.strip(".").split("."))


def test_a_run_that_nobody_has_looked_at_is_pending() -> None:
    assert schema_of(TRAINING_RUN, "status")["default"] == {"phase": "Pending"}


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(path, text, id=str(path)) for path, text in files().items()]
)
def test_a_generated_file_is_the_one_that_is_checked_in(path: Path, text: str) -> None:
    assert (ROOT / path).read_text() == text, "run `make generate`"
