"""When the pods of two versions are asked the same rows, and what follows from their answers."""

from typing import Any

import pytest
from modelcycle.errand import Answer, Compare, Examples, Outcome
from modelcycle.serving import gates
from modelcycle.serving.comparison import RETRY_SECONDS
from modelcycle.serving.decision import Rollout
from modelcycle.serving.rollout import decide

from tests.builders.base import NOW, ago
from tests.builders.seen import DeploymentSeen, a_deployment_seen

PARITY = {"maxChangedFraction": 0.1, "minRows": 4, "examples": "rows.csv"}
ROWS = Examples("iris", "2", "run-2", "rows.csv")
BEFORE = [1, 1, 2, 2]
SERVED = Answer(200, BEFORE)
IN_PLACE: dict[str, Any] = {"inPlace": True}


def decided(seen: DeploymentSeen) -> Rollout:
    return decide(seen.observed(), NOW)


def one_serves() -> DeploymentSeen:
    return a_deployment_seen().following(1).served_by(1, since=ago(3600)).following(2).wanting(parity=PARITY)


def two_is_proven(step: str = "Comparing", **more: Any) -> DeploymentSeen:
    """Beside version 1, which serves."""
    return one_serves().trying(2, step, **more).with_ready_pods_of(2)


def both(seen: DeploymentSeen) -> Compare:
    return Compare(ROWS, (seen.name_of(1), seen.name_of(2)))


def answering(seen: DeploymentSeen, after: Answer, before: Answer = SERVED) -> DeploymentSeen:
    answers = {seen.name_of(1): before, seen.name_of(2): after}
    return seen.but(outcome=Outcome(both(seen), answers))


def verdict(rollout: Rollout) -> str | None:
    comparison = rollout.candidate and rollout.candidate.parity
    return comparison.verdict if comparison else None


def known(seen: DeploymentSeen, said: str, **more: Any) -> dict[str, Any]:
    """status.candidate.parity"""
    gate = gates.digest(seen.deployment.build().spec)
    return {"verdict": said, "against": seen.name_of(1), "gates": gate, "message": "Figures.", **more}


def test_a_proven_version_is_compared_before_it_gets_clients() -> None:
    seen = two_is_proven("Proving")
    rollout = decided(seen)
    assert rollout.candidate
    assert (rollout.candidate.step, rollout.switch, rollout.widen) == ("Comparing", "", False)
    assert rollout.errand == both(seen)


def test_without_parity_nobody_is_asked() -> None:
    rollout = decided(two_is_proven("Proving").wanting(parity=None))
    assert (rollout.errand, bool(rollout.switch)) == (None, True)


def test_the_first_version_has_nothing_to_be_compared_with() -> None:
    seen = a_deployment_seen().following(2).wanting(parity=PARITY).trying(2, "Proving").with_ready_pods_of(2)
    assert decided(seen).switch == seen.name_of(2)


def test_a_version_that_served_before_is_not_compared_again() -> None:
    seen = two_is_proven("Proving").remembering(2)
    assert decided(seen).switch == seen.name_of(2)


def test_a_version_that_answers_alike_takes_over_and_status_has_the_figures() -> None:
    seen = answering(two_is_proven(), SERVED)
    rollout = decided(seen)
    assert rollout.switch == seen.name_of(2)
    assert rollout.candidate
    assert rollout.candidate.parity
    assert rollout.candidate.parity.wire() == known(
        seen, "Passed", rows=4, changed=0, message="0 of 4 rows changed (0 %, at most 10 %)."
    )


def test_a_stored_verdict_is_not_asked_for_again() -> None:
    seen = two_is_proven()
    rollout = decided(seen.trying(2, "Switching", parity=known(seen, "Passed")))
    assert (rollout.errand, rollout.switch) == (None, seen.name_of(2))


@pytest.mark.parametrize("change", [{"against": "v0-other"}, {"gates": "other"}])
def test_a_verdict_about_another_version_or_by_other_gates_is(change: dict[str, str]) -> None:
    seen = two_is_proven()
    rollout = decided(seen.trying(2, "Comparing", parity=known(seen, "Passed", **change)))
    assert (rollout.errand, rollout.switch) == (both(seen), "")


