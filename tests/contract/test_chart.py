"""What the chart promises, seen in what helm renders of it."""

import base64
import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from modelcycle import settings as settings_of_the_operator
from modelcycle.api.trainingrun import TrainingRunSpec

from tests.contract.chart_render import (
    CHART,
    ELSEWHERE,
    REPOSITORY,
    TWO_NAMESPACES,
    VARIANTS,
    Manifest,
    containers,
    copy_of_chart,
    environment,
    first_command,
    flags,
    named,
    notes,
    of_kind,
    pods,
    refusal,
    render,
    run_helm,
)

every_variant = pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS.keys())


@every_variant
def test_helm_lint_finds_nothing(settings: tuple[str, ...]) -> None:
    linted = run_helm("lint", "--strict", str(CHART), *flags(settings))
    assert linted.returncode == 0, linted.stdout


@every_variant
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


@every_variant
def test_only_the_operator_gets_a_token(settings: tuple[str, ...]) -> None:
    manifests = render(*settings)
    with_token = [
        name for name, pod in pods(manifests).items() if pod["spec"]["automountServiceAccountToken"]
    ]
    (account,) = of_kind(manifests, "ServiceAccount")
    assert with_token == [account["metadata"]["name"]]
    assert account["automountServiceAccountToken"] is False


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


def rules(manifests: tuple[Manifest, ...]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (role["metadata"]["name"], rule)
        for kind in ("Role", "ClusterRole")
        for role in of_kind(manifests, kind)
        for rule in role["rules"]
    ]


@every_variant
def test_no_rule_names_secrets_or_everything(settings: tuple[str, ...]) -> None:
    for name, rule in rules(render(*settings)):
        words = {*rule["apiGroups"], *rule["resources"], *rule["verbs"]}
        assert not words & {"*", "secrets", "escalate", "bind", "impersonate"}, name


def test_the_operator_writes_only_what_it_owns() -> None:
    (operator,) = [
        role
        for role in of_kind(render(), "ClusterRole")
        if role["metadata"]["name"] == "models-modelcycle-operator"
    ]
    written = {
        resource
        for rule in operator["rules"]
        for resource in rule["resources"]
        if set(rule["verbs"]) & {"create", "update", "patch", "delete"}
    }
    assert written == {
        "horizontalpodautoscalers",
        "poddisruptionbudgets",
        "ingresses",
        "httproutes",
        "trainingruns",
        "trainingruns/status",
        "trainingschedules/status",
        "trainingsweeps/status",
        "modeldeployments/status",
        "jobs",
        "deployments",
        "services",
        "events",
    }


def test_named_namespaces_get_roles_and_the_cluster_only_the_reading_of_its_identity() -> None:
    everywhere, named_ones = render(), render(*TWO_NAMESPACES)
    cluster_rules = named(everywhere, "ClusterRole", "models-modelcycle-operator")["rules"]
    roles = [r for r in of_kind(named_ones, "Role") if r["metadata"]["name"] == "models-modelcycle-operator"]
    assert [role["metadata"]["namespace"] for role in roles] == ["models", "vision"]
    assert all(role["rules"] == cluster_rules for role in roles)
    (binding,) = of_kind(named_ones, "ClusterRoleBinding")
    identity = named(named_ones, "ClusterRole", binding["roleRef"]["name"])
    assert identity["rules"] == [
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]}
    ]
    assert environment(pods(named_ones)["modelcycle-operator"])["MODELCYCLE_NAMESPACES"] == "models,vision"


@every_variant
def test_every_binding_ties_an_existing_role_to_the_operators_account(settings: tuple[str, ...]) -> None:
    manifests = render(*settings)
    (account,) = of_kind(manifests, "ServiceAccount")
    for binding in [*of_kind(manifests, "RoleBinding"), *of_kind(manifests, "ClusterRoleBinding")]:
        role = named(
            tuple(
                m for m in manifests if m["metadata"].get("namespace") == binding["metadata"].get("namespace")
            ),
            binding["roleRef"]["kind"],
            binding["roleRef"]["name"],
        )
        assert role["rules"]
        assert [(s["name"], s["namespace"]) for s in binding["subjects"]] == [
            (account["metadata"]["name"], account["metadata"]["namespace"])
        ]


def test_the_lease_of_the_rule_is_the_lease_of_the_operator() -> None:
    manifests = render("fullnameOverride=mc")
    lease = environment(pods(manifests)["mc-operator"])["MODELCYCLE_LEASE_NAME"]
    named_rules = [r for _, r in rules(manifests) if r["resources"] == ["leases"] and "resourceNames" in r]
    assert [rule["resourceNames"] for rule in named_rules] == [[lease]]


@pytest.mark.parametrize(
    ("role", "verb", "audience"),
    [("edit", "create", {"edit", "admin"}), ("view", "list", {"view", "edit", "admin"})],
)
def test_our_kinds_join_the_clusters_own_roles(role: str, verb: str, audience: set[str]) -> None:
    ours = named(render(), "ClusterRole", f"models-modelcycle-{role}")
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    joined = {label.removeprefix(prefix) for label in ours["metadata"]["labels"] if label.startswith(prefix)}
    assert joined == audience
    for kind in ("trainingruns", "trainingschedules", "trainingsweeps", "modeldeployments"):
        assert any(verb in rule["verbs"] for rule in ours["rules"] if kind in rule["resources"])


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


@every_variant
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


def write_check(folders: str) -> subprocess.CompletedProcess[str]:
    """The init container's own script, on other folders."""
    init = pods(render())["modelcycle-mlflow"]["spec"]["initContainers"][0]
    script = init["args"][0].replace("/mlruns /server", folders)
    assert folders in script
    return subprocess.run([*init["command"], script], capture_output=True, text=True, check=False)


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


def values_named_in_the_readme() -> list[str]:
    rows = re.findall(r"(?m)^\| (`.*?) \|", (CHART / "README.md").read_text())
    return [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]


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
