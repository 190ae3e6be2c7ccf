"""A version that is asked the same rows as what serves, and takes its share of the clients step by step."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.kube import Manifest, kubectl, poll
from tests.e2e.stand import Stand
from tests.e2e.test_bad_versions import rejection

# More than clients ask of it by the end of its step.
MIN_REQUESTS = 150
STEPS = {"steps": [{"weight": 50, "pauseSeconds": 2}], "minRequests": MIN_REQUESTS}
SPEC: Manifest = {
    "parity": {"maxChangedFraction": 0, "minRows": 2},
    "strategy": {"type": "Canary", "canary": STEPS},
}
BEFORE: Manifest = {"parity": None, "strategy": {"type": "BlueGreen", "canary": None}}


@pytest.fixture(scope="module")
def careful(serving: Stand) -> Iterator[Stand]:
    """The served model, whose next version has to answer alike and then takes half of the clients first."""
    _change(serving, SPEC)
    yield serving
    _change(serving, BEFORE)


def _change(serving: Stand, spec: Manifest) -> None:
    kubectl("patch", serving.resource, "--type=merge", f"--patch={json.dumps({'spec': spec})}")


def test_a_version_that_answers_otherwise_is_rejected_with_the_figures(careful: Stand):
    rejected = rejection(careful, "otherwise")
    assert rejected["reason"] == "ParityFailed"
    assert rejected["message"] == "2 of 2 rows changed (100 %, at most 0 %); first: row 1: 0.0 → 1.0."


def _says(serving: Stand, words: str) -> str:
    """The candidate's message, once it has these words."""
    message = str((serving.read()["status"].get("candidate") or {}).get("message", ""))
    return message if words in message else ""


def test_a_canary_that_clients_ask_too_little_is_sent_its_own_example_and_takes_over(careful: Stand):
    before = careful.serving()
    with careful.load() as load:
        good = careful.follow_the_other_good_one()
        said = poll(
            lambda: _says(careful, f"It waits for {MIN_REQUESTS}. Its own input example is sent"), "a canary"
        )
        careful.wait_until_complete(good)
    assert said.startswith("Its share of the requests is 50 %.")
    assert load.failures == []
    assert set(load.first_seen) == {before, good}
    assert careful.read()["status"].get("rejected", []) == []
