"""What a version has to meet; and what it must have before one of its pods starts."""

import hashlib
import json
import math
from typing import Any

from modelcycle.api.modeldeployment import ModelDeploymentSpec, Requirement
from modelcycle.registry import Origin


def digest(spec: ModelDeploymentSpec) -> str:
    """Hash of the gates, or "" without any: a rejection by other gates does not count any more."""
    gates: list[Any] = [requirement.wire() for requirement in spec.require or ()]
    if spec.parity:
        gates.append(spec.parity.wire())
    if not gates:
        return ""
    text = json.dumps(gates, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def unmet(spec: ModelDeploymentSpec, origin: Origin) -> str:
    """What the version's run lacks, with the figures, or ""."""
    lacks = (_lacks(requirement, origin) for requirement in spec.require or ())
    return " ".join(sentence for sentence in lacks if sentence)


def _lacks(requirement: Requirement, origin: Origin) -> str:
    name, least, most = requirement.metric, requirement.at_least, requirement.at_most
    value = origin.metrics.get(name)
    if value is None:
        return f"Its run has no metric {name!r}, which spec.require asks for."
    if math.isnan(value):
        return f"{name} is not a number, and spec.require asks for one."
    if least is not None and value < least:
        return f"{name} {value:.6g} is below {least:.6g}."
    if most is not None and value > most:
        return f"{name} {value:.6g} is above {most:.6g}."
    return ""
