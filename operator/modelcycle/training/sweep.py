"""What the next step of a TrainingSweep is."""

from collections.abc import Sequence
from datetime import datetime

from modelcycle.api.trainingrun import Objective
from modelcycle.api.trainingsweep import TrainingSweep, TrainingSweepStatus
from modelcycle.conditions import Conditions, find, is_true
from modelcycle.plan import SWEEP_LABEL, Body, Event, Plan, Ref
from modelcycle.training import template
from modelcycle.training.sweep_end import STOPPING, End, end, finish, judge_and_finish
from modelcycle.training.sweep_observed import Observed
from modelcycle.training.sweep_points import Params, TooManyError, points
from modelcycle.training.sweep_status import active, counted, run_name, said

REFUSED_RETRY_SECONDS = 30.0


def plan(observed: Observed, now: datetime) -> Plan:
    """Reads as the life of a sweep: runs are started, what still runs is stopped, the best is promoted, over."""
    sweep = observed.sweep
    if sweep.metadata.deletion_timestamp:
        return Plan()
    if is_true(sweep.status.conditions, "Finished"):
        return Plan(deletes=_active(observed))
    try:
        wanted = points(sweep.spec)
    except TooManyError as error:
        return finish(observed, sweep.status, now, End("Failed", "TooManyRuns", str(error)))
    status = counted(observed, wanted, now)
    over = end(observed, status)
    if over is None:
        return _go_on(observed, wanted, status, now)
    if status.active:
        return _stop(observed, status, now, over)
    return judge_and_finish(observed, status, now, over)


def _active(observed: Observed) -> tuple[Ref, ...]:
    return tuple(Ref("TrainingRun", child.name, child.uid) for child in active(observed))


def _go_on(observed: Observed, wanted: Sequence[Params], status: TrainingSweepStatus, now: datetime) -> Plan:
    creates = () if observed.sweep.spec.suspend else _next(observed, wanted)
    status = _suspended(observed, status, now)
    if creates and observed.refusal:
        reason, message = observed.refusal.reason, observed.refusal.message
        events = () if observed.sweep.status.reason == reason else (Event("Warning", reason, message),)
        status = said(observed, status, "Running" if observed.children else "Pending", reason, message)
        return Plan(status=status, creates=creates, events=events, look_again=REFUSED_RETRY_SECONDS)
    if observed.sweep.spec.suspend and not status.active:
        return Plan(
            status=said(
                observed, status, "Suspended", "Suspended", "spec.suspend is true: no run is started."
            )
        )
    if not observed.children:
        return Plan(creates=creates)
    best = f" The best so far is {status.best.run} with {status.best.metric}." if status.best else ""
    message = f"{(status.succeeded or 0) + (status.failed or 0)} of {status.total} runs have ended.{best}"
    return Plan(status=said(observed, status, "Running", "RunsUnderWay", message), creates=creates)


def _next(observed: Observed, wanted: Sequence[Params]) -> tuple[Body, ...]:
    """As many more runs as may go on at once, the first ones that are not there."""
    sweep, there = observed.sweep, {child.name for child in observed.children}
    free = max(0, sweep.spec.parallelism - len(active(observed)))
    missing = [i for i in range(len(wanted)) if run_name(sweep.metadata.name, i) not in there]
    return tuple(_run(sweep, index, wanted[index]) for index in missing[:free])


def _run(sweep: TrainingSweep, index: int, params: Params) -> Body:
    """Its column shows the sweep's objective. No run promotes itself: of all only the best is promoted."""
    given = sweep.spec.template
    model = given.spec.model and given.spec.model.model_copy(update={"promote": None})
    wanted = sweep.spec.objective
    update = {
        "params": {**(given.spec.params or {}), **params},
        "model": model,
        "objective": Objective(metric=wanted.metric, higher_is_better=wanted.higher_is_better),
    }
    spec = given.spec.model_copy(update=update)
    labels = {SWEEP_LABEL: sweep.metadata.name}
    name = run_name(sweep.metadata.name, index)
    return template.run(
        "TrainingSweep", sweep.metadata, given.model_copy(update={"spec": spec}), name, labels
    )


def _suspended(observed: Observed, status: TrainingSweepStatus, now: datetime) -> TrainingSweepStatus:
    """As a Job's: the condition is there from the first time on that the sweep is suspended."""
    suspend = observed.sweep.spec.suspend
    if not suspend and not find(status.conditions, "Suspended"):
        return status
    conditions = Conditions(status.conditions, observed.sweep.metadata.generation, now)
    conditions.judge("Suspended", suspend, "Suspended" if suspend else "Resumed")
    return status.model_copy(update={"conditions": conditions.all()})


def _stop(observed: Observed, status: TrainingSweepStatus, now: datetime, over: End) -> Plan:
    """That it is over is in status before a run is deleted, so that none of them is made again."""
    conditions = Conditions(status.conditions, observed.sweep.metadata.generation, now)
    conditions.judge(STOPPING[over.kind], True, over.reason, over.message)
    status = status.model_copy(update={"conditions": conditions.all()})
    message = f"{over.message} The runs under way are being stopped."
    return Plan(status=said(observed, status, "Running", over.reason, message), deletes=_active(observed))
