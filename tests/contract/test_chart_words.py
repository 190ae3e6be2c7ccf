"""What the chart says: its notes, its README, its schema, and what it refuses."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from modelcycle.api.trainingrun import TrainingRunSpec

from tests.contract.chart_render import CHART, ELSEWHERE, first_command, notes, refusal


def values_named_in_the_readme() -> list[str]:
    rows = re.findall(r"(?m)^\| (`.*?) \|", (CHART / "README.md").read_text())
    return [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]


@pytest.mark.parametrize(
    "setting",
    [
        "replicas=2",
        "image.name=x",
        "crds.install=true",
        "storage.class=nfs",
        "operator.image=x",
        "mlflow.replicas=2",
        "mlflow.database.url=postgresql://x",
        "mlflow.database.claim.name=x",
        "mlflow.service.port=80",
        "serviceMonitor.path=/x",
        "networkPolicy.from=x",
    ],
)
def test_an_unknown_value_is_refused(setting: str) -> None:
    assert f"additional properties '{setting.split('=')[0].split('.')[-1]}' not allowed" in refusal(setting)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("watchNamespaces=models", "/watchNamespaces"),
        ("watchNamespaces={Models}", "/watchNamespaces/0"),
        ("watchNamespaces={a,a}", "/watchNamespaces"),
        ("image.registry=registry.example.org/", "/image/registry"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("storage.accessModes={ReadOnlyMany}", "/storage/accessModes"),
        ("storage.size=lots", "/storage/size"),
        ("storage.mountPath=mlruns", "/storage/mountPath"),
        ("operator.pollSeconds=0", "/operator/pollSeconds"),
        ("operator.logFormat=xml", "/operator/logFormat"),
        ("mlflow.externalUri=mlflow:5000", "/mlflow/externalUri"),
        ("mlflow.allowedHosts={https://mlflow.example.org}", "/mlflow/allowedHosts"),
        ("mlflow.service.nodePort=high", "/mlflow/service/nodePort"),
        ("mlflow.enabled=false", "set mlflow.externalUri to the address of the MLflow server"),
        ("mlflow.externalUri=http://elsewhere", "set mlflow.enabled=false to use the server elsewhere"),
        ("mlflow.service.nodePort=30500", "set mlflow.service.type=NodePort too"),
        ("storage.mountPath=/server", "choose another, such as /mlruns"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(setting: str, words: str) -> None:
    assert words in refusal(setting)


def test_a_database_cannot_lie_in_two_places() -> None:
    said = refusal("mlflow.database.existingSecret=registry", "mlflow.database.claim.enabled=true")
    assert "mlflow.database names both a Secret and a claim" in said


def test_the_notes_begin_with_a_training_run_that_can_be_pasted(tmp_path: Path) -> None:
    pasted = "kubectl() { cat; }\n" + first_command(notes(tmp_path))
    read = subprocess.run(["sh", "-eu", "-c", pasted], capture_output=True, text=True, check=True)
    run = yaml.safe_load(read.stdout)
    assert (run["apiVersion"], run["kind"]) == ("modelcycle.dev/v1alpha1", "TrainingRun")
    assert TrainingRunSpec.model_validate(run["spec"]).wire().items() >= run["spec"].items()
    compile(run["spec"]["args"][0], "train.py", "exec")


@pytest.mark.parametrize(
    ("settings", "said", "unsaid"),
    [
        (
            (),
            [
                "kubectl create --namespace models -f -",
                "kubectl get trainingruns --namespace models --watch",
                "kubectl port-forward --namespace models service/modelcycle-mlflow 5000",
                "kubectl delete crd trainingruns.modelcycle.dev trainingschedules.modelcycle.dev trainingsweeps.modelcycle.dev modeldeployments.modelcycle.dev",
                "kubectl delete pvc --namespace models mlruns",
            ],
            ["A claim belongs"],
        ),
        (
            ("mlflow.service.type=NodePort", "mlflow.service.nodePort=30500"),
            ["http://<any node>:30500"],
            ["port-forward"],
        ),
        (ELSEWHERE, ["https://mlflow.example.org"], ["port-forward"]),
        (
            ("watchNamespaces={vision}",),
            ["get trainingruns --namespace vision", "vision needs one named mlruns"],
            ["get trainingruns --namespace models"],
        ),
        (("storage.existingClaim=share",), ["kubectl delete crd"], ["kubectl delete pvc"]),
        (
            ("mlflow.database.claim.enabled=true", "crds.keep=false"),
            ["kubectl delete pvc --namespace models mlruns modelcycle-mlflow-database"],
            ["kubectl delete crd"],
        ),
        (("storage.keep=false", "crds.keep=false"), [], ["helm uninstall"]),
    ],
)
def test_the_notes_say_what_comes_next_and_what_stays(
    tmp_path: Path, settings: tuple[str, ...], said: list[str], unsaid: list[str]
) -> None:
    text = notes(tmp_path, *settings)
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []


def test_the_readme_names_values_that_there_are() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    names = values_named_in_the_readme()
    assert len(names) > 15
    for name in names:
        found = values
        for part in name.split("."):
            assert part in found, name
            found = found[part]


def test_every_value_has_its_place_in_the_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    def undeclared(values: dict[str, Any], properties: dict[str, Any], path: str) -> list[str]:
        out = [f"{path}{name}" for name in values if name not in properties]
        for name, value in values.items():
            if isinstance(value, dict) and "properties" in properties.get(name, {}):
                assert properties[name]["additionalProperties"] is False, name
                out += undeclared(value, properties[name]["properties"], f"{path}{name}.")
        return out

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert undeclared(values, schema["properties"], "") == []
