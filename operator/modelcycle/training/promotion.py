"""Whether an alias moves to a new version: its metrics against thresholds, and against what an alias names now."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from modelcycle.api.trainingrun import ExpectedModel, Promote, PromotionRule
from modelcycle.plan import Event, SetAlias
from modelcycle.registry import READY, Version
from modelcycle.training.observed import Champions
from modelcycle.training.outcome import Outcome, spelled


@dataclass(frozen=True)
class Verdict:
    """What the condition Promoted says. writes: what has to be in MLflow first for it to be true."""

    promoted: bool
    reason: str
    message: str
    writes: tuple[SetAlias, ...] = ()


@dataclass(frozen=True)
class _Finding:
    """What one rule says; reason is "" if it holds."""

    reason: str
    sentence: str


def candidate(model: ExpectedModel | None, chosen: Outcome) -> Version | None:
    """The version that may be promoted, or None."""
    if model is None or model.promote is None or chosen.version is None:
        return None
    return chosen.version if chosen.version.name == model.name else None


def judge(promote: Promote, version: Version, metrics: Mapping[str, float], champions: Champions) -> Verdict:
    """Judges a READY version of the model by the metrics of the run that made it.

    Every order in which several versions are judged leaves the alias on the same one, ties aside: on the best
    where a rule compares with that very alias, else on the newest for which all rules hold.
    """
    holder = champions.get(promote.alias)
    if holder and holder.version == version.number:
        return Verdict(True, "Promoted", f"{promote.alias} is version {version.number}.")
    if version.status != READY:
        text = f"Version {version.number} is {version.status} in MLflow: only a READY one can be promoted."
        return Verdict(False, "VersionNotReady", text)
    findings = [_judge_rule(rule, metrics, champions) for rule in promote.when]
    said = "; ".join(finding.sentence for finding in findings)
    if unmet := [finding for finding in findings if finding.reason]:
        return Verdict(False, unmet[0].reason, f"{'; '.join(finding.sentence for finding in unmet)}.")
    compared = any(rule.better_than == promote.alias for rule in promote.when)
    if holder and not compared and holder.version > version.number:
        text = f"{promote.alias} is version {holder.version} already, which is newer than {version.number}."
        return Verdict(False, "Superseded", text)
    text = f"{promote.alias} is version {version.number}{': ' if said else ''}{said}."
    return Verdict(True, "Promoted", text, (SetAlias(version.name, promote.alias, version.number),))


def events(verdict: Verdict | None) -> tuple[Event, ...]:
    if verdict is None:
        return ()
    return (Event("Normal", "Promoted" if verdict.promoted else "NotPromoted", verdict.message),)


def _judge_rule(rule: PromotionRule, metrics: Mapping[str, float], champions: Champions) -> _Finding:
    name, value = rule.metric, metrics.get(rule.metric)
    if value is None:
        logged = f"it logged {', '.join(sorted(metrics)[:10])}" if metrics else "it logged no metric"
        return _Finding("MetricMissing", f"the run logged no {name!r}: {logged}")
    if not math.isfinite(value):
        return _Finding("MetricNotFinite", f"{name} is {spelled(value)}")
    if rule.at_least is not None and value < rule.at_least:
        return _Finding("BelowThreshold", _compared(name, value, "below", "", rule.at_least))
    if rule.at_most is not None and value > rule.at_most:
        return _Finding("AboveThreshold", _compared(name, value, "above", "", rule.at_most))
    if rule.better_than is not None:
        return _against(rule, rule.better_than, value, champions)
    bounds = (("at least", rule.at_least), ("at most", rule.at_most))
    within = [f"{words} {spelled(bound, 'g')}" for words, bound in bounds if bound is not None]
    return _Finding("", f"{name} {spelled(value, '.4g')} is {' and '.join(within)}")


def _against(rule: PromotionRule, alias: str, value: float, champions: Champions) -> _Finding:
    champion = champions.get(alias)
    if champion is None:
        return _Finding("", f"{rule.metric} is {spelled(value, '.4g')} and there is no {alias} yet")
    whose = f"{alias} v{champion.version}"
    best = champion.metrics.get(rule.metric)
    if best is None or not math.isfinite(best):
        found = f"no {rule.metric!r}" if best is None else f"{rule.metric} {spelled(best)}"
        cure = f"move {alias} by hand, or to a version that has it"
        return _Finding("ChampionNotComparable", f"the run of {whose} logged {found}: {cure}")
    if value == best:
        text = f"{rule.metric} {spelled(value, '.4g')} is no better than {whose}'s"
        return _Finding("NotBetter", text)
    text = _compared(rule.metric, value, "above" if value > best else "below", f"{whose}'s ", best)
    return _Finding("" if (value > best) == rule.higher_is_better else "NotBetter", text)


def _compared(name: str, value: float, relation: str, whose: str, other: float) -> str:
    """Both figures with as many digits, from four on, as it takes to tell them apart."""
    digits = next((f".{n}g" for n in range(4, 17) if f"{value:.{n}g}" != f"{other:.{n}g}"), ".17g")
    return f"{name} {spelled(value, digits)} is {relation} {whose}{spelled(other, digits)}"
