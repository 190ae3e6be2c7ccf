"""The token that clients are asked for, how pods come by it, and what is said where they do not."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from modelcycle.pods import Told
from modelcycle.serving import manifests
from modelcycle.serving.auth import own_token
from modelcycle.serving.rollout import decide
from modelcycle.serving.silence import AGAIN_SECONDS, GRACE_SECONDS, unexplained

from tests.builders.base import DEFAULTS, NOW, ago
from tests.builders.resources import a_model_deployment
from tests.builders.seen import DeploymentSeen, a_deployment_seen

ASKING = a_model_deployment().with_spec(auth={"secretName": "iris-clients"})
DEFAULTS_WITH_KEY = replace(DEFAULTS, serving_key="known to the operator alone")
MISSING = Told(
    "FailedMount", 'MountVolume.SetUp failed for volume "auth" : secret "iris-clients" not found', NOW
)
NO_KEY = Told(
    "FailedMount",
    'MountVolume.SetUp failed for volume "auth" : references non-existent secret key: token',
    NOW,
)


def pod_of_two(defaults: Any = DEFAULTS_WITH_KEY) -> dict[str, Any]:
    made = manifests.revision_deployment(ASKING.build(), defaults, ASKING.revision(2), 1)
    pod: dict[str, Any] = made["spec"]["template"]["spec"]
    return pod


def environment(pod: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in pod["containers"][0]["env"]}


def test_the_token_is_read_from_a_folder_that_changes_with_the_secret() -> None:
    pod = pod_of_two()
    (volume,) = [volume for volume in pod["volumes"] if "secret" in volume]
    assert volume["secret"] == {"secretName": "iris-clients", "items": [{"key": "token", "path": "token"}]}
    mounts = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == volume["name"]]
    assert mounts == [{"name": volume["name"], "mountPath": "/auth", "readOnly": True}]
    assert environment(pod)["MODELCYCLE_TOKEN_FILE"] == "/auth/token"
    assert not [m for m in pod["initContainers"][0]["volumeMounts"] if m["name"] == volume["name"]]


def test_a_pod_is_told_the_digest_of_the_operators_token_and_never_the_token() -> None:
    revision = ASKING.revision(2).name
    token = own_token(DEFAULTS_WITH_KEY.serving_key, "iris-uid", revision)
    said = environment(pod_of_two())
    assert said["MODELCYCLE_OPERATOR_DIGEST"] == hashlib.sha256(token.encode()).hexdigest()
    assert token not in str(pod_of_two())
    assert "known to the operator alone" not in repr(DEFAULTS_WITH_KEY)
    assert environment(pod_of_two(DEFAULTS))["MODELCYCLE_OPERATOR_DIGEST"] == "", (
        "without a key there is none"
    )


def test_each_revision_of_each_deployment_has_a_token_of_its_own() -> None:
    asked = [("k", "uid", "v1-a"), ("k", "uid", "v2-a"), ("k", "other", "v1-a"), ("l", "uid", "v1-a")]
    assert len({own_token(*one) for one in asked}) == 4


def two_waits(told: Told | None = None, created: float = GRACE_SECONDS) -> DeploymentSeen:
    """Version 1 serves; the pod of version 2 has a node, and nothing else yet."""
    seen = a_deployment_seen(ASKING).following(1).served_by(1, since=ago(3600))
    seen = seen.following(2).trying(2, since=ago(created))
    return seen.with_deployment_of(2, seen.pod_of(2).on_node("node-1").created(ago(created))).but(told=told)


@pytest.mark.parametrize("told", [MISSING, NO_KEY], ids=["no Secret", "no key"])
def test_a_secret_that_is_not_there_is_said_with_the_cure_and_what_serves_stays(told: Told) -> None:
    seen = two_waits(told)
    rollout = decide(seen.observed(), NOW)
    assert rollout.candidate
    assert rollout.candidate.step == "Starting"
    assert rollout.candidate.message
    assert "kubectl create secret generic iris-clients --namespace team --from-literal=token=TOKEN" in (
        rollout.candidate.message
    )
    assert told.message in rollout.candidate.message
    assert seen.name_of(1) in rollout.keep
    assert rollout.look_again == AGAIN_SECONDS, "no watch tells of Events"


def test_of_another_volume_the_kubelets_words_are_said() -> None:
    told = Told("FailedMount", 'MountVolume.SetUp failed for volume "data" : no such device', NOW)
    rollout = decide(two_waits(told).observed(), NOW)
    assert rollout.candidate
    assert rollout.candidate.message
    assert rollout.candidate.message.endswith(f"The kubelet says: {told.message}")


@pytest.mark.parametrize(
    ("seen", "asks"),
    [
        (two_waits(), True),
        (two_waits(created=GRACE_SECONDS - 1), False),
        (two_waits().but(pods=()), False),
        (two_waits().but(deployment=ASKING), False),
    ],
    ids=["silent for a while", "just made", "no pod", "no candidate"],
)
def test_events_are_asked_for_only_where_nothing_else_says_why(seen: DeploymentSeen, asks: bool) -> None:
    assert bool(unexplained(seen.observed(), NOW)) is asks


def test_a_pod_that_has_an_address_or_says_why_it_waits_is_not_silent() -> None:
    seen = two_waits()
    (pod,) = [pod for pod in seen.pods if pod.content["spec"].get("nodeName")]
    for change in (pod.with_status(podIP="10.0.0.1"), pod.waiting("ErrImagePull"), pod.running()):
        others = tuple(other for other in seen.pods if other is not pod)
        assert not unexplained(seen.but(pods=(*others, change)).observed(), NOW)
