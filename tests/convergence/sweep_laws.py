"""What a TrainingSweep must never do, and what it must have come to at rest."""

from modelcycle.api.trainingsweep import TrainingSweep
from modelcycle.conditions import find, is_true
from modelcycle.plan import Body

from tests.convergence.cluster import ApiServer, controller


def _unfinished(server: ApiServer, sweep: Body) -> list[Body]:
    return [
        run for run in server.owned("TrainingRun", sweep) if not run.get("status", {}).get("completionTime")
    ]


def a_sweep_starts_what_it_may(server: ApiServer, made: Body) -> None:
    """A TrainingRun that has just been made."""
    for body in server.all("TrainingSweep"):
        if body["metadata"]["uid"] == controller(made):
            sweep = TrainingSweep.model_validate(body)
            conditions = sweep.status.conditions
            decided = [
                kind for kind in ("SuccessCriteriaMet", "FailureTarget", "Finished") if find(conditions, kind)
            ]
            assert not decided, "a run was started after the sweep was over"
            assert len(_unfinished(server, body)) <= sweep.spec.parallelism, "more runs go on than may"
            assert "promote" not in made["spec"].get("model", {}), "a run of a sweep promotes itself"


def a_sweep_is_settled(server: ApiServer, body: Body) -> None:
    """It is over, nothing of it runs, and its best run is the best of those that are there."""
    sweep = TrainingSweep.model_validate(body)
    status = sweep.status
    assert is_true(status.conditions, "Finished"), f"it has not ended: {status.message}"
    assert is_true(status.conditions, "Complete") != is_true(status.conditions, "Failed")
    assert _unfinished(server, body) == []
    figures = [
        float(metric["value"])
        for run in server.owned("TrainingRun", body)
        if run["status"]["phase"] == "Succeeded"
        for metric in run["status"]["metrics"]
    ]
    assert not figures or status.best, "there is no best run"
    assert not status.best or float(status.best.value) >= max(figures, default=0)
    assert is_true(status.conditions, "Failed") or status.best
    model = sweep.spec.template.spec.model
    assert bool(find(status.conditions, "Promoted")) == bool(model and model.promote)
