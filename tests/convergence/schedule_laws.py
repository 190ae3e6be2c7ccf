"""What a TrainingSchedule must never do, and what it must have come to at rest."""

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.api.trainingschedule import TrainingSchedule
from modelcycle.conditions import is_true
from modelcycle.plan import Body
from modelcycle.training.schedule import due_time

from tests.convergence.cluster import ApiServer, controller


def _schedule_of(server: ApiServer, run: Body) -> TrainingSchedule | None:
    """Its owner, if that is a schedule and alive."""
    for body in server.all("TrainingSchedule"):
        if body["metadata"]["uid"] == controller(run):
            return TrainingSchedule.model_validate(body)
    return None


def _runs(server: ApiServer, schedule: TrainingSchedule) -> list[TrainingRun]:
    owned = [body for body in server.all("TrainingRun") if controller(body) == schedule.metadata.uid]
    return [TrainingRun.model_validate(body) for body in owned]


def _ended(run: TrainingRun) -> str:
    return next((kind for kind in ("Complete", "Failed") if is_true(run.status.conditions, kind)), "")


def a_run_is_made_when_it_is_due_and_once(server: ApiServer, made: Body) -> None:
    schedule = _schedule_of(server, made)
    if schedule is None:
        return
    due, last = due_time(schedule, TrainingRun.model_validate(made)), schedule.status.last_schedule_time
    assert due, "a run of a schedule has another name"
    assert due <= server.now, "a run was made before it was due"
    assert last is None or due > last, "a run was made for a time that is recorded"
    unfinished = [run for run in _runs(server, schedule) if not _ended(run)]
    allowed = schedule.spec.concurrency_policy == "Allow"
    assert allowed or len(unfinished) == 1, "a run was made beside one that has not finished"


def only_the_oldest_run_is_deleted(server: ApiServer, deleted: Body) -> None:
    schedule = _schedule_of(server, deleted)
    if schedule is None:
        return
    gone = TrainingRun.model_validate(deleted)
    if not _ended(gone):
        assert schedule.spec.concurrency_policy == "Replace", "a run that goes on was deleted"
        return
    kept = [run for run in _runs(server, schedule) if _ended(run) == _ended(gone)]
    assert all(run.metadata.creation_timestamp >= gone.metadata.creation_timestamp for run in kept)
    spec = schedule.spec
    limits = {"Complete": spec.successful_runs_history_limit, "Failed": spec.failed_runs_history_limit}
    assert len(kept) >= limits[_ended(gone)], "more runs than the limit says were deleted"


def a_schedule_is_settled(server: ApiServer, body: Body) -> None:
    """It is suspended, its runs have ended and are no more than its limits allow, and it says so."""
    schedule = TrainingSchedule.model_validate(body)
    runs, status, spec = _runs(server, schedule), schedule.status, schedule.spec
    ended = [_ended(run) for run in runs]
    assert ended.count("Complete") <= spec.successful_runs_history_limit
    assert ended.count("Failed") <= spec.failed_runs_history_limit
    assert (status.active, status.reason) == (0, "Suspended")
    for run in runs:
        due = due_time(schedule, run)
        assert due
        assert status.last_schedule_time
        assert due <= status.last_schedule_time, "a run is not recorded"
        succeeded = run.status.completion_time if _ended(run) == "Complete" else None
        assert succeeded is None or (
            status.last_successful_time and succeeded <= status.last_successful_time
        ), "a success is not recorded"
