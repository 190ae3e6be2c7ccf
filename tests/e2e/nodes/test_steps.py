"""Versions that take over with somebody's approval, or step by step, with several pods on several nodes."""

import urllib.request

import pytest

from tests.e2e import stand
from tests.e2e.kube import condition, kubectl, poll, wait
from tests.e2e.stand import BODY, Stand

ASKED = 200
# More than clients ask of a canary by the end of its step.
MIN_REQUESTS = 400


def share_of(version: str, stand: Stand) -> float:
    """Which part of so many requests, each with a connection of its own, a version answers."""
    answered = [_version_that_answers(stand.port) for _ in range(ASKED)]
    return answered.count(version) / ASKED


def _version_that_answers(port: int) -> str:
    url, kind = f"http://127.0.0.1:{port}/invocations", {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, BODY.encode(), kind), timeout=5) as answer:
        return str(answer.headers["X-Model-Version"])


def test_a_canary_that_clients_ask_too_little_is_sent_its_own_example_and_its_share_grows_until_it_answers_alone(
    many: Stand,
):
    steps = [{"weight": 25, "pauseSeconds": 10}, {"weight": 50, "pauseSeconds": 1}]
    many.change(
        replicas=3, strategy={"type": "Canary", "canary": {"steps": steps, "minRequests": MIN_REQUESTS}}
    )
    wait(many.resource, "jsonpath={.status.readyReplicas}=3")
    with many.rollout() as (_, after):
        wait(many.resource, "jsonpath={.status.candidate.canary.since}")
        assert many.read()["status"]["candidate"]["weight"] == 25
        # Four standard deviations of so many requests.
        assert share_of(after, many) == pytest.approx(0.25, abs=0.125)
        sent = f"It waits for {MIN_REQUESTS}. Its own input example is sent"
        said = stand.wait_until_the_candidate_says(sent, many.resource)
        assert said.startswith("Its share of the requests is 25 %.")
        wait(many.resource, "jsonpath={.status.candidate.weight}=50")
    assert share_of(after, many) == 1
    steps_told = [
        f"Version {after} is in canary step {step}: its share of the requests is {share} %."
        for step, share in ((1, 25), (2, 50))
    ]
    poll(lambda: set(steps_told) <= set(many.told("CanaryStep")), "an event tells of each step")


def test_a_version_waits_for_approval_and_meets_no_client_before(many: Stand):
    many.change(promotion="Manual")
    with many.rollout() as (before, after):
        wait(many.resource, "jsonpath={.status.reason}=AwaitingApproval")
        approve(many, "99")
        stand.wait_until_the_candidate_says("approve names '99', and what waits is version", many.resource)
        assert share_of(before, many) == 1
        waiting = many.read()
        assert condition(waiting, "Progressing")["reason"] == "AwaitingApproval"
        words = many.resource.replace("/", " ")
        command = f"kubectl annotate --overwrite {words} --namespace default modelcycle.dev/approve={after}"
        assert command in waiting["status"]["candidate"]["message"]
        poll(
            lambda: any(command in told for told in many.told("AwaitingApproval")),
            "an event says how to approve",
        )
        approve(many, after)


def approve(stand: Stand, version: str) -> None:
    kubectl("annotate", "--overwrite", stand.resource, f"modelcycle.dev/approve={version}")
