"""What a version's run has to have logged before one of its pods starts."""

from typing import Any

import pytest
from modelcycle.api.modeldeployment import ModelDeploymentSpec
from modelcycle.registry import Origin
from modelcycle.serving import gates

from tests.builders.base import ago
from tests.unit.serving.rollouts import decided, two_is_followed

AT_LEAST = {"metric": "accuracy", "atLeast": 0.9}
AT_MOST = {"metric": "loss", "atMost": 0.5}
BETWEEN = {"metric": "drift", "atLeast": -1, "atMost": 1}
PARITY = {"maxChangedFraction": 0.1}


def spec(*require: dict[str, Any], **more: Any) -> ModelDeploymentSpec:
    return ModelDeploymentSpec.model_validate({"model": {"name": "iris"}, "require": list(require), **more})


@pytest.mark.parametrize(
    ("require", "metrics", "lacks"),
    [
        pytest.param((), {}, "", id="nothing is asked"),
        pytest.param((AT_LEAST,), {"accuracy": 0.95}, "", id="above the least"),
        pytest.param((AT_LEAST,), {"accuracy": 0.9}, "", id="the least itself"),
        pytest.param((AT_LEAST,), {"accuracy": 0.899}, "accuracy 0.899 is below 0.9.", id="below the least"),
        pytest.param((AT_MOST,), {"loss": 0.0}, "", id="nought is a figure"),
        pytest.param((AT_MOST,), {"loss": 0.5}, "", id="the most itself"),
        pytest.param((AT_MOST,), {"loss": 0.51}, "loss 0.51 is above 0.5.", id="above the most"),
        pytest.param((BETWEEN,), {"drift": 0.5}, "", id="between both"),
        pytest.param((BETWEEN,), {"drift": -2}, "drift -2 is below -1.", id="below both"),
        pytest.param((BETWEEN,), {"drift": 2}, "drift 2 is above 1.", id="above both"),
        pytest.param((AT_MOST,), {"loss": float("inf")}, "loss inf is above 0.5.", id="infinite"),
        pytest.param(
            (AT_LEAST,),
            {"accuracy": float("nan")},
            "accuracy is not a number, and spec.require asks for one.",
            id="not a number, which no bound would catch",
        ),
        pytest.param(
            (AT_LEAST,),
            {"f1": 1.0},
            "Its run has no metric 'accuracy', which spec.require asks for.",
            id="not logged",
        ),
        pytest.param(
            (AT_LEAST, AT_MOST),
            {"accuracy": 0.5, "loss": 1.0},
            "accuracy 0.5 is below 0.9. loss 1 is above 0.5.",
            id="all that is lacking is said",
        ),
    ],
)
def test_a_version_lacks(require: tuple[dict[str, Any], ...], metrics: dict[str, float], lacks: str) -> None:
    assert gates.unmet(spec(*require), Origin(metrics=metrics)) == lacks


@pytest.mark.parametrize("running", [False, True], ids=["its run has ended", "its run goes on"])
def test_a_version_that_lacks_a_metric_is_rejected_unless_its_run_may_still_log_it(running: bool) -> None:
    seen = two_is_followed().wanting(require=[AT_LEAST]).but(origin=Origin(running=running))
    rollout = decided(seen)
    assert (rollout.create, rollout.candidate) == (None, None)
    assert rollout.keep == {seen.name_of(1)}
    assert [entry.reason for entry in rollout.rejected] == ([] if running else ["RequirementNotMet"])
    assert rollout.reason == ("AwaitingMetrics" if running else "VersionRejected")
    assert (rollout.look_again is not None) is running


def test_a_gate_that_comes_in_the_middle_of_a_rollout_counts() -> None:
    seen = two_is_followed().trying(2, "Proving", since=ago(5)).with_ready_pods_of(2)
    assert decided(seen).switch == seen.name_of(2)
    assert decided(seen.wanting(require=[AT_LEAST])).rejected[0].reason == "RequirementNotMet"


def test_what_serves_is_not_rejected_by_a_gate_that_comes_later() -> None:
    seen = two_is_followed().following(1).wanting(require=[AT_LEAST])
    rollout = decided(seen)
    assert (rollout.reason, rollout.rejected) == ("RolloutComplete", ())


@pytest.mark.parametrize(
    ("rejected_by", "now", "tried"),
    [
        pytest.param(spec(AT_LEAST), spec(AT_LEAST), False, id="the same gates"),
        pytest.param(spec(AT_LEAST), spec(AT_LEAST, AT_MOST), True, id="another requirement"),
        pytest.param(spec(AT_LEAST), spec({**AT_LEAST, "atLeast": 0.8}), True, id="another bound"),
        pytest.param(spec(AT_LEAST), spec(), True, id="none any more"),
        pytest.param(
            spec(parity=PARITY), spec(parity={"maxChangedFraction": 0.2}), True, id="more may change"
        ),
        pytest.param(spec(parity=PARITY), spec(parity=PARITY), False, id="the same parity"),
    ],
)
def test_a_rejection_by_gates_lapses_with_them(
    rejected_by: ModelDeploymentSpec, now: ModelDeploymentSpec, tried: bool
) -> None:
    assert (gates.digest(rejected_by) != gates.digest(now)) is tried
