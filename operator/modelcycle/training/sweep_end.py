"""When a TrainingSweep is over, how it has ended, and the promotion of its best run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from modelcycle.api.trainingrun import Promote
from modelcycle.api.trainingsweep import TrainingSweepStatus
from modelcycle.conditions import Conditions, find
from modelcycle.plan import Event, Nominate, Plan
from modelcycle.training import promotion
from modelcycle.training.promotion import Verdict
from modelcycle.training.say import spoken_duration
from modelcycle.training.sweep_observed import Observed
from modelcycle.training.sweep_status import reached, said

REGISTRY_RETRY_SECONDS = 5.0
# As a Job's: true from the decision on, while the runs under way are being stopped.
STOPPING = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}


@dataclass(frozen=True)
class End:
    """How a sweep ends, or will when its last runs have been stopped."""

    kind: Literal["Complete", "Failed"]
    reason: str
    message: str


def end(observed: Observed, status: TrainingSweepStatus) -> End | None:
    """None while there are runs to come. What was decided once stays so."""
    for kind in ("Complete", "Failed"):
        decided = find(status.conditions, STOPPING[kind])
        if decided:
            return End(kind, decided.reason, decided.message)
    spec, best, failed = observed.sweep.spec, status.best, status.failed or 0
    if best and reached(spec.objective, best):
        return End("Complete", "GoalReached", f"{best.run} reached the goal with {best.metric}.")
    if spec.max_failed is not None and failed > spec.max_failed:
        text = (
            f"{failed} runs failed, more than spec.maxFailed ({spec.max_failed}). {_last_failure(observed)}"
        )
        return End("Failed", "MaxFailedExceeded", text)
    if observed.refusal and observed.refusal.final:
        return End("Failed", observed.refusal.reason, observed.refusal.message)
    if (status.succeeded or 0) + failed < (status.total or 0):
        return None
    return _all_ended(observed, status)


def _all_ended(observed: Observed, status: TrainingSweepStatus) -> End:
    counts = f"{status.succeeded} of {status.total} runs succeeded, {status.failed} failed"
    if not status.total:
        return End("Failed", "NoRuns", "No whole number lies between min and max of a parameter.")
    if status.best:
        return End(
            "Complete", "AllRunsEnded", f"{counts}; the best is {status.best.run} with {status.best.metric}."
        )
    if status.succeeded:
        metric = observed.sweep.spec.objective.metric
        text = f"{counts}, and none logged {metric!r} as a finite number: log it in the main MLflow run."
        return End("Failed", "ObjectiveMissing", text)
    return End("Failed", "AllRunsFailed", f"{counts}. {_last_failure(observed)}")


def _last_failure(observed: Observed) -> str:
    failed = [child for child in observed.children if child.outcome == "Failed"]
    return f"{failed[-1].name}: {failed[-1].message}" if failed else ""


def judge_and_finish(observed: Observed, status: TrainingSweepStatus, now: datetime, over: End) -> Plan:
    """The best run's version is promoted, if it is to be, and then the sweep is over."""
    model, best = observed.sweep.spec.template.spec.model, status.best
    if model is None or model.promote is None:
        return finish(observed, status, now, over)
    if over.kind == "Failed" or best is None:
        verdict = Verdict(False, "SweepFailed", "Only the best run of a sweep that is complete is promoted.")
    elif best.version is None or best.run_id is None:
        verdict = Verdict(False, "NotRegistered", f"{best.run} registered no version of {model.name!r}.")
    elif observed.nominee is None:
        question = Nominate(model.name, int(best.version), best.run_id)
        return _waiting(observed, status, now, over) or Plan(
            question=question, look_again=REGISTRY_RETRY_SECONDS
        )
    else:
        verdict = _verdict(model.promote, observed, model.name, best.version)
    return finish(observed, status, now, over, verdict)


def _verdict(promote: Promote, observed: Observed, model: str, version: str) -> Verdict:
    nominee = observed.nominee
    if nominee is None or nominee.version is None:
        return Verdict(False, "NotRegistered", f"Version {version} of {model!r} is not in MLflow any more.")
    return promotion.judge(promote, nominee.version, nominee.metrics, nominee.champions)


def _waiting(observed: Observed, status: TrainingSweepStatus, now: datetime, over: End) -> Plan | None:
    """The registry does not answer: nothing is said of the outcome before the promotion is judged."""
    if not (problem := observed.registry_problem):
        return None
    message = f"{over.message} It is over when the promotion has been judged: {problem}"
    conditions = Conditions(status.conditions, observed.sweep.metadata.generation, now)
    conditions.judge("RegistryReachable", False, "RegistryUnreachable", problem)
    status = said(observed, status, "Running", "RegistryUnreachable", message)
    events = (
        ()
        if observed.sweep.status.reason == "RegistryUnreachable"
        else (Event("Warning", "RegistryUnreachable", message),)
    )
    status = status.model_copy(update={"conditions": conditions.all()})
    return Plan(status=status, events=events, look_again=REGISTRY_RETRY_SECONDS)


def finish(
    observed: Observed, status: TrainingSweepStatus, now: datetime, over: End, verdict: Verdict | None = None
) -> Plan:
    """The one terminal write."""
    conditions = Conditions(status.conditions, observed.sweep.metadata.generation, now)
    if observed.nominee:
        conditions.judge("RegistryReachable", True, "Answered")
    if verdict:
        conditions.judge("Promoted", verdict.promoted, verdict.reason, verdict.message)
    conditions.judge(over.kind, True, over.reason, over.message)
    conditions.judge("Finished", True, over.kind, over.message)
    good = over.kind == "Complete"
    status = said(observed, status, "Succeeded" if good else "Failed", over.reason, over.message)
    ended = {
        "conditions": conditions.all(),
        "completion_time": now,
        "duration": spoken_duration(status.start_time, now),
    }
    event = Event("Normal" if good else "Warning", over.kind if good else over.reason, over.message)
    return Plan(
        registry=verdict.writes if verdict else (),
        status=status.model_copy(update=ended),
        events=(event, *promotion.events(verdict)),
    )
