"""Types that both kinds share, in Kubernetes' own terms."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

IntOrString = Annotated[int | str, WithJsonSchema({"x-kubernetes-int-or-string": True})]
Quantity = IntOrString
TEXT_MAX_LENGTH = 4096
Text = Annotated[str, Field(max_length=TEXT_MAX_LENGTH)]
ShortText = Annotated[str, Field(min_length=1, max_length=253)]


class Model(BaseModel):
    """Base of every API type: camelCase on the wire, immutable, unknown fields ignored.

    The API server prunes what the schema does not know; an operator that is older than the CRD must not
    fail over a field that came later.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", allow_inf_nan=False
    )

    def wire(self) -> dict[str, Any]:
        """As the API server stores it: camelCase, JSON types, no absent fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class NameReference(Model):
    name: ShortText = Field(description="Name of an object in the same namespace.")


class KeySelector(Model):
    name: ShortText = Field(description="Name of the Secret or ConfigMap.")
    key: ShortText = Field(description="Key in its data.")
    optional: bool | None = Field(None, description="Whether the object or its key may be absent.")


class FieldSelector(Model):
    api_version: ShortText | None = Field(None, description="Version of the schema fieldPath is written in.")
    field_path: ShortText = Field(description="Path of the pod's field, as in metadata.name.")


class ResourceFieldSelector(Model):
    container_name: ShortText | None = Field(None, description="Name of the container.")
    resource: ShortText = Field(description="Resource to read, as in limits.cpu.")
    divisor: Quantity | None = Field(None, description="Unit of the value; 1 by default.")


class EnvVarSource(Model):
    secret_key_ref: KeySelector | None = Field(None, description="A key of a Secret.")
    config_map_key_ref: KeySelector | None = Field(None, description="A key of a ConfigMap.")
    field_ref: FieldSelector | None = Field(None, description="A field of the pod.")
    resource_field_ref: ResourceFieldSelector | None = Field(None, description="A resource of the container.")


class EnvVar(Model):
    name: ShortText = Field(description="Name of the environment variable.")
    value: Annotated[str, Field(max_length=16384)] | None = Field(
        None, description="Its value; $(VAR) names an earlier variable."
    )
    value_from: EnvVarSource | None = Field(None, description="Where the value comes from, instead of value.")


class EnvSource(Model):
    name: ShortText = Field(description="Name of the Secret or ConfigMap.")
    optional: bool | None = Field(None, description="Whether it may be absent.")


class EnvFromSource(Model):
    prefix: Annotated[str, Field(max_length=253)] | None = Field(
        None, description="Put before every variable's name."
    )
    config_map_ref: EnvSource | None = Field(None, description="Every key of a ConfigMap.")
    secret_ref: EnvSource | None = Field(None, description="Every key of a Secret.")


class ResourceRequirements(Model):
    requests: Annotated[dict[str, Quantity], Field(max_length=16)] | None = Field(
        None, description="What the container is sure to have, as in {cpu: 500m, memory: 1Gi}."
    )
    limits: Annotated[dict[str, Quantity], Field(max_length=16)] | None = Field(
        None, description="What the container may use at most, as in {memory: 2Gi, nvidia.com/gpu: 1}."
    )


class Storage(Model):
    claim_name: ShortText | None = Field(
        None,
        description="Name of the PersistentVolumeClaim, in this namespace, of the volume that holds mlruns. "
        "Defaults to the chart's claim.",
    )


class Condition(Model):
    """As metav1.Condition."""

    type: Annotated[str, Field(max_length=316)] = Field(description="Type of the condition, in CamelCase.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether the condition holds.")
    reason: Annotated[str, Field(max_length=1024)] = Field(description="Why, as one CamelCase word.")
    message: Annotated[str, Field(max_length=32768)] = Field(description="Why, as a sentence.")
    last_transition_time: datetime = Field(description="When status changed last.")
    observed_generation: int | None = Field(None, description="metadata.generation that this speaks of.")


class ObjectMeta(Model):
    """The fields of metadata that the operator reads."""

    name: str
    namespace: str
    uid: str
    resource_version: str = ""
    generation: int = 1
    creation_timestamp: datetime
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
