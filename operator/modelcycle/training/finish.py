"""The end of a TrainingRun: the one terminal status."""

from datetime import datetime

from modelcycle.api.trainingrun import TrainingRunSpec, TrainingRunStatus
from modelcycle.conditions import Conditions
from modelcycle.plan import EndRun, Event, Plan, RegistryWrite
from modelcycle.training import git, kept_logs, orphans, outcome, promotion
from modelcycle.training.attempts import attempts
from modelcycle.training.collect import Kind, choose, collect
from modelcycle.training.observed import Observed
from modelcycle.training.outcome import Outcome
from modelcycle.training.promotion import Verdict
from modelcycle.training.say import job_end, said, spoken_duration, with_job
from modelcycle.training.suspension import lifted


def finish(observed: Observed, now: datetime, kind: Kind, reason: str, message: str) -> Plan:
    """The one terminal write: outcome, runs, metrics, versions and conditions together, when all that is known."""
    if step := collect(observed, now, kind):
        return step
    run, job = observed.run, observed.job
    status = lifted(with_job(observed, job) if job else run.status, run.metadata.generation, now)
    ended = job_end(observed, now)
    conditions = Conditions(status.conditions, run.metadata.generation, now)
    conditions.drop("Stalled")
    verdict, ends = None, tuple[EndRun, ...]()
    if observed.results is not None:
        chosen = choose(observed, kind)
        counted = {run.run_id for run in chosen.runs}
        results, ends = orphans.close(observed.results, counted, observed.pods, reason, ended)
        status = outcome.record(run.spec, status, results, chosen, observed.defaults.ui_url)
        conditions.judge("RegistryReachable", True, "Answered")
        kept_logs.judge(conditions, observed, chosen.main)
        _judge_model(conditions, run.spec.model.name if run.spec.model else None, chosen)
        verdict = _judge_promotion(conditions, observed, chosen, kind)
    message = message or _success_message(run.spec, status, verdict)
    conditions.judge(kind, True, reason, message)
    conditions.judge("Finished", True, kind, message)
    status = said(observed, "Succeeded" if kind == "Complete" else "Failed", reason, message, status)
    status = status.model_copy(
        update={
            "conditions": conditions.all(),
            "attempts": attempts(observed) or status.attempts,
            "completion_time": ended,
            "duration": spoken_duration(status.start_time, ended),
        }
    )
    outcome_event = Event(
        "Normal" if kind == "Complete" else "Warning", kind if kind == "Complete" else reason, message
    )
    events = (outcome_event, *promotion.events(verdict))
    writes: tuple[RegistryWrite, ...] = (
        *ends,
        *git.tags(observed),
        *(verdict.writes if verdict else ()),
    )
    # What the end leads to comes next: a Job that goes on is stopped, and a ttl begins to count.
    return Plan(registry=writes, status=status, events=events, look_again=0)


def _judge_model(conditions: Conditions, expected: str | None, chosen: Outcome) -> None:
    if expected is None and chosen.version is None:
        return
    if chosen.version and chosen.version.name == (expected or chosen.version.name):
        text = f"Version {chosen.version.number} of {chosen.version.name!r} was registered."
        conditions.judge("ModelRegistered", True, "Registered", text)
        return
    text = (
        f"No version of {expected!r} was registered by a pod that succeeded: log the model with "
        f"registered_model_name={expected!r}."
    )
    conditions.judge("ModelRegistered", False, "NotRegistered", text)


def _judge_promotion(
    conditions: Conditions, observed: Observed, chosen: Outcome, kind: Kind
) -> Verdict | None:
    model = observed.run.spec.model
    if model is None or model.promote is None:
        return None
    candidate = promotion.candidate(model, chosen)
    if kind != "Complete":
        verdict = Verdict(False, "RunFailed", "Only the version of a run that succeeded is promoted.")
    elif candidate is None:
        verdict = Verdict(False, "NotRegistered", f"No version of {model.name!r} was registered.")
    else:
        verdict = promotion.judge(model.promote, candidate, chosen.metrics, observed.champions or {})
    conditions.judge("Promoted", verdict.promoted, verdict.reason, verdict.message)
    return verdict


def _success_message(spec: TrainingRunSpec, status: TrainingRunStatus, verdict: Verdict | None) -> str:
    made = f"version {status.version}" if status.version else "no model version"
    if verdict:
        made += ", promoted" if verdict.promoted else ", not promoted"
    runs = "1 MLflow run" if status.runs_total == 1 else f"{status.runs_total or 0} MLflow runs"
    if spec.objective and not status.metric:
        made += f", and no metric {spec.objective.metric!r}, which spec.objective names"
    return f"The Job succeeded: {runs}, {made}."