def test_a_version_that_answers_otherwise_is_rejected_with_the_figures() -> None:
    rollout = decided(answering(two_is_proven(), Answer(200, [1, 1, 2, 3])))
    assert rollout.candidate is None
    assert (rollout.rejected[0].reason, rollout.switch) == ("ParityFailed", "")
    assert rollout.rejected[0].message == "1 of 4 rows changed (25 %, at most 10 %); first: row 4: 2 → 3."


@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [
        pytest.param(Answer(500, said="It raises."), SERVED, "ParityFailed", id="it raises"),
        pytest.param(Answer(422, said="no petal"), SERVED, "Inconclusive", id="it refuses"),
        pytest.param(SERVED, Answer(422, said="no petal"), "Inconclusive", id="the other refuses"),
        pytest.param(Answer(500), Answer(500), "Inconclusive", id="both raise"),
        pytest.param(Answer(200, [1]), SERVED, "Inconclusive", id="other rows"),
    ],
)
def test_who_does_not_answer_rows_that_the_other_answers(
    after: Answer, before: Answer, expected: str
) -> None:
    rollout = decided(answering(two_is_proven(), after, before))
    assert expected in (rollout.reason, *(entry.reason for entry in rollout.rejected))
    assert rollout.switch == ""


def test_without_rows_a_version_waits_for_somebody_and_status_says_why() -> None:
    seen = two_is_proven()
    rollout = decided(seen.but(outcome=Outcome(both(seen), no_rows="It has none.")))
    assert (rollout.reason, verdict(rollout)) == ("Inconclusive", "Inconclusive")
    assert "It has none. It waits for approval: kubectl annotate" in rollout.message
    assert (rollout.errand, rollout.switch) == (None, "")


def test_a_pod_that_does_not_answer_is_asked_again_and_somebody_may_decide_meanwhile() -> None:
    seen = two_is_proven()
    rollout = decided(seen.but(outcome=Outcome(both(seen), problem="It is away.")))
    assert (rollout.reason, verdict(rollout)) == ("Inconclusive", None)
    assert (rollout.errand, rollout.look_again) == (None, RETRY_SECONDS)
    assert rollout.candidate
    again = decided(seen.trying(2, "AwaitingApproval", message="It is away."))
    assert (again.errand, again.reason) == (both(seen), "Inconclusive")
    assert again.candidate
    assert again.candidate.message == "It is away."


@pytest.mark.parametrize("stored", [True, False])
def test_somebody_approves_what_could_not_be_compared(stored: bool) -> None:
    seen = two_is_proven()
    comparison: dict[str, Any] = {"parity": known(seen, "Inconclusive")} if stored else {}
    rollout = decided(seen.trying(2, "AwaitingApproval", **comparison).annotated(approve="2"))
    assert (rollout.switch, verdict(rollout)) == (seen.name_of(2), "Waived")


def test_who_approves_each_version_approves_after_the_comparison() -> None:
    seen = answering(two_is_proven().wanting(promotion="Manual"), SERVED)
    rollout = decided(seen)
    assert (rollout.reason, verdict(rollout), rollout.switch) == ("AwaitingApproval", "Passed", "")


def test_a_canary_begins_after_the_comparison_and_is_not_compared_again() -> None:
    canary = {"type": "Canary", "canary": {"steps": [{"weight": 50}]}}
    seen = two_is_proven().wanting(strategy=canary)
    assert decided(seen).widen is False
    assert decided(answering(seen, SERVED)).widen is True
    begun = decided(seen.trying(2, "Canary", canary={"index": 0}))
    assert (begun.errand, begun.widen) == (None, True)


def draining(**more: Any) -> DeploymentSeen:
    """Version 1 serves, and version 2 is to take its place."""
    step = more.pop("step", "Draining")
    return one_serves().wanting(strategy={"type": "Recreate"}).trying(2, step, **IN_PLACE, **more)


