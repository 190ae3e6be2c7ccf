"""Who decides: a candidate that waits for an annotation, and which annotations count."""

from typing import Any

import pytest

from tests.builders.seen import DeploymentSeen
from tests.unit.serving.rollouts import decided, two_is_followed


def waiting(prior: str | None = None, **annotations: str) -> DeploymentSeen:
    """Version 2 has proved itself and waits. prior: the annotation when it began to."""
    said: dict[str, Any] = {} if prior is None else {"priorApproval": prior}
    seen = two_is_followed().trying(2, "AwaitingApproval", **said).with_ready_pods_of(2)
    return seen.wanting(promotion="Manual").annotated(**annotations)


@pytest.mark.parametrize(
    ("seen", "taken_over"),
    [
        pytest.param(waiting(), False, id="nobody says anything"),
        pytest.param(waiting(approve="2"), True, id="its version is named"),
        pytest.param(waiting(approve="2/again"), True, id="its version is named with a token"),
        pytest.param(waiting(approve=waiting().name_of(2)), True, id="its revision is named"),
        pytest.param(waiting(approve="1"), False, id="another version is named"),
        pytest.param(waiting(prior="2", approve="2"), False, id="it was there before the wait"),
        pytest.param(waiting(prior="2", approve="2/again"), True, id="it is said anew"),
        pytest.param(waiting(prior="2"), False, id="what was there before is gone"),
    ],
)
def test_a_candidate_takes_over_when_an_annotation_names_it(seen: DeploymentSeen, taken_over: bool) -> None:
    rollout = decided(seen)
    assert (rollout.switch == seen.name_of(2)) is taken_over
    assert (rollout.approved == seen.name_of(2)) is taken_over
    assert (rollout.reason == "AwaitingApproval") is not taken_over


@pytest.mark.parametrize(("annotations", "prior"), [({}, None), ({"approve": "2"}, "2")], ids=["none", "one"])
def test_the_annotation_at_the_begin_of_the_wait_is_remembered(
    annotations: dict[str, str], prior: str | None
) -> None:
    seen = two_is_followed().trying(2, "Proving").with_ready_pods_of(2)
    rollout = decided(seen.wanting(promotion="Manual").annotated(**annotations))
    assert rollout.candidate
    assert (rollout.candidate.step, rollout.candidate.prior_approval) == ("AwaitingApproval", prior)
    value = "2/again" if prior else "2"
    assert rollout.message.endswith(
        f"kubectl annotate --overwrite modeldeployment iris --namespace team modelcycle.dev/approve={value}"
    )


def test_an_annotation_that_comes_during_the_wait_is_not_taken_for_an_older_one() -> None:
    rollout = decided(waiting(approve="1"))
    assert rollout.candidate
    assert rollout.candidate.prior_approval is None


def test_an_approval_is_remembered_while_its_candidate_takes_over() -> None:
    seen = two_is_followed().trying(2, "Switching").with_ready_pods_of(2).wanting(promotion="Manual")
    approved = seen.but(deployment=seen.deployment.with_status(approved=seen.name_of(2)))
    assert decided(approved).switch == seen.name_of(2)
    assert decided(seen).switch == ""


@pytest.mark.parametrize(
    ("seen", "of_another"),
    [
        pytest.param(waiting(), "", id="nobody has said anything"),
        pytest.param(waiting(prior="7", approve="7"), "", id="it was there before the wait"),
        pytest.param(
            waiting(approve="7"), "modelcycle.dev/approve names '7', and what waits is version 2", id="7"
        ),
        pytest.param(
            waiting(prior="2", approve="yes"), "modelcycle.dev/approve names 'yes', and", id="a word"
        ),
    ],
)
def test_an_approval_that_names_nothing_that_waits_is_told_of(seen: DeploymentSeen, of_another: str) -> None:
    rollout = decided(seen)
    assert rollout.reason == "AwaitingApproval"
    assert of_another in rollout.message
    assert ("approve names" in rollout.message) is bool(of_another)
    assert "kubectl annotate" in rollout.message
