"""Whether an alias moves to a new version, and what is said of it."""

from collections.abc import Mapping
from typing import Any

import pytest
from modelcycle.api.trainingrun import Promote
from modelcycle.plan import SetAlias
from modelcycle.training.observed import Champion
from modelcycle.training.promotion import Verdict, events, judge

from tests.builders.registry import a_version

NAN, INFINITY = float("nan"), float("inf")
BETTER = {"metric": "accuracy", "betterThan": "champion", "higherIsBetter": True}
SMALLER = {"metric": "loss", "betterThan": "champion", "higherIsBetter": False}
MOVE = (SetAlias("iris", "champion", 5),)


def verdict(
    *rules: dict[str, Any],
    metrics: Mapping[str, float],
    champion: Mapping[str, float] | None = None,
    number: int = 3,
    **others: Champion,
) -> Verdict:
    """Of version 5, for the alias champion, which names version 3 if it names one."""
    promote = Promote.model_validate({"alias": "champion", "when": rules})
    named = {} if champion is None else {"champion": Champion(number, champion)}
    return judge(promote, a_version(5), metrics, {**named, **others})


@pytest.mark.parametrize(
    ("rule", "value", "says"),
    [
        ({"atLeast": 0.9}, 0.947, "accuracy 0.947 is at least 0.9"),
        ({"atLeast": 0.947}, 0.947, "accuracy 0.947 is at least 0.947"),
        ({"atMost": 1}, 0.947, "accuracy 0.947 is at most 1"),
        ({"atLeast": 0, "atMost": 1}, 0.5, "accuracy 0.5 is at least 0 and at most 1"),
        ({"atLeast": -2.5}, -1e-9, "accuracy -1e-09 is at least -2.5"),
    ],
)
def test_within_its_thresholds_a_metric_promotes(rule: dict[str, float], value: float, says: str) -> None:
    found = verdict({"metric": "accuracy", **rule}, metrics={"accuracy": value})
    assert found == Verdict(True, "Promoted", f"champion is version 5: {says}.", MOVE)


@pytest.mark.parametrize(
    ("rule", "value", "reason", "says"),
    [
        ({"atLeast": 0.95}, 0.947, "BelowThreshold", "accuracy 0.947 is below 0.95."),
        ({"atMost": 0.9}, 0.947, "AboveThreshold", "accuracy 0.947 is above 0.9."),
        ({"atLeast": 0, "atMost": 0.9}, -1.0, "BelowThreshold", "accuracy -1 is below 0."),
        (
            {"atLeast": 0.95},
            0.949999999,
            "BelowThreshold",
            "accuracy 0.949999999 is below 0.95.",
        ),
        ({"atLeast": 0.9}, NAN, "MetricNotFinite", "accuracy is NaN."),
        ({"atMost": 0.9}, NAN, "MetricNotFinite", "accuracy is NaN."),
        ({"atLeast": 0.9}, INFINITY, "MetricNotFinite", "accuracy is Infinity."),
    ],
)
def test_outside_of_its_thresholds_a_metric_does_not(
    rule: dict[str, float], value: float, reason: str, says: str
) -> None:
    found = verdict({"metric": "accuracy", **rule}, metrics={"accuracy": value})
    assert found == Verdict(False, reason, says)


@pytest.mark.parametrize(
    ("rule", "value", "best", "says"),
    [
        (BETTER, 0.967, 0.947, "accuracy 0.967 is above champion v3's 0.947"),
        (SMALLER, 0.1, 0.2, "loss 0.1 is below champion v3's 0.2"),
        (SMALLER, -0.2, 0.1, "loss -0.2 is below champion v3's 0.1"),
        (BETTER, 0.96700001, 0.967, "accuracy 0.96700001 is above champion v3's 0.967"),
    ],
)
def test_what_is_better_than_the_champion_takes_its_place(
    rule: dict[str, Any], value: float, best: float, says: str
) -> None:
    found = verdict(rule, metrics={rule["metric"]: value}, champion={rule["metric"]: best})
    assert found == Verdict(True, "Promoted", f"champion is version 5: {says}.", MOVE)


@pytest.mark.parametrize(
    ("rule", "value", "best", "says"),
    [
        (BETTER, 0.947, 0.967, "accuracy 0.947 is below champion v3's 0.967."),
        (BETTER, 0.967, 0.967, "accuracy 0.967 is no better than champion v3's."),
        (SMALLER, 0.2, 0.1, "loss 0.2 is above champion v3's 0.1."),
        (SMALLER, 0.1, 0.1, "loss 0.1 is no better than champion v3's."),
    ],
)
def test_what_is_no_better_leaves_the_champion_and_says_both_figures(
    rule: dict[str, Any], value: float, best: float, says: str
) -> None:
    found = verdict(rule, metrics={rule["metric"]: value}, champion={rule["metric"]: best})
    assert found == Verdict(False, "NotBetter", says)


