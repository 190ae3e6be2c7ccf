"""The restricted Pod Security Standard, as far as a pod without Windows and ephemeral containers can break it."""

from typing import Any

_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_SECCOMP = {"RuntimeDefault", "Localhost"}


def departures(pod: dict[str, Any]) -> list[str]:
    """What in the spec of a pod the standard forbids: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
    found = [field for field in ("hostNetwork", "hostPID", "hostIPC") if pod.get(field)]
    found += [f"volume {v['name']}" for v in pod.get("volumes", []) if not (v.keys() - {"name"}) <= _VOLUMES]
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        found += [f"{container['name']}: {field}" for field in _container_departures(pod, container)]
    return found


def _container_departures(pod: dict[str, Any], container: dict[str, Any]) -> list[str]:
    own = container.get("securityContext", {})
    either = {**pod.get("securityContext", {}), **own}
    capabilities = own.get("capabilities", {})
    holds = {
        "privileged": not own.get("privileged"),
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
        "capabilities": capabilities.get("drop") == ["ALL"]
        and set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
        "runAsNonRoot": either.get("runAsNonRoot") is True,
        "runAsUser": either.get("runAsUser") != 0,
        "seccompProfile": either.get("seccompProfile", {}).get("type") in _SECCOMP,
        "hostPort": not any(port.get("hostPort") for port in container.get("ports", [])),
    }
    return [field for field, held in holds.items() if not held]
