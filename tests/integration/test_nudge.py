"""MLflow's webhook reaches the operator; nobody else can play it."""

import time
import urllib.error
import urllib.request
import uuid

from modelcycle.nudge import DELIVERY, SIGNATURE, TIMESTAMP, WEBHOOK_NAME, signed

from tests.integration.kube import eventually
from tests.integration.process import WEBHOOK_SECRET, Operator
from tests.integration.world import World


def nudges(operator: Operator, code: int) -> float:
    """How many deliveries were answered so."""
    lines = operator.get("/metrics").splitlines()
    name = f'modelcycle_nudges_total{{code="{code}"}}'
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)), 0.0)


def deliver(operator: Operator, secret: str = WEBHOOK_SECRET, age: int = 0, delivery: str = "") -> int:
    """A delivery as MLflow makes it; the answer's code."""
    delivery, timestamp, body = delivery or str(uuid.uuid4()), str(int(time.time()) - age), b"{}"
    headers = {DELIVERY: delivery, TIMESTAMP: timestamp, SIGNATURE: signed(secret, delivery, timestamp, body)}
    url = f"http://127.0.0.1:{operator.settings.port}/nudge"
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_an_alias_that_moves_is_told_by_mlflow_itself(world: World):
    version = world.mlflow.register("it-nudged")
    before = nudges(world.operator, 202)
    world.mlflow.point("it-nudged", "champion", version)
    eventually(lambda: nudges(world.operator, 202) > before, "MLflow's delivery has come")


def test_there_is_one_webhook_after_many_starts(world: World):
    world.operator.stop()
    world.operator.start()
    found = world.mlflow.call("GET", "webhooks", {})["webhooks"]
    assert [(hook["name"], hook["status"]) for hook in found] == [(WEBHOOK_NAME, "ACTIVE")]


def test_a_delivery_that_is_not_mlflows_is_refused(world: World):
    assert deliver(world.operator) == 202
    assert deliver(world.operator, secret="guessed") == 401
    assert deliver(world.operator, age=3600) == 401


def test_a_delivery_counts_once(world: World):
    once = str(uuid.uuid4())
    assert deliver(world.operator, delivery=once) == 202
    assert deliver(world.operator, delivery=once) == 409