@pytest.mark.parametrize(
    ("champion", "says"),
    [
        pytest.param({}, "logged no 'accuracy'", id="without the metric"),
        pytest.param({"accuracy": NAN}, "logged accuracy NaN", id="whose metric is no number"),
        pytest.param({"accuracy": -INFINITY}, "logged accuracy -Infinity", id="whose metric is infinite"),
    ],
)
def test_a_champion_is_a_reason_and_no_pass(champion: dict[str, float], says: str) -> None:
    found = verdict(BETTER, metrics={"accuracy": 1.0}, champion=champion)
    assert (found.promoted, found.reason, found.writes) == (False, "ChampionNotComparable", ())
    assert found.message.startswith(f"the run of champion v3 {says}")


@pytest.mark.parametrize("rule", [BETTER, {"metric": "accuracy", "atLeast": 0.5}])
def test_a_run_without_the_metric_says_which_ones_it_logged(rule: dict[str, Any]) -> None:
    found = verdict(rule, metrics={"loss": 0.1, "f1": 0.9})
    assert found == Verdict(False, "MetricMissing", "the run logged no 'accuracy': it logged f1, loss.")


def test_without_a_champion_the_absolute_rules_decide() -> None:
    rules = (BETTER, {"metric": "loss", "atMost": 0.3})
    first = verdict(*rules, metrics={"accuracy": 0.5, "loss": 0.2})
    assert first.message == (
        "champion is version 5: accuracy is 0.5 and there is no champion yet; loss 0.2 is at most 0.3."
    )
    assert first.writes == MOVE
    assert verdict(*rules, metrics={"accuracy": 0.5, "loss": 0.4}).reason == "AboveThreshold"
    assert verdict(BETTER, metrics={"accuracy": NAN}).reason == "MetricNotFinite"


def test_every_rule_must_hold_and_each_that_does_not_is_said() -> None:
    rules = (BETTER, {"metric": "loss", "atMost": 0.3}, {"metric": "f1", "atLeast": 0.1})
    found = verdict(*rules, metrics={"accuracy": 0.9, "loss": 0.4, "f1": 0.5}, champion={"accuracy": 0.95})
    assert found.reason == "NotBetter"
    assert found.message == "accuracy 0.9 is below champion v3's 0.95; loss 0.4 is above 0.3."


def test_one_rule_may_have_thresholds_and_a_comparison() -> None:
    rule = {**BETTER, "atLeast": 0.8}
    assert verdict(rule, metrics={"accuracy": 0.7}, champion={"accuracy": 0.6}).reason == "BelowThreshold"
    assert verdict(rule, metrics={"accuracy": 0.9}, champion={"accuracy": 0.95}).reason == "NotBetter"
    assert verdict(rule, metrics={"accuracy": 0.9}, champion={"accuracy": 0.85}).promoted


def test_a_version_that_has_the_alias_already_is_promoted_and_nothing_is_written() -> None:
    """So it was before a crash, or somebody did it by hand; its rules are not asked again."""
    found = verdict(BETTER, metrics={}, champion={"accuracy": 1.0}, number=5)
    assert found == Verdict(True, "Promoted", "champion is version 5.")


def test_the_alias_that_moves_need_not_be_the_one_to_be_beaten() -> None:
    rule = {**BETTER, "betterThan": "production"}
    production = Champion(2, {"accuracy": 0.9})
    assert verdict(rule, metrics={"accuracy": 0.95}, champion={}, production=production).writes == MOVE
    found = verdict(rule, metrics={"accuracy": 0.8}, champion={}, production=production)
    assert found.message == "accuracy 0.8 is below production v2's 0.9."


def test_without_rules_every_version_is_promoted() -> None:
    assert verdict(metrics={}) == Verdict(True, "Promoted", "champion is version 5.", MOVE)


@pytest.mark.parametrize(
    ("rules", "number", "reason"),
    [
        pytest.param((), 9, "Superseded", id="a newer one, where nothing is compared with it"),
        pytest.param((), 3, "Promoted", id="an older one"),
        pytest.param((BETTER,), 9, "Promoted", id="a newer one that is worse"),
    ],
)
def test_in_whatever_order_runs_are_judged_the_alias_ends_the_same_where_it_names(
    rules: tuple[dict[str, Any], ...], number: int, reason: str
) -> None:
    found = verdict(*rules, metrics={"accuracy": 0.9}, champion={"accuracy": 0.8}, number=number)
    assert found.reason == reason


def test_only_a_version_that_is_ready_is_promoted() -> None:
    promote = Promote(alias="champion")
    found = judge(promote, a_version(5, status="FAILED_REGISTRATION"), {}, {})
    assert (found.promoted, found.reason) == (False, "VersionNotReady")


def test_the_verdict_is_told_as_an_event() -> None:
    assert [event.reason for event in events(verdict(metrics={}))] == ["Promoted"]
    assert [event.reason for event in events(verdict(BETTER, metrics={}))] == ["NotPromoted"]
    assert events(None) == ()
