"""Whether a candidate has proved itself, cannot, or is still at it."""

from typing import Any

import pytest
from modelcycle.serving.proof import RESTARTS_MAX, Proof, judge

from tests.builders.children import PodBuilder, a_revision_deployment, a_serving_pod

STARTING, READY = a_serving_pod("v1"), a_serving_pod("v1").ready()
LOADING = a_serving_pod("v1").running()


def judged(*pods: PodBuilder, replicas: int = 1) -> Proof:
    deployment = a_revision_deployment().with_replicas(replicas)
    return judge(deployment.build(), tuple(pod.build() for pod in pods), replicas)


@pytest.mark.parametrize(
    ("pods", "replicas", "verdict"),
    [
        pytest.param((), 1, "Starting", id="there is no pod"),
        pytest.param((STARTING,), 1, "Starting", id="its pod has not started"),
        pytest.param((LOADING,), 1, "Proving", id="its pod loads the model"),
        pytest.param((READY,), 1, "Proven", id="its pod is ready"),
        pytest.param((READY, LOADING), 2, "Proving", id="one of two pods is ready"),
        pytest.param((READY, READY), 2, "Proven", id="both pods are ready"),
        pytest.param((READY, READY, LOADING), 2, "Proven", id="one more pod is on its way out or in"),
    ],
)
def test_a_candidate_is_judged_by_its_ready_pods_when(
    pods: tuple[PodBuilder, ...], replicas: int, verdict: str
) -> None:
    assert judged(*pods, replicas=replicas).verdict == verdict


def test_a_deployment_with_other_replicas_than_wanted_is_not_proven() -> None:
    deployment = a_revision_deployment().with_replicas(2)
    assert judge(deployment.build(), (READY.build(),), 1).verdict == "Proving"


@pytest.mark.parametrize(
    ("pod", "reason", "says"),
    [
        pytest.param(
            STARTING.crashed(3, message="MLmodel is damaged: line 3.\n"),
            "ModelNotServable",
            "MLmodel is damaged: line 3.",
            id="the image says that it can never serve it",
        ),
        pytest.param(
            STARTING.crashed(3),
            "ModelNotServable",
            "The serving image cannot serve it.",
            id="the image says so without a word",
        ),
        pytest.param(
            STARTING.crashed(3, message="SelfTestFailed: KeyError: 'petal'. Log it again.\n"),
            "SelfTestFailed",
            "KeyError: 'petal'. Log it again.",
            id="the image says which proof it did not stand",
        ),
        pytest.param(
            STARTING.crashed(3, message='{"level": "info"}\nUnsatisfiableRequirements: pandas: none fits.'),
            "UnsatisfiableRequirements",
            "pandas: none fits.",
            id="the image says so in the last line of its log",
        ),
        pytest.param(
            STARTING.crashed(3, message="NotTrusted: it is a pickle.\nSegmentation: fault"),
            "ModelNotServable",
            "NotTrusted: it is a pickle.\nSegmentation: fault",
            id="its last line begins with no reason that is known",
        ),
        pytest.param(
            STARTING.crashed(1, RESTARTS_MAX, "SelfTestFailed: no answer within 30 s."),
            "SelfTestFailed",
            "Its container ended 3 times. The command ended with exit code 1. Its last output:\nSelfTestFailed: no",
            id="it is too slow for its self-test again and again",
        ),
        pytest.param(
            STARTING.waiting("InvalidImageName", "couldn't parse image name"),
            "InvalidImageName",
            "couldn't parse image name",
            id="the image's name is none",
        ),
        pytest.param(
            STARTING.waiting("ErrImageNeverPull", "is not present with pull policy of Never"),
            "ErrImageNeverPull",
            "is not present",
            id="the image may not be pulled",
        ),
        pytest.param(
            STARTING.crashed(1, RESTARTS_MAX, "ImportError: torch"),
            "CrashLoop",
            "Its container ended 3 times. The command ended with exit code 1. Its last output:\nImportError: torch",
            id="it crashes again and again",
        ),
        pytest.param(
            STARTING.crashed(137, RESTARTS_MAX, reason="OOMKilled"),
            "OutOfMemory",
            "raise spec.resources.limits.memory",
            id="it needs more memory than it may have",
        ),
    ],
)
def test_a_candidate_has_failed_when(pod: PodBuilder, reason: str, says: str) -> None:
    proof = judged(pod)
    assert proof.verdict == "Failed"
    assert proof.failure.reason == reason
    assert says in proof.failure.message


