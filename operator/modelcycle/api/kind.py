"""What a CustomResourceDefinition says besides its schema."""

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """A CEL validation: what must hold, what to say when it does not, and where."""

    rule: str
    message: str
    field_path: str = ""

    def wire(self) -> Schema:
        rule = {"rule": self.rule, "message": self.message}
        return rule | ({"fieldPath": self.field_path} if self.field_path else {})


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; with priority 1, only of its wide output."""

    name: str
    path: str
    description: str
    type: str = "string"
    priority: int = 0

    def wire(self) -> Schema:
        column: Schema = {"name": self.name, "type": self.type, "jsonPath": self.path}
        return column | {"description": self.description} | ({"priority": 1} if self.priority else {})


@dataclass(frozen=True)
class Kind:
    """What a CustomResourceDefinition says besides its schema."""

    resource: type[BaseModel]
    spec: type[BaseModel]
    status: type[BaseModel]
    plural: str
    short_name: str
    name_max_length: int
    columns: tuple[Column, ...]
    rules: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    subresources: Schema = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.resource.__name__


AGE = Column("Age", ".metadata.creationTimestamp", "When it was created.", "date")
PARAMETER_NAMES = Rule(
    "self.all(name, name.matches('^[A-Za-z_][A-Za-z0-9_]{0,99}$'))",
    "a parameter's name becomes a part of an environment variable's: letters, digits and _, "
    "no digit first, at most 100 characters",
)


def immutable(name: str, message: str) -> Rule:
    """A field that keeps the value, or the lack of one, that the object was created with."""
    return Rule(
        f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})",
        message,
        f".{name}",
    )
