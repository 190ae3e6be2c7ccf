"""One pass over one resource: observe, decide, write."""

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.api.trainingrun import TrainingRun
from modelcycle.api.trainingschedule import TrainingSchedule
from modelcycle.plan import Body, Plan
from modelcycle.runtime import (
    answers,
    doubts,
    hindrances,
    observe_deployments,
    observe_runs,
    registry_write,
    sweeps,
    unreadable,
)
from modelcycle.runtime.cluster import ConflictError, NotFoundError, RefusedError
from modelcycle.runtime.context import Context
from modelcycle.runtime.metrics import ROLLOUTS, RUN_OUTCOMES, VERSIONS_REJECTED
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.runtime.resources import (
    BY_KIND,
    MODEL_DEPLOYMENTS,
    TRAINING_RUNS,
    TRAINING_SCHEDULES,
    TRAINING_SWEEPS,
)
from modelcycle.runtime.store import Key
from modelcycle.runtime.write import LeaseLostError, RefusedChildError, carry_out
from modelcycle.serving import plan as serving
from modelcycle.training import plan as training
from modelcycle.training import schedule as schedules

AT_ONCE = 0.0
UNREAD_RETRY_SECONDS = 1.0
OTHERS_TURN_SECONDS = 5.0

logger = logging.getLogger(__name__)


async def reconcile(context: Context, key: Key) -> float | None:
    """A pass over the resource that the key names; answers when to look again, in seconds, or None."""
    try:
        return await _pass(context, key)
    finally:
        for waiting in context.turns.give_back(key):
            context.wake(waiting)


async def _pass(context: Context, key: Key) -> float | None:
    if not context.lease.held():
        return None
    if context.store.get(key.kind, key.namespace, key.name):
        await doubts.settle(context, key)
    entry = context.store.get(key.kind, key.namespace, key.name)
    if entry is None:
        _forget(context, key)
        return None
    body = json.loads(entry.item)
    readable = unreadable.forgotten(body)
    try:
        plan = await _PLANS[key.kind](context, key, readable)
        if plan is None:
            return UNREAD_RETRY_SECONDS
        if readable is not body:
            plan = unreadable.recovered(readable, plan)
        await carry_out(context, key, body, plan)
    except ValidationError as error:
        return await _leave_alone(context, key, body, error)
    except (ConflictError, RefusedChildError):
        return AT_ONCE
    except NotFoundError:
        context.doubt(key, BY_KIND[key.kind], key.name)
        return AT_ONCE
    except LeaseLostError:
        return None
    context.errands.want(key, plan.errand)
    _count(context, key, body, plan)
    return AT_ONCE if plan.registry and plan.status is None else plan.look_again


def _forget(context: Context, key: Key) -> None:
    context.doubts.pop(key, None)
    context.errands.want(key, None)
    if key.kind == MODEL_DEPLOYMENTS.kind:
        context.serving_changed.set()


async def _leave_alone(context: Context, key: Key, body: Body, error: ValidationError) -> float | None:
    """A stored object from another version of the schema waits for somebody to change it."""
    plan = unreadable.plan(body, error, context.clock())
    try:
        await carry_out(context, key, body, plan)
    except (ConflictError, NotFoundError):
        return AT_ONCE
    except RefusedError as refused:
        logger.error(
            "an object that cannot be read cannot even say so", extra={"key": str(key), "error": str(refused)}
        )
    except LeaseLostError:
        return None
    return None


async def _plan_run(context: Context, key: Key, body: Body) -> Plan:
    run = TrainingRun.model_validate(body)
    observed = await observe_runs.training_run(context, key, run)
    plan = training.plan(observed, context.clock())
    while plan.question:
        answered = await answers.answer(context, key, observed, plan.question)
        if answered is None:
            return Plan(look_again=OTHERS_TURN_SECONDS)
        observed = answered
        plan = training.plan(observed, context.clock())
    if plan.registry and (problem := await registry_write.carry_out(context, plan.registry)):
        return training.plan(replace(observed, results=None, registry_problem=problem), context.clock())
    if not plan.creates:
        return plan
    missing_claim = await hindrances.missing_claim(context, key.namespace, plan.creates)
    missing_config_map = await hindrances.missing_config_map(context, run)
    refusal = hindrances.refusal(context, key, plan.creates)
    problem = await _experiment(context, run) if not missing_claim and not missing_config_map else ""
    observed = replace(
        observed,
        missing_claim=missing_claim,
        missing_config_map=missing_config_map,
        refusal=refusal,
        registry_problem=problem,
    )
    return training.plan(observed, context.clock())


async def _experiment(context: Context, run: TrainingRun) -> str:
    """Makes the experiment before the Job: of two clients that start together and find none, one fails.

    Returns why it could not be made, or "".
    """
    try:
        if run.spec.experiment and context.lease.held():
            await context.mlflow.ensure_experiment(run.spec.experiment)
    except RegistryError as error:
        return str(error)
    return ""


async def _plan_deployment(context: Context, key: Key, body: Body) -> Plan | None:
    deployment = ModelDeployment.model_validate(body)
    context.registry.follow(key, deployment.spec.model.name)
    observed = await observe_deployments.model_deployment(context, key, deployment)
    if observed.resolution is None and not observed.registry_problem:
        return None
    plan = serving.plan(observed, context.clock())
    if not plan.creates:
        return plan
    exists = not await hindrances.missing_claim(context, key.namespace, plan.creates)
    refusal = hindrances.refusal(context, key, plan.creates)
    return serving.plan(replace(observed, claim_exists=exists, refusal=refusal), context.clock())


async def _plan_schedule(context: Context, key: Key, body: Body) -> Plan:
    schedule = TrainingSchedule.model_validate(body)
    observed = schedules.Observed(schedule, observe_runs.runs_of(context, key, schedule.metadata.uid))
    plan = schedules.plan(observed, context.clock())
    refusal = hindrances.refusal(context, key, plan.creates)
    return schedules.plan(replace(observed, refusal=refusal), context.clock()) if refusal else plan


# A plan may be None: what is needed to judge has not been read yet, and somebody is at it.
_PLANS: dict[str, Callable[[Context, Key, Body], Awaitable[Plan | None]]] = {
    TRAINING_RUNS.kind: _plan_run,
    TRAINING_SCHEDULES.kind: _plan_schedule,
    TRAINING_SWEEPS.kind: sweeps.planned,
    MODEL_DEPLOYMENTS.kind: _plan_deployment,
}


def _count(context: Context, key: Key, body: Body, plan: Plan) -> None:
    if plan.status is None:
        return
    before, after = body.get("status", {}), plan.status.wire()
    ended = after.get("completionTime") and not before.get("completionTime")
    if ended and key.kind == TRAINING_RUNS.kind:
        RUN_OUTCOMES.labels(after.get("reason", "")).inc()
    if _revision(after) != _revision(before):
        context.serving_changed.set()
        ROLLOUTS.inc(1 if _revision(after) else 0)
    known = {entry["revision"] for entry in before.get("rejected", ())}
    for entry in after.get("rejected", ()):
        if entry["revision"] not in known:
            VERSIONS_REJECTED.labels(entry["reason"]).inc()


def _revision(status: dict[str, Any]) -> str:
    return str(status.get("serving", {}).get("revision", ""))