@pytest.mark.parametrize(
    ("counted", "generation"),
    [
        pytest.param(0, 1, id="counts no ready pod"),
        pytest.param(1, 0, id="has not seen the last change"),
    ],
)
def test_ready_pods_prove_nothing_while_their_deployments_controller(counted: int, generation: int) -> None:
    """They may be the pods of a deleted Deployment of the same name."""
    deployment = a_revision_deployment().counting(counted, generation)
    proof = judge(deployment.build(), (READY.build(),), 1)
    assert (proof.verdict, proof.failure.message) == ("Proving", "0 of 1 pods are ready.")


def test_a_pod_that_was_restarted_says_how_it_ended_before() -> None:
    restarted = LOADING.but(status={"containerStatuses": [_restarted("connection refused")]})
    says = "0 of 1 pods are ready. The command ended with exit code 1. Its last output:\nconnection refused"
    assert judged(restarted).failure.message == says


def test_how_a_pod_ended_before_it_became_ready_is_no_trouble() -> None:
    restarted = READY.but(status={"containerStatuses": [_restarted("connection refused")]})
    assert judged(restarted, LOADING, replicas=2).failure.message == "1 of 2 pods are ready."


def _restarted(message: str) -> dict[str, Any]:
    ended = {"exitCode": 1, "reason": "Error", "message": message}
    return {"name": "main", "restartCount": 1, "state": {"running": {}}, "lastState": {"terminated": ended}}


def test_one_hopeless_pod_among_ready_ones_is_a_failure() -> None:
    assert judged(READY, STARTING.crashed(3), replicas=2).verdict == "Failed"


def test_a_few_crashes_are_forgiven() -> None:
    proof = judged(STARTING.crashed(1, RESTARTS_MAX - 1, "connection refused"))
    assert proof.verdict == "Starting"


def test_a_full_volume_is_no_fault_of_the_version() -> None:
    """Somebody may make room until the deadline."""
    proof = judged(STARTING.crashed(1, RESTARTS_MAX, "[Errno 28] No space left on device. Make room."))
    assert proof.verdict == "Starting"
    assert "make room on it" in proof.failure.message


def test_an_image_that_cannot_be_pulled_may_still_come() -> None:
    """The registry may be down, or the image be pushed a moment later: the deadline decides."""
    assert judged(STARTING.waiting("ImagePullBackOff")).verdict == "Starting"


@pytest.mark.parametrize(
    ("pod", "says"),
    [
        pytest.param(
            STARTING.unschedulable("0/1 nodes: 1 Insufficient memory."),
            "0 of 1 pods are ready. Unschedulable: 0/1 nodes: 1 Insufficient memory.",
            id="no node can take the pod",
        ),
        pytest.param(
            STARTING.waiting("ImagePullBackOff", "Back-off pulling image"),
            "0 of 1 pods are ready. The image cannot be pulled: check its name, and that the nodes may pull it.",
            id="the image cannot be pulled",
        ),
        pytest.param(
            STARTING.waiting("CreateContainerConfigError", 'secret "key" not found'),
            '0 of 1 pods are ready. CreateContainerConfigError: secret "key" not found',
            id="its environment is missing",
        ),
        pytest.param(LOADING, "0 of 1 pods are ready.", id="it loads"),
    ],
)
def test_what_a_candidate_waits_for_is_said_when(pod: PodBuilder, says: str) -> None:
    assert judged(pod).failure.message == says


def test_pods_that_may_not_be_made_are_said() -> None:
    deployment = a_revision_deployment().without_pods_because('pods "iris" is forbidden: exceeded quota')
    proof = judge(deployment.build(), (), 1)
    assert proof.verdict == "Starting"
    assert 'A pod cannot be created: pods "iris" is forbidden: exceeded quota' in proof.failure.message