def test_in_place_the_answers_are_recorded_before_anything_goes() -> None:
    seen = draining()
    asked = Compare(ROWS, (seen.name_of(1),))
    rollout = decided(seen)
    assert rollout.candidate
    assert (rollout.candidate.step, rollout.errand) == ("Recording", asked)
    answered = Outcome(asked, {seen.name_of(1): SERVED})
    rollout = decided(seen.but(outcome=answered))
    assert rollout.candidate
    assert rollout.candidate.parity
    assert (rollout.candidate.step, rollout.candidate.parity.recorded) == ("Draining", "[1,1,2,2]")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(200, [1]), "1 rows are too few"),
        (Answer(200, ["long" * 9000] * 4), "too long to be kept"),
        (Answer(422, said="no petal"), "422 no petal"),
    ],
)
def test_in_place_what_could_not_be_compared_later_waits_while_the_old_one_serves(
    answer: Answer, says: str
) -> None:
    seen = draining()
    outcome = Outcome(Compare(ROWS, (seen.name_of(1),)), {seen.name_of(1): answer})
    rollout = decided(seen.but(outcome=outcome))
    assert (rollout.reason, verdict(rollout)) == ("Inconclusive", "Inconclusive")
    assert says in rollout.message


def recorded(promotion: str = "Automatic", **more: Any) -> DeploymentSeen:
    """In place, version 2 is ready, and the answers of version 1, which is gone, are known."""
    seen = draining().wanting(promotion=promotion)
    record = {
        "against": seen.name_of(1),
        "recorded": "[1,1,2,2]",
        "gates": gates.digest(seen.deployment.build().spec),
    }
    gone = a_deployment_seen(seen.deployment).following(2).recorded_as_serving(1).selecting(1)
    return gone.trying(2, "Comparing", **IN_PLACE, parity=record, **more).with_ready_pods_of(2)


def test_in_place_the_new_pods_are_compared_with_the_record() -> None:
    seen = recorded()
    asked = Compare(ROWS, (seen.name_of(2),))
    assert decided(seen).errand == asked
    same = decided(seen.but(outcome=Outcome(asked, {seen.name_of(2): SERVED})))
    assert (same.switch, verdict(same)) == (seen.name_of(2), "Passed")
    other = decided(seen.but(outcome=Outcome(asked, {seen.name_of(2): Answer(200, [3, 3, 3, 3])})))
    assert other.rejected[0].reason == "ParityFailed"


@pytest.mark.parametrize(("promotion", "switches"), [("Automatic", False), ("Manual", True)])
def test_in_place_nobody_is_waited_for_while_nobody_serves(promotion: str, switches: bool) -> None:
    seen = recorded(promotion)
    seen = seen.but(deployment=seen.deployment.with_status(approved=seen.name_of(2)))
    odd = Outcome(Compare(ROWS, (seen.name_of(2),)), {seen.name_of(2): Answer(200, [1])})
    rollout = decided(seen.but(outcome=odd))
    assert bool(rollout.switch) == switches
    assert [entry.reason for entry in rollout.rejected] == ([] if switches else ["ParityInconclusive"])


@pytest.mark.parametrize(("since", "rejected"), [(30, []), (600, ["ParityInconclusive"])])
def test_in_place_a_pod_that_does_not_answer_is_asked_until_the_deadline(
    since: int, rejected: list[str]
) -> None:
    seen = recorded(since=ago(since))
    away = Outcome(Compare(ROWS, (seen.name_of(2),)), problem="It is away.")
    rollout = decided(seen.but(outcome=away))
    assert [entry.reason for entry in rollout.rejected] == rejected
    assert rollout.switch == ""


def test_in_place_what_came_of_the_last_try_is_said_while_the_next_one_is_under_way() -> None:
    again = decided(recorded(message="It is away."))
    assert again.errand
    assert again.candidate
    assert (again.candidate.step, again.candidate.message) == ("Comparing", "It is away.")


def test_a_record_that_was_never_made_is_not_asked_for() -> None:
    seen = recorded()
    rollout = decided(seen.trying(2, "Starting", parity=None, **IN_PLACE))
    assert rollout.switch == seen.name_of(2)
