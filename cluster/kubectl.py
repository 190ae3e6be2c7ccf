"""Calls of kubectl against this checkout's cluster."""

import json
from typing import Any

from cluster import commands, paths
from cluster.shell import Command, output, works


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    return output([commands.tool("kubectl"), "--kubeconfig", paths.KUBECONFIG, *arguments], stdin=stdin)


def answers(*arguments: str) -> bool:
    command: Command = [
        commands.tool("kubectl"),
        "--kubeconfig",
        paths.KUBECONFIG,
        "--request-timeout=5s",
        *arguments,
    ]
    return paths.KUBECONFIG.exists() and works(command, seconds=15)


def get(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kubectl("get", *arguments, "--output=json"))
    return found


def apply(manifest: dict[str, Any]) -> None:
    kubectl("apply", "--filename=-", stdin=json.dumps(manifest))
