"""Parity in a rollout: both versions are asked the same rows before clients reach the new one.

In place, where the old pods go before the new ones come, their answers are recorded first.
"""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from modelcycle.api.modeldeployment import RECORDED_MAX_LENGTH, Candidate, Comparison, Parity, Step
from modelcycle.conditions import cut
from modelcycle.errand import Answer, Compare, Examples, Outcome
from modelcycle.failure import Failure
from modelcycle.serving import annotations
from modelcycle.serving.approval import awaited
from modelcycle.serving.decision import Rollout, reject, under_way
from modelcycle.serving.observed import Observed
from modelcycle.serving.parity import Judgement, judge, rows, too_few

# A pod that does not answer now may do so later.
RETRY_SECONDS = 10

# The candidate with what is known now, and what it has to wait for, if anything.
Result = tuple[Candidate, Rollout | None]


def recorded(observed: Observed, before: Rollout, candidate: Candidate, now: datetime) -> Result:
    """In place, before the old pods go: what they answer."""
    parity = _due(observed, before, candidate)
    if parity is None:
        return candidate, None
    known = _known(before, candidate)
    if known.verdict is None and known.recorded is None:
        errand = Compare(examples(observed, candidate, parity.examples or ""), (known.against,))
        outcome = observed.came_of(errand)
        if outcome is None or outcome.problem:
            return _unanswered(observed, before, candidate, known, errand, now)
        known = _with_record(parity, known, outcome)
    return _by_verdict(observed, before, candidate, known, now)


def compared(observed: Observed, before: Rollout, candidate: Candidate, now: datetime) -> Result:
    """Of a proven candidate: how its answers compare with those of what serves, or with the record of them."""
    parity = _due(observed, before, candidate)
    if parity is None:
        return candidate, None
    known = _known(before, candidate)
    if candidate.in_place and known.verdict is None and known.recorded is None:
        # The gate came after what it compares with had gone.
        return candidate, None
    if known.verdict is None:
        both = (candidate.revision,) if candidate.in_place else (known.against, candidate.revision)
        errand = Compare(examples(observed, candidate, parity.examples or ""), both)
        outcome = observed.came_of(errand)
        if outcome is None or outcome.problem:
            return _unanswered(observed, before, candidate, known, errand, now)
        known = _judged(parity, known, candidate, outcome)
    return _by_verdict(observed, before, candidate, known, now)


def examples(observed: Observed, candidate: Candidate, path: str = "") -> Examples:
    """The rows of a candidate's version."""
    model = observed.deployment.spec.model.name
    return Examples(model, candidate.version, candidate.run_id or "", path)


def _due(observed: Observed, before: Rollout, candidate: Candidate) -> Parity | None:
    """What spec asks, where there is something to compare with.

    A version that has served here was compared, or approved, when it came: going back to it is not held up.
    """
    served = any(past.version == candidate.version for past in before.history)
    if before.serving is None or candidate.canary or served:
        return None
    return observed.deployment.spec.parity


def _known(before: Rollout, candidate: Candidate) -> Comparison:
    """A verdict counts for what it was compared with, and for the gates of its time; a record for the former."""
    assert before.serving is not None
    known, against = candidate.parity, before.serving.revision
    if known is None or known.against != against:
        return Comparison(against=against, gates=before.gates)
    if known.gates != before.gates:
        return Comparison(against=against, gates=before.gates, recorded=known.recorded)
    return known


def _unanswered(
    observed: Observed,
    before: Rollout,
    candidate: Candidate,
    known: Comparison,
    errand: Compare,
    now: datetime,
) -> Result:
    """It is asked, and where that comes to nothing asked again a little later; meanwhile somebody may decide."""
    if annotations.approves(observed.deployment, candidate):
        return _waived(candidate, known), None
    own = candidate.revision in errand.revisions
    outcome = observed.came_of(errand)
    step: Step = "Comparing" if own else "Recording"
    if outcome and candidate.in_place and own:
        return candidate, _in_vain(observed, before, candidate, outcome.problem, now)
    if outcome:
        waiting = replace(before, candidate=candidate)
        return candidate, awaited(observed, waiting, "Inconclusive", outcome.problem, RETRY_SECONDS)
    if candidate.step == "AwaitingApproval":
        asking = under_way(before, candidate, "AwaitingApproval", candidate.message or "")
        return candidate, replace(asking, reason="Inconclusive", errand=errand)
    # What came of the last try is said until there is news: a message to and fro would wake us at once each time.
    tried = candidate.message if candidate.in_place and candidate.step == "Comparing" else None
    said = tried or f"The rows of its example are asked of {' and '.join(errand.revisions)}."
    return candidate, replace(under_way(before, candidate, step, said), errand=errand)


