"""A pod template with another one laid over it, as Kubernetes' strategic merge does it.

https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from collections.abc import Mapping
from typing import Any

from modelcycle.api.pod import PodTemplate
from modelcycle.plan import Body

# patchMergeKey of the lists in a v1 PodSpec (k8s.io/api v0.34); every other list is replaced as a whole.
MERGE_KEYS: Mapping[str, str] = {
    "containers": "name",
    "env": "name",
    "ephemeralContainers": "name",
    "hostAliases": "ip",
    "imagePullSecrets": "name",
    "initContainers": "name",
    "ports": "containerPort",
    "resourceClaims": "name",
    "schedulingGates": "name",
    "topologySpreadConstraints": "topologyKey",
    "volumeDevices": "devicePath",
    "volumeMounts": "mountPath",
    "volumes": "name",
}
# An item of these is of one kind out of many: two merged ones would be of two kinds, which Kubernetes refuses.
_WHOLE = {"env", "volumes"}


class OverlayError(Exception):
    """An overlay that cannot be laid over anything: what is wrong with it, as a sentence."""


def laid_over(template: Body, overlay: PodTemplate) -> Body:
    """The template with the overlay's fields. Raises OverlayError."""
    if overlay.model_extra:
        unknown = ", ".join(sorted(overlay.model_extra))
        raise OverlayError(f"spec.podTemplate has the fields metadata and spec, and no {unknown}.")
    if "restartPolicy" in overlay.spec:
        raise OverlayError(
            "spec.podTemplate.spec.restartPolicy may not be set: the operator relies on its own."
        )
    metadata = overlay.metadata.wire() if overlay.metadata else {}
    return _merged(template, {"metadata": metadata, "spec": overlay.spec}, "spec.podTemplate")


def _merged(base: Body, overlay: Body, path: str) -> Body:
    out = dict(base)
    for name, value in overlay.items():
        if name.startswith("$"):
            raise OverlayError(
                f"{path} has {name!r}: of the directives only `$patch: delete` in a list works."
            )
        if value is None:
            out.pop(name, None)
        elif name in MERGE_KEYS:
            out[name] = _merged_list(out.get(name) or [], value, name, f"{path}.{name}")
        elif isinstance(value, dict):
            below = out.get(name)
            out[name] = _merged(below if isinstance(below, dict) else {}, value, f"{path}.{name}")
        else:
            out[name] = value
    return out


def _merged_list(base: list[Body], overlay: Any, name: str, path: str) -> list[Body]:
    key = MERGE_KEYS[name]
    if not isinstance(overlay, list) or not all(isinstance(i, dict) and i.get(key) for i in overlay):
        raise OverlayError(f"{path} is to be a list of objects, each with a {key!r}: by it they are merged.")
    out = list(base)
    for item in overlay:
        same = [index for index, known in enumerate(out) if known[key] == item[key]]
        if item.get("$patch") == "delete":
            out = [known for known in out if known[key] != item[key]]
        elif not same:
            out.append(_merged({}, item, path))
        else:
            # Of variables that occur twice the last one counts.
            under = {} if name in _WHOLE else out[same[-1]]
            out[same[-1]] = _merged(under, item, f"{path}[{item[key]}]")
    return out
