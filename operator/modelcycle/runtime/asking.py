"""Carries out errands: posts a version's rows to serving pods."""

from modelcycle.errand import Compare, Errand, Exercise, Outcome
from modelcycle.plan import REVISION_LABEL
from modelcycle.pods import Pod
from modelcycle.runtime.context import Context
from modelcycle.runtime.examples import NoRowsError, Rows, rows
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.runtime.resources import PODS
from modelcycle.runtime.serving_pods import NoAnswerError
from modelcycle.runtime.store import Key
from modelcycle.serving.auth import own_token

# What a canary is sent at most, in number and in time, and the least time between two requests.
REQUESTS_MAX, SECONDS_MAX, PAUSE_SECONDS = 1000, 45.0, 0.05


async def carry_out(context: Context, key: Key, errand: Errand) -> Outcome:
    """What came of it; trouble is part of that."""
    try:
        example = await rows(context.mlflow, errand.examples)
        match errand:
            case Compare():
                return await _compare(context, key, errand, example)
            case Exercise():
                return await _exercise(context, key, errand, example)
    except NoRowsError as error:
        return Outcome(errand, no_rows=str(error))
    except (RegistryError, NoAnswerError) as error:
        return Outcome(errand, problem=str(error))


async def _compare(context: Context, key: Key, errand: Compare, example: Rows) -> Outcome:
    answers = {}
    for revision in errand.revisions:
        pod = _ready(context, key, revision)[0]
        token = _token(context, key, revision)
        answers[revision] = await context.serving_pods.predict(pod, example, "parity", token)
    return Outcome(errand, answers)


async def _exercise(context: Context, key: Key, errand: Exercise, example: Rows) -> Outcome:
    """One request after the other, in turn to each pod that is ready then. The pods' own metrics count them."""
    began, token, problem = context.clock(), _token(context, key, errand.revision), ""
    for number in range(min(errand.requests, REQUESTS_MAX)):
        if (context.clock() - began).total_seconds() > SECONDS_MAX:
            return Outcome(
                errand, problem=f"In {SECONDS_MAX:g} s it answered its own example {number} times."
            )
        pods = _ready(context, key, errand.revision)
        try:
            answer = await context.serving_pods.predict(pods[number % len(pods)], example, "canary", token)
        except NoAnswerError as error:
            problem = str(error)
        else:
            if 400 <= answer.status < 500:
                said = f"It refuses its own input example: {answer.status} {answer.said}".strip()
                return Outcome(errand, problem=said)
        await context.serving_pods.pause(PAUSE_SECONDS)
    return Outcome(errand, problem=problem)


def _token(context: Context, key: Key, revision: str) -> str:
    """The operator's own way in, where clients are asked for a token."""
    deployment = context.store.get(key.kind, key.namespace, key.name)
    return own_token(context.defaults.serving_key, deployment.uid, revision) if deployment else ""


def _ready(context: Context, key: Key, revision: str) -> list[Pod]:
    """Pods of a revision that can be asked, at least one. Raises NoAnswerError."""
    pods = [entry.item for entry in context.store.children(PODS, key)]
    own = [p for p in pods if p.label(REVISION_LABEL) == revision and p.ready and not p.deleting and p.ip]
    if not own:
        raise NoAnswerError(f"No pod of {revision} is ready to be asked.")
    return sorted(own, key=lambda pod: pod.name)
