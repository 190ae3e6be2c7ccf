"""What the chart promises, seen in what helm renders of it."""

import base64
import json
import re
import tomllib
from pathlib import Path
from typing import Any

from modelcycle import settings as settings_of_the_operator

from tests.contract.chart_render import (
    CHART,
    EVERY_VARIANT,
    REPOSITORY,
    TWO_NAMESPACES,
    Manifest,
    containers,
    copy_of_chart,
    environment,
    flags,
    of_kind,
    pods,
    render,
    run_helm,
)


@EVERY_VARIANT
def test_helm_lint_finds_nothing(settings: tuple[str, ...]) -> None:
    linted = run_helm("lint", "--strict", str(CHART), *flags(settings))
    assert linted.returncode == 0, linted.stdout


@EVERY_VARIANT
def test_every_pod_runs_as_the_owner_of_the_volume_on_a_root_it_cannot_write(
    settings: tuple[str, ...],
) -> None:
    for pod in pods(render(*settings)).values():
        assert pod["spec"]["securityContext"]["runAsUser"] == 10001
        assert pod["spec"]["securityContext"]["runAsGroup"] == 10001
        assert pod["spec"]["enableServiceLinks"] is False
        for container in containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["limits"]["memory"]
            assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]


KEEP = ("helm.sh/resource-policy", "keep")


def annotations(manifest: Manifest) -> set[tuple[str, str]]:
    return set((manifest["metadata"].get("annotations") or {}).items())


def test_uninstalling_leaves_claims_kinds_and_what_reads_the_database() -> None:
    manifests = render("mlflow.database.claim.enabled=true")
    kept = {m["metadata"]["name"] for m in manifests if KEEP in annotations(m)}
    assert kept == {
        "mlruns",
        "modelcycle-mlflow-database",
        "modelcycle-webhook",
        "trainingruns.modelcycle.dev",
        "trainingschedules.modelcycle.dev",
        "trainingsweeps.modelcycle.dev",
        "modeldeployments.modelcycle.dev",
    }


def test_the_webhooks_keys_are_of_the_form_that_mlflow_takes() -> None:
    secret = next(
        one for one in of_kind(render(), "Secret") if one["metadata"]["name"] == "modelcycle-webhook"
    )
    key = base64.b64decode(secret["data"]["encryption-key"])
    assert len(base64.urlsafe_b64decode(key)) == 32
    assert base64.b64decode(secret["data"]["signing-secret"]).isalnum()


def test_without_a_webhook_nothing_of_it_is_there() -> None:
    assert "webhook" not in json.dumps(render("webhook.enabled=false")).lower()


def test_uninstalling_takes_everything_where_that_is_asked_for() -> None:
    manifests = render("mlflow.database.claim.enabled=true", "storage.keep=false", "crds.keep=false")
    assert not [m["metadata"]["name"] for m in manifests if KEEP in annotations(m)]


def test_the_kinds_can_be_left_to_another_release() -> None:
    assert not of_kind(render("crds.enabled=false"), "CustomResourceDefinition")


@EVERY_VARIANT
def test_what_is_mounted_is_a_volume_and_a_selector_selects_its_pods(settings: tuple[str, ...]) -> None:
    manifests = render(*settings)
    for pod in pods(manifests).values():
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        assert {m["name"] for c in containers(pod) for m in c["volumeMounts"]} <= volumes
    labels = {name: set(pod["metadata"]["labels"].items()) for name, pod in pods(manifests).items()}
    for service in of_kind(manifests, "Service"):
        selector = set(service["spec"]["selector"].items())
        selected = [name for name, its in labels.items() if selector <= its]
        assert selected == [service["metadata"]["name"]]


def test_a_secret_with_the_registrys_login_reaches_the_operator_and_by_name_its_jobs() -> None:
    pod = pods(render("mlflow.credentialsSecret=login"))["modelcycle-operator"]
    assert pod["spec"]["containers"][0]["envFrom"] == [{"secretRef": {"name": "login"}}]
    assert environment(pod)["MODELCYCLE_REGISTRY_SECRET"] == "login"
    assert "envFrom" not in pods(render())["modelcycle-operator"]["spec"]["containers"][0]


def test_the_images_carry_the_version_of_the_project() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    manifests = render()
    operator = pods(manifests)["modelcycle-operator"]
    variables = environment(operator)
    assert [
        operator["spec"]["containers"][0]["image"],
        variables["MODELCYCLE_TRAIN_IMAGE"],
        variables["MODELCYCLE_SERVE_IMAGE"],
        pods(manifests)["modelcycle-mlflow"]["spec"]["containers"][0]["image"],
    ] == [f"localhost/modelcycle/{name}:{version}" for name in ("operator", "train", "serve", "serve")]


def test_a_registry_and_a_tag_move_all_images() -> None:
    manifests = render("image.registry=registry.example.org/ml", "image.tag=2.0.0", "image.pullPolicy=Always")
    images = {c["image"] for pod in pods(manifests).values() for c in containers(pod)}
    assert images == {"registry.example.org/ml/operator:2.0.0", "registry.example.org/ml/serve:2.0.0"}
    operator = environment(pods(manifests)["modelcycle-operator"])
    assert operator["MODELCYCLE_TRAIN_IMAGE"] == "registry.example.org/ml/train:2.0.0"
    assert operator["MODELCYCLE_IMAGE_PULL_POLICY"] == "Always"


def test_a_new_version_of_the_chart_alone_restarts_nothing(tmp_path: Path) -> None:
    chart = copy_of_chart(tmp_path)
    about = (chart / "Chart.yaml").read_text()
    (chart / "Chart.yaml").write_text(re.sub(r"(?m)^version: .*$", "version: 9.9.9", about))
    assert pods(render(chart=chart)) == pods(render())


class Recorded(dict[str, str]):
    """An environment that remembers what it was asked for."""

    asked: set[str]

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def test_the_chart_sets_every_variable_that_the_operator_reads_and_no_other() -> None:
    variables = environment(pods(render(*TWO_NAMESPACES))["modelcycle-operator"])
    recorded = Recorded({name: value or "from the pod" for name, value in variables.items()})
    recorded.asked = set()
    read = settings_of_the_operator.read(recorded)
    assert recorded.asked == set(variables)
    assert read.tracking_uri == "http://modelcycle-mlflow.models.svc:5000"
    assert read.namespaces == ("models", "vision")
    assert (read.claim_name, read.mount_path) == ("mlruns", "/mlruns")
    assert (read.lease_name, read.log_format) == ("modelcycle-operator", "json")
    assert (read.poll_seconds, read.workers, read.port) == (5, 16, 8080)
