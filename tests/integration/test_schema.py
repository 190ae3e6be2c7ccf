"""What the API server itself refuses, and in which words."""

import json
from typing import Any

import pytest
from kubernetes.dynamic.exceptions import UnprocessibleEntityError
from modelcycle.api.trainingrun import TrainingRunSpec

from tests.integration.kube import Body
from tests.integration.world import World

MODEL = {"name": "iris", "latest": {}}
SCHEDULE: Body = {"schedule": "30 2 * * *", "template": {"spec": {}}}


def promoting(*rules: Body, alias: str = "champion") -> Body:
    """A TrainingRun's spec whose rules are all about accuracy."""
    when = [{"metric": "accuracy", **rule} for rule in rules]
    return {"model": {"name": "iris", "promote": {"alias": alias, "when": when}}}


def strategy(kind: str, *weights: int) -> Body:
    steps = {"canary": {"steps": [{"weight": weight} for weight in weights]}} if weights else {}
    return {"model": MODEL, "strategy": {"type": kind, **steps}}


def route(**fields: Any) -> Body:
    given = {"host": "iris.example.org", **fields}
    return {"model": MODEL, "route": {name: value for name, value in given.items() if value is not None}}


def parity(**fields: Any) -> Body:
    return {"model": MODEL, "parity": {"maxChangedFraction": 0.1, **fields}}


