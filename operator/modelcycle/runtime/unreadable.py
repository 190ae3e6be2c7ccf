"""A stored object that this operator cannot read, as another release's can be: it says so, and is left alone."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, ValidationError

from modelcycle.api.meta import Condition, Model
from modelcycle.conditions import Conditions
from modelcycle.plan import Body, Event, Plan

KIND, REASON = "Stalled", "InvalidObject"


class _Status(Model):
    """A status as it is stored, whatever it says."""

    model_config = ConfigDict(extra="allow")
    conditions: list[dict[str, Any]]


def plan(body: Body, error: ValidationError, now: datetime) -> Plan:
    """A condition, until there is a new generation that can be read; all else of status stays."""
    status, generation = body.get("status", {}), body["metadata"].get("generation", 1)
    others = [condition for condition in status.get("conditions", ()) if condition.get("type") != KIND]
    before = [c for c in status.get("conditions", ()) if _is_ours(c)]
    conditions = Conditions([Condition.model_validate(c) for c in before], generation, now)
    message = (
        f"The operator cannot read this object and leaves it alone: {_words(error)}. Change that, or bring the "
        "operator and the CustomResourceDefinitions to the same release."
    )
    conditions.judge(KIND, True, REASON, message)
    said = _Status(**{**status, "conditions": [*others, *(c.wire() for c in conditions.all())]})
    return Plan(status=said, events=(Event("Warning", REASON, message),))


def forgotten(body: Body) -> Body:
    """The object without that condition: it is true no more once the object can be read."""
    status = body.get("status", {})
    others = [condition for condition in status.get("conditions", ()) if not _is_ours(condition)]
    if len(others) == len(status.get("conditions", ())):
        return body
    return {**body, "status": {**status, "conditions": others}}


def recovered(body: Body, plan: Plan) -> Plan:
    """A plan for what could not be read before: status is written also where nothing else of it changes."""
    return plan if plan.status else replace(plan, status=_Status(**body["status"]))


def _is_ours(condition: dict[str, Any]) -> bool:
    return condition.get("type") == KIND and condition.get("reason") == REASON


def _words(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors())
