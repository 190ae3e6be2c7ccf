"""The Job of a TrainingRun."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcycle.defaults import Defaults
from modelcycle.overlay import OverlayError
from modelcycle.plan import MANAGED_BY, RUN_LABEL, literal
from modelcycle.training.job import job

from tests.builders.base import CLUSTER, DEFAULTS
from tests.builders.resources import TrainingRunBuilder, a_training_run


def job_of(run: TrainingRunBuilder | None = None, defaults: Defaults = DEFAULTS) -> dict[str, Any]:
    return job((run or a_training_run()).build(), defaults)


def pod_of(run: TrainingRunBuilder | None = None) -> dict[str, Any]:
    pod: dict[str, Any] = job_of(run)["spec"]["template"]["spec"]
    return pod


def container_of(run: TrainingRunBuilder | None = None, defaults: Defaults = DEFAULTS) -> dict[str, Any]:
    (container,) = job_of(run, defaults)["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def mounts_of(container: dict[str, Any]) -> dict[str, str]:
    return {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}


def expanded(text: str, variables: dict[str, str]) -> str:
    """What the kubelet makes of $(NAME) and $$ in a value.

    https://github.com/kubernetes/kubernetes/blob/v1.34.0/third_party/forked/golang/expansion/expand.go
    """
    out, at = "", 0
    while at < len(text):
        if text[at] != "$" or at + 1 == len(text):
            out, at = out + text[at], at + 1
        elif text[at + 1] == "$":
            out, at = out + "$", at + 2
        elif text[at + 1] == "(" and (end := text.find(")", at)) > 0:
            name = text[at + 2 : end]
            out, at = out + variables.get(name, f"$({name})"), end + 1
        else:
            out, at = out + text[at : at + 2], at + 2
    return out


def environment_of(run: TrainingRunBuilder | None = None) -> dict[str, str]:
    """What the process sees: in order, the last of a name counts, and a value may name earlier ones."""
    seen: dict[str, str] = {}
    for variable in container_of(run)["env"]:
        value = variable.get("value", "iris-1-abcde")
        seen[variable["name"]] = expanded(value, dict(seen))
    return seen


def context_of(run: TrainingRunBuilder | None = None) -> dict[str, str]:
    context: dict[str, str] = json.loads(environment_of(run)["MLFLOW_RUN_CONTEXT"])
    return context


# The Job.


def test_the_job_has_the_runs_name_and_is_collected_with_it() -> None:
    metadata = job_of()["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("iris-1", "team")
    assert metadata["labels"] == {**MANAGED_BY, RUN_LABEL: "iris-1"}
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "modelcycle.dev/v1alpha1",
            "kind": "TrainingRun",
            "name": "iris-1",
            "uid": "iris-1-uid",
            "controller": True,
            "blockOwnerDeletion": False,
        }
    ]
    assert job_of()["spec"]["template"]["metadata"]["labels"] == metadata["labels"]


def test_a_disruption_is_not_an_attempt() -> None:
    (rule,) = job_of()["spec"]["podFailurePolicy"]["rules"]
    assert rule["action"] == "Ignore"
    assert rule["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert pod_of()["restartPolicy"] == "Never"


def test_limits_are_those_of_the_spec() -> None:
    spec = job_of(a_training_run().with_spec(backoffLimit=2, activeDeadlineSeconds=60))["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (2, 60)


def test_a_field_that_the_spec_leaves_out_is_left_out() -> None:
    assert "activeDeadlineSeconds" not in job_of()["spec"]
    assert not {"command", "args", "resources", "envFrom"} & set(container_of())


def test_pods_are_restricted_and_have_no_token() -> None:
    pod, container = pod_of(), container_of()
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize(
    ("run", "read_only"),
    [
        pytest.param(a_training_run(), True, id="of our image is read-only"),
        pytest.param(a_training_run().in_image("own/train:1"), False, id="of another image may be written"),
    ],
)
def test_the_root(run: TrainingRunBuilder, read_only: bool) -> None:
    assert container_of(run)["securityContext"]["readOnlyRootFilesystem"] is read_only


def test_a_failing_command_leaves_its_last_output() -> None:
    assert container_of()["terminationMessagePolicy"] == "FallbackToLogsOnError"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, {"image": "modelcycle/train:1", "imagePullPolicy": "IfNotPresent"}, id="the charts"),
        pytest.param(
            {"image": "own:1", "imagePullPolicy": "Always", "command": ["python"], "args": ["-m", "t"]},
            {"image": "own:1", "imagePullPolicy": "Always", "command": ["python"], "args": ["-m", "t"]},
            id="the runs own",
        ),
        pytest.param(
            {"resources": {"limits": {"nvidia.com/gpu": 1}}},
            {"resources": {"limits": {"nvidia.com/gpu": 1}}},
            id="with a device",
        ),
        pytest.param(
            {"envFrom": [{"secretRef": {"name": "keys"}}]},
            {"envFrom": [{"secretRef": {"name": "keys"}}]},
            id="with a Secrets variables",
        ),
    ],
)
def test_the_container_is(spec: dict[str, Any], expected: dict[str, Any]) -> None:
    container = container_of(a_training_run().with_spec(**spec))
    assert {name: container[name] for name in expected} == expected


def test_mlflows_credentials_come_from_a_secret_where_there_is_one() -> None:
    defaults = replace(DEFAULTS, registry_secret="mlflow-credentials")
    run = a_training_run().with_spec(envFrom=[{"configMapRef": {"name": "more"}}])
    assert container_of(run, defaults)["envFrom"] == [
        {"configMapRef": {"name": "more"}},
        {"secretRef": {"name": "mlflow-credentials", "optional": True}},
    ]


# The volume, and the working folder.


@pytest.mark.parametrize(
    ("run", "claim"),
    [
        pytest.param(a_training_run(), "mlruns", id="the charts"),
        pytest.param(a_training_run().on_claim("other"), "other", id="the runs own"),
    ],
)
def test_the_claim_is(run: TrainingRunBuilder, claim: str) -> None:
    (volume,) = [volume for volume in pod_of(run)["volumes"] if volume["name"] == "mlruns"]
    assert volume["persistentVolumeClaim"] == {"claimName": claim}


def test_the_volumes_mlruns_folder_is_where_the_server_says_it_is() -> None:
    (mount,) = [mount for mount in container_of()["volumeMounts"] if mount["name"] == "mlruns"]
    assert mount == {"name": "mlruns", "mountPath": "/mlruns", "subPath": "mlruns"}


@pytest.mark.parametrize(
    ("run", "folder"),
    [
        pytest.param(a_training_run(), "/workspace", id="of our image is one that may be written"),
        pytest.param(a_training_run().in_image("own:1"), None, id="of another image is its own"),
        pytest.param(
            a_training_run().in_image("own:1").from_config_map("code"), "/workspace", id="holds the source"
        ),
        pytest.param(
            a_training_run().from_config_map("code").with_spec(workingDir="/code"), "/code", id="may be named"
        ),
        pytest.param(
            a_training_run().in_image("own:1").with_spec(workingDir="/app"), "/app", id="of another image too"
        ),
    ],
)
def test_the_working_folder(run: TrainingRunBuilder, folder: str | None) -> None:
    container = container_of(run)
    assert container.get("workingDir") == folder
    if run.build().spec.image is None or run.build().spec.source:
        assert mounts_of(container)["workspace"] == folder
    else:
        assert "workspace" not in mounts_of(container)


def test_a_source_is_copied_into_the_working_folder_by_our_image() -> None:
    pod = pod_of(a_training_run().in_image("own:1").from_config_map("code"))
    (copy,) = pod["initContainers"]
    assert copy["image"] == DEFAULTS.train_image
    assert mounts_of(copy) == {"source": "/source", "workspace": "/workspace"}
    assert {"name": "source", "configMap": {"name": "code"}} in pod["volumes"]


def test_without_a_source_nothing_runs_first() -> None:
    assert "initContainers" not in pod_of()


# Data, and everything else that a pod has.


def test_more_volumes_come_after_the_runs_own() -> None:
    data = {"name": "data", "persistentVolumeClaim": {"claimName": "iris-data", "readOnly": True}}
    mount = {"name": "data", "mountPath": "/data", "readOnly": True}
    run = a_training_run().with_spec(volumes=[data], volumeMounts=[mount])
    assert pod_of(run)["volumes"] == [*pod_of()["volumes"], data]
    assert container_of(run)["volumeMounts"] == [*container_of()["volumeMounts"], mount]


def test_an_empty_folder_needs_no_more_words() -> None:
    run = a_training_run().with_spec(volumes=[{"name": "shm", "emptyDir": {}}])
    assert pod_of(run)["volumes"][-1] == {"name": "shm", "emptyDir": {}}


def test_an_overlay_reaches_the_pod_and_its_container() -> None:
    run = a_training_run().overlaid(
        {"annotations": {"a": "b"}},
        nodeSelector={"gpu": "a100"},
        containers=[{"name": "train", "securityContext": {"readOnlyRootFilesystem": False}}],
    )
    assert pod_of(run)["nodeSelector"] == {"gpu": "a100"}
    assert container_of(run)["securityContext"] == {
        **container_of()["securityContext"],
        "readOnlyRootFilesystem": False,
    }
    assert job_of(run)["spec"]["template"]["metadata"]["annotations"] == {"a": "b"}


def test_an_overlay_cannot_hide_the_pod_from_the_operator() -> None:
    run = a_training_run().overlaid({"labels": {RUN_LABEL: "other", "mine": "1"}})
    assert job_of(run)["spec"]["template"]["metadata"]["labels"] == {
        **MANAGED_BY,
        RUN_LABEL: "iris-1",
        "mine": "1",
    }


@pytest.mark.parametrize(
    "env",
    [
        [{"name": "MLFLOW_RUN_CONTEXT", "value": "{}"}, {"name": "POD_NAME", "value": "mine"}],
        [{"name": "MLFLOW_RUN_CONTEXT", "$patch": "delete"}],
        [{"name": "LATER", "value": "$(MLFLOW_RUN_CONTEXT)"}],
        None,
    ],
    ids=["another", "less", "more", "none"],
)
def test_an_overlay_cannot_hide_the_mlflow_runs(env: list[dict[str, str]] | None) -> None:
    run = a_training_run().overlaid(containers=[{"name": "train", "env": env}])
    assert context_of(run) == context_of()
    assert [variable["name"] for variable in container_of(run)["env"]][-2:] == [
        "POD_NAME",
        "MLFLOW_RUN_CONTEXT",
    ]


@pytest.mark.parametrize(
    "containers", [None, [{"name": "train", "$patch": "delete"}]], ids=["all of them", "the one"]
)
def test_an_overlay_may_not_remove_what_trains(containers: list[dict[str, str]] | None) -> None:
    with pytest.raises(OverlayError, match="may not remove the container 'train'"):
        job_of(a_training_run().overlaid(containers=containers))


# Kueue.


def test_a_run_in_a_queue_is_born_suspended_with_what_kueue_reads() -> None:
    labels = {"kueue.x-k8s.io/queue-name": "gpus", "kueue.x-k8s.io/priority-class": "high", "team": "a"}
    job = job_of(a_training_run().labelled(labels))
    assert job["spec"]["suspend"] is True
    assert job["metadata"]["labels"] == {
        **MANAGED_BY,
        RUN_LABEL: "iris-1",
        "kueue.x-k8s.io/queue-name": "gpus",
        "kueue.x-k8s.io/priority-class": "high",
    }
    assert job["spec"]["template"]["metadata"]["labels"] == {**MANAGED_BY, RUN_LABEL: "iris-1"}


def test_a_run_in_no_queue_starts_at_once() -> None:
    job = job_of(a_training_run().labelled({"kueue.x-k8s.io/priority-class": "high"}))
    assert "suspend" not in job["spec"]
    assert job["metadata"]["labels"] == {**MANAGED_BY, RUN_LABEL: "iris-1"}


# The environment.


def test_parameters_become_variables_that_arguments_can_name() -> None:
    run = a_training_run().with_params(max_iter="200").with_spec(args=["--max-iter", "$(PARAM_max_iter)"])
    assert environment_of(run)["PARAM_max_iter"] == "200"
    assert expanded(container_of(run)["args"][1], environment_of(run)) == "200"


def test_the_users_variables_may_name_parameters() -> None:
    run = (
        a_training_run().with_params(depth="3").with_spec(env=[{"name": "NOTE", "value": "d$(PARAM_depth)"}])
    )
    assert environment_of(run)["NOTE"] == "d3"


def test_an_experiment_is_mlflows_default_where_it_is_named() -> None:
    assert environment_of(a_training_run().with_spec(experiment="iris"))["MLFLOW_EXPERIMENT_NAME"] == "iris"
    assert "MLFLOW_EXPERIMENT_NAME" not in environment_of()


def test_the_registrys_address_may_be_overridden_by_the_user() -> None:
    own = [{"name": "MLFLOW_TRACKING_URI", "value": "http://own"}]
    assert environment_of()["MLFLOW_TRACKING_URI"] == DEFAULTS.tracking_uri
    assert environment_of(a_training_run().with_spec(env=own))["MLFLOW_TRACKING_URI"] == "http://own"


def test_what_finds_the_runs_again_cannot_be_overridden() -> None:
    own = [{"name": "MLFLOW_RUN_CONTEXT", "value": "{}"}, {"name": "POD_NAME", "value": "mine"}]
    run = a_training_run().with_spec(env=own)
    assert context_of(run)["modelcycle.trainingrun.uid"] == "iris-1-uid"
    assert context_of(run)["modelcycle.pod"] == "iris-1-abcde"


def test_runs_are_tagged_with_where_they_come_from_and_with_the_users_own() -> None:
    run = a_training_run().with_params(max_iter="200").with_tags({"team": "flora", "why": 'say "hi"'})
    assert context_of(run) == {
        "modelcycle.cluster": CLUSTER,
        "modelcycle.namespace": "team",
        "modelcycle.trainingrun": "iris-1",
        "modelcycle.trainingrun.uid": "iris-1-uid",
        "modelcycle.pod": "iris-1-abcde",
        "max_iter": "200",
        "team": "flora",
        "why": 'say "hi"',
    }


def test_a_tag_cannot_pretend_that_a_run_is_anothers() -> None:
    stolen = dict.fromkeys(("modelcycle.trainingrun.uid", "modelcycle.pod", "modelcycle.cluster"), "stolen")
    assert "stolen" not in context_of(a_training_run().with_tags(stolen)).values()


@pytest.mark.parametrize(
    "value", ["$(POD_NAME)", "$$(POD_NAME)", "a$$b", "$", "$$$", "$(", "cost: 5$", "$HOME", "日本"]
)
def test_the_kubelet_leaves_a_value_as_it_is(value: str) -> None:
    run = a_training_run().with_params(p=value).with_tags({"t": value}).with_spec(experiment=value)
    assert environment_of(run)["PARAM_p"] == value
    assert environment_of(run)["MLFLOW_EXPERIMENT_NAME"] == value
    assert context_of(run)["t"] == value


@given(st.text('$(){}POD_NAME "\\é'))
def test_the_kubelet_leaves_any_value_as_it_is(value: str) -> None:
    assert expanded(literal(value), {"POD_NAME": "expanded", "": "expanded"}) == value
