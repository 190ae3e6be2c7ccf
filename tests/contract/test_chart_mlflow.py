"""The MLflow server of the chart: its arguments, its volume, its database, and who may ask it."""

import subprocess
from pathlib import Path

import pytest

from tests.contract.chart_render import ELSEWHERE, containers, environment, named, of_kind, pods, render


def write_check(folders: str) -> subprocess.CompletedProcess[str]:
    """The init container's own script, on other folders."""
    init = pods(render())["modelcycle-mlflow"]["spec"]["initContainers"][0]
    script = init["args"][0].replace("/mlruns /server", folders)
    assert folders in script
    return subprocess.run([*init["command"], script], capture_output=True, text=True, check=False)


def test_an_existing_claim_is_used_and_none_is_made() -> None:
    manifests = render("storage.existingClaim=share")
    assert not of_kind(manifests, "PersistentVolumeClaim")
    assert environment(pods(manifests)["modelcycle-operator"])["MODELCYCLE_CLAIM_NAME"] == "share"
    volumes = pods(manifests)["modelcycle-mlflow"]["spec"]["volumes"]
    assert {"name": "models", "persistentVolumeClaim": {"claimName": "share"}} in volumes


@pytest.mark.parametrize(
    ("settings", "storage_class"),
    [
        ((), "left to the cluster"),
        (("storage.storageClassName=",), ""),
        (("storage.storageClassName=nfs",), "nfs"),
    ],
)
def test_the_class_of_the_claim_is_the_clusters_none_or_the_one_named(
    settings: tuple[str, ...], storage_class: str
) -> None:
    claim = named(render(*settings), "PersistentVolumeClaim", "mlruns")
    assert claim["spec"].get("storageClassName", "left to the cluster") == storage_class
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


@pytest.mark.parametrize(
    ("settings", "uri", "mounts"),
    [
        ((), "sqlite:////server/mlflow.db", {"/mlruns": "mlruns", "/server": "server"}),
        (
            ("mlflow.database.claim.enabled=true",),
            "sqlite:////server/mlflow.db",
            {"/mlruns": "mlruns", "/server": None},
        ),
        (("mlflow.database.existingSecret=registry",), None, {"/mlruns": "mlruns"}),
    ],
)
def test_the_database_lies_on_the_shared_volume_on_a_claim_of_its_own_or_elsewhere(
    settings: tuple[str, ...], uri: str | None, mounts: dict[str, str | None]
) -> None:
    pod = pods(render(*settings))["modelcycle-mlflow"]
    assert environment(pod)["MLFLOW_BACKEND_STORE_URI"] == uri
    for container in containers(pod):
        seen = {m["mountPath"]: m.get("subPath") for m in container["volumeMounts"] if m["name"] != "tmp"}
        assert seen == mounts


def test_mlflow_knows_every_argument_it_is_started_with() -> None:
    from mlflow.cli import server as mlflow_server_command  # seconds: not while tests are collected

    container = pods(render())["modelcycle-mlflow"]["spec"]["containers"][0]
    assert container["command"] == ["/opt/venv/bin/mlflow", "server"]
    options = mlflow_server_command.make_context("server", list(container["args"])).params
    assert options["serve_artifacts"] is True
    assert options["default_artifact_root"] == options["artifacts_destination"] == "file:///mlruns"
    assert options["workers"] == "1"


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost:30500", True),
        ("127.0.0.1:30500", True),
        ("modelcycle-mlflow:5000", True),
        ("modelcycle-mlflow.models:5000", True),
        ("modelcycle-mlflow.models.svc:5000", True),
        ("modelcycle-mlflow.models.svc.cluster.local:5000", True),
        ("mlflow.example.org", True),
        ("mlflow.example.org:8443", True),
        ("example.org", False),
        ("modelcycle-mlflow.models.svc.example.org:5000", False),
        ("127.0.0.1.example.org", False),
    ],
)
def test_mlflow_answers_to_its_own_names_alone(host: str, allowed: bool) -> None:
    from mlflow.server.security_utils import is_allowed_host_header

    pod = pods(render("mlflow.allowedHosts={mlflow.example.org}"))["modelcycle-mlflow"]
    hosts = environment(pod)["MLFLOW_SERVER_ALLOWED_HOSTS"]
    assert hosts is not None
    assert is_allowed_host_header(hosts.split(","), host) is allowed


def test_the_operator_is_told_the_address_that_the_server_answers_to() -> None:
    manifests = render()
    address = environment(pods(manifests)["modelcycle-operator"])["MODELCYCLE_TRACKING_URI"]
    service = named(manifests, "Service", "modelcycle-mlflow")
    port = service["spec"]["ports"][0]["port"]
    assert address == f"http://{service['metadata']['name']}.models.svc:{port}"


def test_a_server_elsewhere_leaves_nothing_of_mlflow_here() -> None:
    manifests = render(*ELSEWHERE)
    assert not [m["metadata"]["name"] for m in manifests if "mlflow" in m["metadata"]["name"]]
    operator = environment(pods(manifests)["modelcycle-operator"])
    assert operator["MODELCYCLE_TRACKING_URI"] == "https://mlflow.example.org"


def test_a_volume_that_cannot_be_written_stops_the_server_with_the_cure(tmp_path: Path) -> None:
    ended = write_check(f"{tmp_path} {tmp_path}/missing")
    assert ended.returncode == 1
    assert ended.stderr == (
        f"The volume mounted at {tmp_path}/missing cannot be written by user 10001. Where the volume lies, run: "
        "install -d -o 10001 -g 10001 -m 2775 VOLUME VOLUME/mlruns VOLUME/cache VOLUME/server (VOLUME is its folder).\n"
    )


def test_a_volume_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    ended = write_check(f"{tmp_path} {tmp_path}")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
