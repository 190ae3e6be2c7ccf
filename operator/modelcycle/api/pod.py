"""What a resource says of its pods: volumes, where they are mounted, and an overlay for everything else."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from modelcycle.api.meta import Model, Quantity, ShortText

Path = Annotated[str, Field(min_length=1, max_length=1024)]
Labels = Annotated[dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=64)]
Mode = Annotated[int, Field(ge=0, le=0o777)]


class ClaimSource(Model):
    claim_name: ShortText = Field(description="Name of a PersistentVolumeClaim in the same namespace.")
    read_only: bool | None = Field(None, description="Whether it is mounted for reading only.")


class NfsSource(Model):
    server: ShortText = Field(description="Host name or address of the server.")
    path: Path = Field(description="Path that the server exports.")
    read_only: bool | None = Field(None, description="Whether it is mounted for reading only.")


class KeyToPath(Model):
    key: ShortText = Field(description="Key in the data.")
    path: Path = Field(description="File that it becomes, relative to the mount.")
    mode: Mode | None = Field(None, description="Permissions of the file.")


class ConfigMapSource(Model):
    name: ShortText = Field(description="Name of the ConfigMap.")
    items: Annotated[list[KeyToPath], Field(max_length=64)] | None = Field(
        None, description="The keys that become files; all of them by default."
    )
    default_mode: Mode | None = Field(None, description="Permissions of the files.")
    optional: bool | None = Field(None, description="Whether it may be absent.")


class SecretSource(Model):
    secret_name: ShortText = Field(description="Name of the Secret.")
    items: Annotated[list[KeyToPath], Field(max_length=64)] | None = Field(
        None, description="The keys that become files; all of them by default."
    )
    default_mode: Mode | None = Field(None, description="Permissions of the files.")
    optional: bool | None = Field(None, description="Whether it may be absent.")


class EmptyDirSource(Model):
    medium: Annotated[str, Field(max_length=63)] | None = Field(
        None, description="Memory for a folder in memory, such as /dev/shm; the node's disk by default."
    )
    size_limit: Quantity | None = Field(None, description="How much it may hold, as in 1Gi.")


class Volume(Model):
    """A v1 Volume of the sources that data comes in. Any other one goes into podTemplate."""

    name: ShortText = Field(description="Name that volumeMounts use.")
    persistent_volume_claim: ClaimSource | None = Field(None, description="A claim's volume.")
    nfs: NfsSource | None = Field(None, description="A folder of an NFS server.")
    secret: SecretSource | None = Field(None, description="A Secret's keys, as files.")
    config_map: ConfigMapSource | None = Field(None, description="A ConfigMap's keys, as files.")
    empty_dir: EmptyDirSource | None = Field(None, description="An empty folder that goes with the pod.")


class VolumeMount(Model):
    name: ShortText = Field(description="Name of the volume.")
    mount_path: Path = Field(description="Where the container sees it.")
    sub_path: Path | None = Field(None, description="Folder or file of the volume; its root by default.")
    read_only: bool | None = Field(None, description="Whether it is mounted for reading only.")


class PodMetadata(Model):
    labels: Labels | None = Field(None, description="More labels of the pod.")
    annotations: Labels | None = Field(None, description="Annotations of the pod.")


def _without_spec(schema: dict[str, Any]) -> None:
    """CEL compares an unknown field deeply, and of a known one without properties only what both sides have.

    So spec must not be known to the schema, or an overlay could be changed, field for field.
    """
    del schema["properties"]["spec"]


class PodTemplate(Model):
    model_config = ConfigDict(extra="allow", json_schema_extra=_without_spec)

    metadata: PodMetadata | None = Field(None, description="Labels and annotations of the pod.")
    spec: dict[str, Any]
