"""The chart's rights against what the operator did in this session: enough, and none that it does not use."""

import pytest
import yaml

from tests.integration.apiserver import kubectl
from tests.integration.audit import answered
from tests.integration.world import World

# Looked at live only after a lost answer or a conflict, which the convergence tests bring about.
AFTER_FAULTS = {
    ("get", "modelcycle.dev", "trainingschedules"),
    ("get", "modelcycle.dev", "trainingsweeps"),
    ("get", "modelcycle.dev", "modeldeployments"),
    ("get", "apps", "deployments"),
    ("get", "", "services"),
    ("get", "autoscaling", "horizontalpodautoscalers"),
    ("get", "policy", "poddisruptionbudgets"),
    ("get", "networking.k8s.io", "ingresses"),
    ("get", "gateway.networking.k8s.io", "httproutes"),
}


def _asked(world: World) -> list[tuple[str, str, str, int]]:
    """(verb, group, resource[/subresource], answer) of each request of the operator's user."""
    out = []
    for entry in answered(world.server):
        about = entry.get("objectRef")
        if not about or not about.get("resource"):
            continue
        sub = f"/{about['subresource']}" if about.get("subresource") else ""
        code = entry["responseStatus"]["code"]
        # A quota is no want of rights; a test brings one about.
        if "exceeded quota" in entry["responseStatus"].get("message", ""):
            continue
        out.append((entry["verb"], about.get("apiGroup", ""), about["resource"] + sub, code))
    return out


def test_the_operator_was_never_forbidden_anything(world: World):
    world.run("run")
    world.job("run")
    forbidden = {request[:3] for request in _asked(world) if request[3] == 403}
    assert forbidden == set()


def test_the_chart_gives_no_right_that_is_never_used(world: World, request: pytest.FixtureRequest):
    suites = {item.path.name for item in request.session.items}
    needed = (
        "trainingrun",
        "trainingschedule",
        "trainingsweep",
        "modeldeployment",
        "results",
        "orphan_sweep",
        "way_in",
    )
    if not {f"test_{name}.py" for name in needed} <= suites:
        pytest.skip("judges the whole integration suite")
    used = {
        (verb, group, resource) for verb, group, resource, code in _asked(world) if code < 400 or code == 409
    }
    assert sorted(_given(world) - used - AFTER_FAULTS) == []


def _given(world: World) -> set[tuple[str, str, str]]:
    given = set()
    for kind in ("clusterroles", "roles"):
        label = "app.kubernetes.io/name=modelcycle"
        text = kubectl(world.server, "get", kind, "-A", "-l", label, "-o", "yaml").stdout
        for role in yaml.safe_load(text)["items"]:
            for rule in role["rules"]:
                given |= {
                    (verb, group, resource)
                    for verb in rule["verbs"]
                    for group in rule["apiGroups"]
                    for resource in rule["resources"]
                }
    return given
