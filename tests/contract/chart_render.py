"""The chart as helm renders it, without a cluster."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "charts" / "modelcycle"
NAMESPACE = "models"
Manifest = dict[str, Any]

ELSEWHERE = ("mlflow.enabled=false", "mlflow.externalUri=https://mlflow.example.org")
TWO_NAMESPACES = ("watchNamespaces={models,vision}",)
NODE_TERM = (
    "operator.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
    ".nodeSelectorTerms[0].matchExpressions[0]"
)
VARIANTS: dict[str, tuple[str, ...]] = {
    "as it comes": (),
    "server elsewhere": ELSEWHERE,
    "database elsewhere": ("mlflow.database.existingSecret=registry",),
    "database on a claim of its own": ("mlflow.database.claim.enabled=true",),
    "two namespaces": TWO_NAMESPACES,
    "one node, existing claim": ("storage.existingClaim=share", "storage.accessModes={ReadWriteOnce}"),
    "everything on": (
        "fullnameOverride=mc",
        "imagePullSecrets[0].name=pull",
        "operator.replicas=2",
        "operator.podLabels.team=ml",
        "operator.priorityClassName=high",
        "operator.nodeSelector.disk=ssd",
        "operator.tolerations[0].operator=Exists",
        f"{NODE_TERM}.key=gpu",
        f"{NODE_TERM}.operator=DoesNotExist",
        "mlflow.credentialsSecret=mlflow-login",
        "mlflow.podAnnotations.team=ml",
        "mlflow.nodeSelector.disk=ssd",
        "mlflow.env[0].name=MLFLOW_LOGGING_LEVEL",
        "mlflow.env[0].value=DEBUG",
        "mlflow.corsAllowedOrigins={https://mlflow.example.org}",
        "mlflow.service.type=NodePort",
        "mlflow.service.nodePort=30500",
        "serviceMonitor.enabled=true",
        "serviceMonitor.labels.release=prometheus",
        "networkPolicy.enabled=true",
        "networkPolicy.mlflowFrom[0].podSelector.matchLabels.app=ingress",
        "storage.storageClassName=",
        "storage.volumeName=share",
    ),
}
EVERY_VARIANT = pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())


@cache
def tool(name: str) -> str:
    """The path of helm or kubectl: the one on PATH, else the one that `python3 -m cluster binaries` has."""
    found = shutil.which(name)
    if found:
        return found
    command = [sys.executable, "-m", "cluster", "binaries"]
    said = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout
    return str(Path(said.splitlines()[-1]) / name)


def run_helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([tool("helm"), *arguments], capture_output=True, text=True, check=False)


def flags(settings: tuple[str, ...]) -> list[str]:
    return [f"--set={setting}" for setting in settings]


def _template(chart: Path, settings: tuple[str, ...], *more: str) -> subprocess.CompletedProcess[str]:
    # helm built from its module knows no Kubernetes version of its own.
    where = ("modelcycle", str(chart), "--namespace", NAMESPACE, "--kube-version", "1.34.4")
    return run_helm("template", *where, *flags(settings), *more)


@cache
def render(*settings: str, chart: Path = CHART) -> tuple[Manifest, ...]:
    """The release `modelcycle` in the namespace `models`; a setting is what follows --set."""
    done = _template(chart, settings)
    assert done.returncode == 0, done.stderr
    return tuple(manifest for manifest in yaml.safe_load_all(done.stdout) if manifest)


def refusal(*settings: str) -> str:
    """What helm says against these settings, in one line, or "" where it takes them."""
    done = _template(CHART, settings)
    return "" if done.returncode == 0 else " ".join(done.stderr.split())


def notes(scratch: Path, *settings: str) -> str:
    """NOTES.txt as `helm install` prints it. Only a cluster makes helm print it: a copy of the chart renders
    it as a manifest."""
    chart = copy_of_chart(scratch)
    text = (chart / "templates" / "NOTES.txt").read_text()
    (chart / "templates" / "_notes.tpl").write_text(f'{{{{- define "notes" }}}}{text}{{{{ end }}}}')
    (chart / "templates" / "notes.yaml").write_text('notes: {{ include "notes" . | toJson }}\n')
    done = _template(chart, settings, "--show-only", "templates/notes.yaml")
    assert done.returncode == 0, done.stderr
    return str(yaml.safe_load(done.stdout)["notes"])


def first_command(text: str) -> str:
    """What the notes tell to paste first."""
    return text.split("\n1. ")[1].split("\n\n", 1)[1].split("\n\n2. ")[0]


def copy_of_chart(scratch: Path) -> Path:
    return Path(shutil.copytree(CHART, scratch / "modelcycle"))


def of_kind(manifests: tuple[Manifest, ...], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def named(manifests: tuple[Manifest, ...], kind: str, name: str) -> Manifest:
    (found,) = [m for m in of_kind(manifests, kind) if m["metadata"]["name"] == name]
    return found


def pods(manifests: tuple[Manifest, ...]) -> dict[str, Manifest]:
    """The pod template of every workload, by the workload's name."""
    return {
        m["metadata"]["name"]: m["spec"]["template"] for m in manifests if "template" in m.get("spec", {})
    }


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(pod: Manifest) -> dict[str, str | None]:
    """The main container's variables; None where the value comes from elsewhere."""
    return {variable["name"]: variable.get("value") for variable in pod["spec"]["containers"][0]["env"]}
