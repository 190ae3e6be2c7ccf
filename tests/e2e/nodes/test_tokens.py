"""A model that answers those alone who know a token, whose versions are compared all the same, behind a Gateway that is not there."""

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.e2e import registry, stand
from tests.e2e.kube import MINE, Manifest, condition, create, kubectl, poll, wait
from tests.e2e.stand import BODY, Stand

NAME, NODE_PORT = "e2e-closed", 30082
TOKEN = "open-sesame"
SPEC: Manifest = {
    "auth": {"secretName": NAME},
    "parity": {"maxChangedFraction": 0, "minRows": 2},
    "route": {"host": "closed.example.org", "gateway": {"name": "public"}},
}


@pytest.fixture(scope="module")
def closed(model: str, workers: tuple[str, str]) -> Iterator[Stand]:
    made = Stand(NAME, model, registry.ports()[str(NODE_PORT)], alias="closed")
    made.follow("good")
    create(stand.model_deployment(NAME, model, made.alias, **SPEC))
    yield made
    kubectl("delete", made.resource, f"secret/{NAME}", "--ignore-not-found")


def answer(stand: Stand, token: str = "") -> tuple[int, str]:
    """The status that a client gets, and the version that answered."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    url = f"http://127.0.0.1:{stand.port}/invocations"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, BODY.encode(), headers), timeout=5
        ) as answered:
            return answered.status, answered.headers["X-Model-Version"]
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_no_pod_starts_without_the_secret_and_the_model_serves_when_it_is_there(closed: Stand):
    stand.wait_until_the_candidate_says(
        f"kubectl create secret generic {NAME} --namespace default --from-literal=token=TOKEN",
        closed.resource,
    )
    secret = {"metadata": {"name": NAME, "labels": MINE}, "stringData": {"token": TOKEN}}
    create({"apiVersion": "v1", "kind": "Secret", **secret})
    wait(closed.resource, "condition=Ready")
    stand.open_node_port(NAME, NODE_PORT)
    assert answer(closed) == answer(closed, "guessed") == (401, "")
    assert answer(closed, TOKEN) == (200, closed.serving())


def test_a_gateway_api_that_is_not_installed_is_said_and_holds_nothing_up(closed: Stand):
    routed = condition(closed.read(), "Routed")
    assert (routed["status"], routed["reason"]) == ("False", "GatewayAPINotInstalled")
    assert closed.read()["status"]["url"] == f"http://{NAME}.default.svc"


def test_versions_are_compared_by_requests_that_carry_the_operators_own_token(closed: Stand):
    before = closed.serving()
    bad = closed.follow("otherwise")
    wait(closed.resource, f"jsonpath={{.status.rejected[*].version}}={bad}")
    (rejected,) = closed.read()["status"]["rejected"]
    assert rejected["reason"] == "ParityFailed"
    assert "2 of 2 rows changed" in rejected["message"]
    assert answer(closed, TOKEN) == (200, before)
    after = closed.follow_the_other_good_one()
    closed.wait_until_complete(after)
    poll(
        lambda: "0 of 2 rows changed" in " ".join(closed.told("ParityPassed")),
        "an event tells that it answers alike",
    )
    assert answer(closed) == (401, "")
    assert answer(closed, TOKEN) == (200, after)
