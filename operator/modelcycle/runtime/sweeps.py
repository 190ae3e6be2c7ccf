"""The plan of one pass over a TrainingSweep: what it knows, and what MLflow is asked."""

import json
from dataclasses import replace

from modelcycle.api.trainingsweep import TrainingSweep
from modelcycle.plan import Body, Nominate, Plan
from modelcycle.runtime import champions, hindrances, registry_write
from modelcycle.runtime.context import Context
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.runtime.resources import TRAINING_RUNS
from modelcycle.runtime.store import Key
from modelcycle.training.sweep import plan
from modelcycle.training.sweep_observed import Observed, project_child


async def planned(context: Context, key: Key, body: Body) -> Plan:
    """Writes to MLflow are carried out here, so that the plan that is left says what became of them."""
    sweep = TrainingSweep.model_validate(body)
    owned = [e for e in context.store.children(TRAINING_RUNS, key) if e.controller == sweep.metadata.uid]
    observed = Observed(sweep, tuple(project_child(json.loads(entry.item)) for entry in owned))
    made = plan(observed, context.clock())
    if isinstance(made.question, Nominate) and context.turns.take(made.question.model, key):
        observed = await _answered(context, observed, made.question)
        made = plan(observed, context.clock())
    if made.registry and (problem := await registry_write.carry_out(context, made.registry)):
        return plan(replace(observed, nominee=None, registry_problem=problem), context.clock())
    refusal = hindrances.refusal(context, key, made.creates)
    return plan(replace(observed, refusal=refusal), context.clock()) if refusal else made


async def _answered(context: Context, observed: Observed, question: Nominate) -> Observed:
    try:
        model = observed.sweep.spec.template.spec.model
        return replace(observed, nominee=await champions.nominee(context.mlflow, question, model))
    except RegistryError as error:
        return replace(observed, registry_problem=str(error))