def _in_vain(
    observed: Observed, before: Rollout, candidate: Candidate, problem: str, now: datetime
) -> Rollout:
    """Nobody serves meanwhile: that it is not known how it answers ends at the deadline."""
    seconds = observed.deployment.spec.progress_deadline_seconds
    if (now - candidate.started_at).total_seconds() >= seconds:
        return _rejected(before, candidate, "ParityInconclusive", problem, now)
    return under_way(before, candidate, "Comparing", problem, look_again=RETRY_SECONDS)


def _with_record(parity: Parity, known: Comparison, outcome: Outcome) -> Comparison:
    answer = outcome.answers.get(known.against, Answer(0))
    if outcome.no_rows or answer.status != 200:
        return _told(known, Judgement("Inconclusive", outcome.no_rows or _refusal(known.against, answer)))
    if few := too_few(parity, rows(answer.predictions)):
        return _told(known, few)
    record = json.dumps(answer.predictions, separators=(",", ":"))
    if len(record) > RECORDED_MAX_LENGTH:
        long = (
            f"What {known.against} answers is too long to be kept ({len(record)} characters): use fewer rows."
        )
        return _told(known, Judgement("Inconclusive", long))
    return known.model_copy(update={"recorded": record})


def _judged(parity: Parity, known: Comparison, candidate: Candidate, outcome: Outcome) -> Comparison:
    """Of rows that what serves answers, the candidate may not fail on any."""
    if outcome.no_rows:
        return _told(known, Judgement("Inconclusive", outcome.no_rows))
    own = outcome.answers[candidate.revision]
    recorded = Answer(200, json.loads(known.recorded)) if known.recorded else None
    served = recorded or outcome.answers[known.against]
    for revision, answer in ((known.against, served), (candidate.revision, own)):
        if answer.status != 200:
            failed = answer is own and answer.status >= 500
            return _told(known, Judgement("Failed" if failed else "Inconclusive", _refusal(revision, answer)))
    return _told(known, judge(parity, served.predictions, own.predictions))


def _refusal(revision: str, answer: Answer) -> str:
    return f"{revision} does not answer the rows: {answer.status} {answer.said}".strip()


def _told(known: Comparison, judgement: Judgement) -> Comparison:
    told: dict[str, Any] = {
        "verdict": judgement.verdict,
        "rows": judgement.rows,
        "changed": judgement.changed,
        "message": cut(judgement.message),
    }
    return known.model_copy(update=told)


def _by_verdict(
    observed: Observed, before: Rollout, candidate: Candidate, known: Comparison, now: datetime
) -> Result:
    candidate, said = candidate.model_copy(update={"parity": known}), known.message or ""
    if known.verdict == "Failed":
        return candidate, _rejected(before, candidate, "ParityFailed", said, now)
    if known.verdict != "Inconclusive":
        return candidate, None
    if known.recorded:
        # In place nobody serves while somebody is waited for: who approves each version himself has decided.
        manual = observed.deployment.spec.promotion == "Manual"
        return candidate, None if manual else _rejected(before, candidate, "ParityInconclusive", said, now)
    if annotations.approves(observed.deployment, candidate):
        return _waived(candidate, known), None
    return candidate, awaited(observed, replace(before, candidate=candidate), "Inconclusive", said)


def _rejected(before: Rollout, candidate: Candidate, reason: str, said: str, now: datetime) -> Rollout:
    return reject(before, candidate.version, candidate.revision, Failure(reason, said), now)


def _waived(candidate: Candidate, known: Comparison) -> Candidate:
    return candidate.model_copy(update={"parity": known.model_copy(update={"verdict": "Waived"})})