@pytest.mark.parametrize(
    ("kind", "name", "spec", "words"),
    [
        ("ModelDeployment", "web", {"model": {"name": "iris"}}, "exactly one of version, alias and latest"),
        (
            "ModelDeployment",
            "web",
            {"model": {**MODEL, "alias": "a"}},
            "exactly one of version, alias and latest",
        ),
        (
            "ModelDeployment",
            "web",
            {"model": {**MODEL, "version": 1}},
            "exactly one of version, alias and latest",
        ),
        ("ModelDeployment", "web", {"model": {"name": "iris", "version": "first"}}, "a whole number from 1"),
        ("ModelDeployment", "web", {"model": {"name": "iris", "version": 0}}, "a whole number from 1"),
        ("ModelDeployment", "web", {"model": MODEL, "replicas": -1}, "greater than or equal to 0"),
        ("ModelDeployment", "web", {"model": MODEL, "keepPreviousSeconds": 9}, "greater than or equal to 10"),
        ("ModelDeployment", "web", {"model": MODEL, "strategy": {"type": "Linear"}}, "Unsupported value"),
        ("ModelDeployment", "web", strategy("Canary"), "type Canary has its steps in canary"),
        ("ModelDeployment", "web", strategy("Recreate", 10), "type Canary has its steps in canary"),
        ("ModelDeployment", "web", strategy("Canary", 30, 20), "have to rise"),
        ("ModelDeployment", "web", strategy("Canary", 20, 20), "have to rise"),
        ("ModelDeployment", "web", strategy("Canary", 20, 101), "less than or equal to 100"),
        (
            "ModelDeployment",
            "web",
            {"model": MODEL, "strategy": {"type": "Recreate", "recreateWhenUnschedulable": True}},
            "belongs to type BlueGreen",
        ),
        ("ModelDeployment", "web", {"model": MODEL, "require": [{"metric": "f1"}]}, "say atLeast, atMost"),
        (
            "ModelDeployment",
            "web",
            {"model": MODEL, "require": [{"metric": "f1", "atLeast": 1, "atMost": 0}]},
            "nothing can be both",
        ),
        ("ModelDeployment", "web", route(gateway={"name": "g"}, ingressClassName="nginx"), "not both"),
        (
            "ModelDeployment",
            "web",
            route(gateway={"name": "g"}, tlsSecretName="tls"),
            "say gateway.tls: true",
        ),
        ("ModelDeployment", "web", route(host="10.0.0.1"), "is a DNS name"),
        ("ModelDeployment", "web", route(host="*.example.org"), "should match"),
        ("ModelDeployment", "web", route(host=None), "route.host: Required value"),
        ("ModelDeployment", "web", {"model": MODEL, "auth": {}}, "auth.secretName: Required value"),
        ("ModelDeployment", "web", {"model": MODEL, "parity": {}}, "maxChangedFraction: Required"),
        ("ModelDeployment", "web", parity(maxChangedFraction=5), "less than or equal to 1"),
        ("ModelDeployment", "web", parity(relativeTolerance=-1), "greater than or equal to 0"),
        ("ModelDeployment", "web", parity(minRows=0), "greater than or equal to 1"),
        ("ModelDeployment", "web", parity(examples="/etc/passwd.csv"), "does not begin with /"),
        ("ModelDeployment", "web", parity(examples="a/../../b.csv"), "has no .."),
        ("ModelDeployment", "web", parity(examples="rows.xlsx"), "ends in .json, .csv or .parquet"),
        ("ModelDeployment", "a" * 41, {"model": MODEL}, "at most 40 characters"),
        ("TrainingRun", "a" * 53, {}, "at most 52 characters"),
        ("TrainingRun", "a.b", {}, "no dot"),
        ("TrainingRun", "1a", {}, "a letter first"),
        ("TrainingRun", "run", {"params": {"max-iter": "1"}}, "environment variable"),
        ("TrainingRun", "run", {"params": {"1st": "1"}}, "environment variable"),
        ("TrainingRun", "run", {"params": {"lr": 0.1}}, "must be of type string"),
        ("TrainingRun", "run", {"backoffLimit": -1}, "greater than or equal to 0"),
        ("TrainingRun", "run", {"nodes": 0}, "greater than or equal to 1"),
        ("TrainingRun", "run", {"volumes": [{"name": "data"}]}, "exactly one of persistentVolumeClaim, nfs"),
        (
            "TrainingRun",
            "run",
            {"volumes": [{"name": "a", "emptyDir": {}, "nfs": {"server": "s", "path": "/"}}]},
            "exactly one of persistentVolumeClaim, nfs",
        ),
        ("TrainingRun", "run", {"volumes": [{"name": "tmp", "emptyDir": {}}]}, "choose another name"),
        ("TrainingRun", "run", {"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}, "unknown field"),
        ("TrainingRun", "run", {"podTemplate": {"metadata": {}}}, "spec.podTemplate.spec: Required value"),
        ("TrainingRun", "run", promoting(alias="latest"), "MLflow keeps latest, v1, v2 and so on to itself"),
        ("TrainingRun", "run", promoting(alias="v3"), "MLflow keeps latest, v1, v2 and so on to itself"),
        ("TrainingRun", "run", promoting(alias="the best"), "should match"),
        ("TrainingRun", "run", promoting({}), "needs at least one of atLeast, atMost and betterThan"),
        ("TrainingRun", "run", promoting({"atLeast": 2, "atMost": 1}), "nothing can be both"),
        ("TrainingRun", "run", promoting({"betterThan": "champion"}), "whether higherIsBetter"),
        ("TrainingRun", "run", promoting({"atLeast": 1, "higherIsBetter": True}), "whether higherIsBetter"),
        ("TrainingSchedule", "a" * 42, SCHEDULE, "at most 41 characters"),
        ("TrainingSchedule", "a.b", SCHEDULE, "no dot"),
        ("TrainingSchedule", "1a", SCHEDULE, "a letter first"),
        ("TrainingSchedule", "s", {"schedule": "@daily"}, "spec.template: Required value"),
        ("TrainingSchedule", "s", {**SCHEDULE, "schedule": "* * * *"}, "five fields"),
        ("TrainingSchedule", "s", {**SCHEDULE, "schedule": "TZ=UTC 0 2 * *"}, "the time zone is in timeZone"),
        ("TrainingSchedule", "s", {**SCHEDULE, "schedule": "0 0 0 2 * *"}, "five fields"),
        ("TrainingSchedule", "s", {**SCHEDULE, "timeZone": "Europe/Berlni"}, "Europe/Berlni"),
        ("TrainingSchedule", "s", {**SCHEDULE, "concurrencyPolicy": "Queue"}, "Unsupported value"),
        (
            "TrainingSchedule",
            "s",
            {**SCHEDULE, "template": {"spec": {"params": {"a-b": "1"}}}},
            "environment",
        ),
        ("TrainingRun", "run", {"source": {}}, "exactly one of configMap and git"),
        (
            "TrainingRun",
            "run",
            {"source": {"configMap": {"name": "code"}, "git": {"url": "https://a.b/c"}}},
            "exactly one of configMap and git",
        ),
        *(
            ("TrainingRun", "run", {"source": {"git": git}}, words)
            for git, words in (
                ({"url": "https://ann:secret@a.b/c"}, "does not belong in it but in the Secret"),
                ({"url": "https://token@a.b/c"}, "does not belong in it but in the Secret"),
                ({"url": "file:///mlruns/c"}, "a url is https://"),
                ({"url": "https://a.b/c d"}, "a url is https://"),
                ({"url": "ssh://git@-oProxyCommand=x/c", "secretName": "key"}, "a url is https://"),
                ({"url": "git@a.b:c.git"}, "ssh needs a key"),
                ({"url": "https://a.b/c", "revision": "--upload-pack=x"}, "a revision is the name"),
                ({"url": "https://a.b/c", "revision": "main:other"}, "a revision is the name"),
                ({"url": "https://a.b/c", "path": "/etc"}, "a path lies in the repository"),
                ({"url": "https://a.b/c", "path": "a/../../b"}, "a path lies in the repository"),
            )
        ),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str | dict) else None,
)
def test_wrong_input_is_refused_with_a_sentence(world: World, kind: str, name: str, spec: Body, words: str):
    refused = world.kubectl("create", "-f", "-", body=_resource(kind, name, spec), check=False)
    assert refused.returncode == 1
    assert words in refused.stderr


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ({"image": "a"}, {"image": "b"}),
        ({"image": "a"}, {"image": None}),
        ({}, {"image": "a"}),
        ({"params": {"C": "1"}}, {"params": {"C": "2"}}),
        ({"params": {"C": "1"}}, {"params": {"D": "1"}}),
        ({"params": {"C": "1"}}, {"params": None}),
        ({}, {"tags": {"a": "b"}}),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "2"}]}),
        ({"resources": {"limits": {"memory": "1Gi"}}}, {"resources": {"limits": {"memory": "2Gi"}}}),
        ({}, {"backoffLimit": 3}),
        ({}, {"nodes": 2}),
        ({"volumes": [{"name": "a", "emptyDir": {}}]}, {"volumes": [{"name": "b", "emptyDir": {}}]}),
        ({}, {"podTemplate": {"spec": {}}}),
        ({"podTemplate": {"spec": {"nodeSelector": {"a": "b"}}}}, {"podTemplate": None}),
        # As many fields as before, and none of them the same.
        (
            {"podTemplate": {"spec": {"hostNetwork": True}}},
            {"podTemplate": {"spec": {"hostNetwork": None, "hostPID": True}}},
        ),
        (
            {"podTemplate": {"spec": {"nodeSelector": {"a": "b"}}}},
            {"podTemplate": {"spec": {"nodeSelector": {"a": None, "c": "b"}}}},
        ),
        (
            {"podTemplate": {"spec": {}, "metadata": {"labels": {"a": "b"}}}},
            {"podTemplate": {"metadata": {"labels": None, "annotations": {"a": "b"}}}},
        ),
        ({"source": {"git": {"url": "https://a.b/c"}}}, {"source": {"git": {"revision": "v1"}}}),
    ],
    ids=str,
)
def test_run_inputs_cannot_be_changed_added_or_removed(world: World, before: Body, change: Body):
    world.run("run", **before)
    patch = _json({"spec": change})
    refused = world.kubectl("patch", "trainingrun", "run", "--type=merge", "-p", patch, check=False)
    assert refused.returncode == 1
    assert "run inputs are immutable: create a TrainingRun with another name" in refused.stderr


