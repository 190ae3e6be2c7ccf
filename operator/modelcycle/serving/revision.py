"""A revision: one version as one set of pods serves it."""

import hashlib
import json
from dataclasses import dataclass

from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.defaults import Defaults
from modelcycle.registry import Version

# Raised only when pods must be replaced because the way they are made has changed.
TEMPLATE_FORMAT = 2

# Fields that came after a format was in use: they count where they are set, so that a new one restarts nothing.
_LATER_FIELDS = {"requirements", "self_test", "trust", "batching", "env_from", "pod_template", "auth"}


@dataclass(frozen=True)
class Revision:
    """What the pods of one revision are made of.

    Attributes:
        name: v<version>-<hash>, a label's value.
        path: the version's folder, as serving pods see it, or "".
        uri: where its files are fetched from if they are not there, or "".
    """

    name: str
    version: Version
    path: str
    uri: str


def image(deployment: ModelDeployment, defaults: Defaults) -> str:
    """The image that serves."""
    return deployment.spec.image or defaults.serve_image


def claim_name(deployment: ModelDeployment, defaults: Defaults) -> str:
    """The claim of the shared volume that serving pods mount."""
    return (deployment.spec.storage and deployment.spec.storage.claim_name) or defaults.claim_name


def name(deployment: ModelDeployment, defaults: Defaults, version: Version) -> str:
    """Hashes the version's identity and the fields that shape pods, never the rendered pod: an upgrade of
    the operator restarts nothing."""
    spec = deployment.spec
    shape = [
        TEMPLATE_FORMAT,
        [version.name, version.number, version.created, version.source],
        image(deployment, defaults),
        claim_name(deployment, defaults),
        spec.resources.wire() if spec.resources else None,
        [variable.wire() for variable in spec.env or ()],
        spec.model_dump(mode="json", include=_LATER_FIELDS, exclude_defaults=True),
    ]
    digest = hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()
    return f"v{version.number}-{digest[:8]}"
