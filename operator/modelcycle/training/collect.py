"""What has to be known and done before the end of a TrainingRun can be told."""

from datetime import datetime
from typing import Literal

from modelcycle.api.trainingrun import TrainingRunStatus
from modelcycle.conditions import find
from modelcycle.plan import CollectResults, Plan, ReadChampions
from modelcycle.training import kept_logs, outcome, promotion
from modelcycle.training.observed import Observed
from modelcycle.training.outcome import Outcome
from modelcycle.training.say import REGISTRY_RETRY_SECONDS, event_if_new, said, with_job, without_registry

COLLECTING = "CollectingResults"
Kind = Literal["Complete", "Failed"]


def collect(observed: Observed, now: datetime, kind: Kind) -> Plan | None:
    """The next step to it, or None: all is known, or there never was a Job."""
    if observed.job is None and observed.run.status.job_uid is None:
        return None
    if observed.results is None:
        return _results(observed, now)
    chosen = choose(observed, kind)
    if observed.logs is None and (question := kept_logs.to_keep(observed, chosen.main)):
        return Plan(question=question)
    if kept_logs.worth_another_try(observed, now):
        return _logs_later(observed)
    if (
        observed.champions is None
        and kind == "Complete"
        and promotion.candidate(observed.run.spec.model, chosen)
    ):
        return Plan(question=ReadChampions())
    return None


def choose(observed: Observed, kind: Kind) -> Outcome:
    """What counts of the results."""
    if observed.results is None or kind == "Failed":
        return outcome.of_failure(observed.results)
    expected = observed.run.spec.model
    return outcome.choose(observed.results, observed.pods, expected.name if expected else None)


def _results(observed: Observed, now: datetime) -> Plan:
    if not observed.registry_problem:
        return Plan(question=CollectResults())
    before = observed.run.status
    reachable = find(before.conditions, "RegistryReachable")
    if before.reason == COLLECTING and reachable and reachable.status == "False":
        # One wording an outage: details vary from one try to the next.
        return Plan(look_again=REGISTRY_RETRY_SECONDS)
    message = f"The run has ended; what came out of it is not known yet: {observed.registry_problem}"
    return without_registry(observed, now, _still_running(observed, message))


def _logs_later(observed: Observed) -> Plan:
    if observed.run.status.reason == COLLECTING:
        return Plan(look_again=REGISTRY_RETRY_SECONDS)
    message = f"The run has ended; its log is not kept yet: {observed.logs.problem if observed.logs else ''}"
    events = event_if_new(observed, COLLECTING, message)
    return Plan(status=_still_running(observed, message), events=events, look_again=REGISTRY_RETRY_SECONDS)


def _still_running(observed: Observed, message: str) -> TrainingRunStatus:
    status = with_job(observed, observed.job) if observed.job else observed.run.status
    return said(observed, "Running", COLLECTING, message, status)