# A value of every run input.
INPUTS: Body = {
    "image": "a",
    "imagePullPolicy": "Always",
    "command": ["a"],
    "args": ["a"],
    "workingDir": "/a",
    "params": {"a": "b"},
    "env": [{"name": "A", "value": "b"}],
    "envFrom": [{"secretRef": {"name": "a"}}],
    "resources": {"limits": {"cpu": "1"}},
    "volumes": [{"name": "a", "emptyDir": {}}],
    "volumeMounts": [{"name": "a", "mountPath": "/a"}],
    "experiment": "a",
    "tags": {"a": "b"},
    "source": {"configMap": {"name": "a"}},
    "model": {"name": "a"},
    "objective": {"metric": "a"},
    "backoffLimit": 1,
    "activeDeadlineSeconds": 1,
    "nodes": 1,
    "podTemplate": {"spec": {"priorityClassName": "a"}},
    "storage": {"claimName": "a"},
}
MAY_CHANGE = {"suspend", "ttlSecondsAfterFinished", "pendingDeadlineSeconds"}


def test_no_run_input_can_be_added_or_removed(world: World):
    inputs = {field.alias or name for name, field in TrainingRunSpec.model_fields.items()} - MAY_CHANGE
    assert set(INPUTS) == inputs, "a run input has no value here"
    for number, (name, value) in enumerate(INPUTS.items()):
        world.run(f"with-{number}", **{name: value})
        world.run(f"without-{number}")
        for run, change in ((f"with-{number}", None), (f"without-{number}", value)):
            with pytest.raises(UnprocessibleEntityError) as refused:
                world.kube.patch("TrainingRun", world.namespace, run, {"spec": {name: change}})
            assert "run inputs are immutable" in refused.value.body, name


