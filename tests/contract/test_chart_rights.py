"""What the chart lets whom do."""

from typing import Any

import pytest

from tests.contract.chart_render import (
    EVERY_VARIANT,
    TWO_NAMESPACES,
    Manifest,
    environment,
    named,
    of_kind,
    pods,
    render,
)


def rules(manifests: tuple[Manifest, ...]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (role["metadata"]["name"], rule)
        for kind in ("Role", "ClusterRole")
        for role in of_kind(manifests, kind)
        for rule in role["rules"]
    ]


@EVERY_VARIANT
def test_only_the_operator_gets_a_token(settings: tuple[str, ...]) -> None:
    manifests = render(*settings)
    with_token = [
        name for name, pod in pods(manifests).items() if pod["spec"]["automountServiceAccountToken"]
    ]
    (account,) = of_kind(manifests, "ServiceAccount")
    assert with_token == [account["metadata"]["name"]]
    assert account["automountServiceAccountToken"] is False


@EVERY_VARIANT
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


@EVERY_VARIANT
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