@pytest.mark.parametrize(
    "git",
    [
        {"url": "https://a.b/c.git"},
        {"url": "https://a.b:8443/~team/c", "revision": "release/1.0", "path": "models/iris"},
        {"url": "ssh://git@a.b:2222/c.git", "secretName": "key", "revision": "v1.0"},
        {"url": "git@a.b:team/c.git", "secretName": "key", "revision": "0123456"},
    ],
    ids=lambda git: git["url"],
)
def test_the_address_of_a_git_repository_may_be(world: World, git: Body):
    made = world.run("run", source={"git": git})["spec"]["source"]["git"]
    assert made == {"revision": "HEAD", **git}


def test_a_version_may_be_a_number_or_a_string(world: World):
    for name, version in (("number", 3), ("string", "3")):
        world.apply("ModelDeployment", name, {"model": {"name": "iris", "version": version}})
        assert world.get("ModelDeployment", name)["spec"]["model"]["version"] == version


def test_defaults_are_filled_in(world: World):
    spec = world.deployment("web", MODEL)["spec"]
    assert (spec["replicas"], spec["progressDeadlineSeconds"]) == (1, 600)
    assert spec["strategy"] == {"type": "BlueGreen", "recreateWhenUnschedulable": False}
    run = world.run("run")
    assert run["spec"]["backoffLimit"] == 0
    assert run["status"] == {"phase": "Pending"}


@pytest.mark.parametrize(
    "name", ["trainingruns", "trun", "trainingschedules", "tsched", "modeldeployments", "mdep", "modelcycle"]
)
def test_kubectl_knows_the_plural_the_short_name_and_the_category(world: World, name: str):
    assert world.kubectl("get", name).returncode == 0


@pytest.mark.parametrize("path", ["trainingrun.spec", "modeldeployment.spec.model", "trainingrun.status"])
def test_kubectl_explains_every_field(world: World, path: str):
    text = world.kubectl("explain", path).stdout
    fields = text.split("FIELDS:")[1].strip("\n").split("\n\n")
    undescribed = [
        field.split("\t")[0].strip() for field in fields if field.strip() and "\n    " not in field
    ]
    assert undescribed == []


def _resource(kind: str, name: str, spec: Body) -> str:
    return _json(
        {"apiVersion": "modelcycle.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    )


def _json(value: Any) -> str:
    return json.dumps(value)
