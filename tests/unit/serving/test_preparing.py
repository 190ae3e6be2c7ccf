"""What the init container of a candidate says while it is at it, and how often it is asked."""

from dataclasses import replace

import pytest
from modelcycle.plan import Plan
from modelcycle.serving.manifests import PREPARE
from modelcycle.serving.plan import plan
from modelcycle.serving.preparing import EVERY_SECONDS, last_lines

from tests.builders.base import NOW, ago
from tests.builders.seen import a_deployment_seen


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("", ""),
        ('{"time": "now", "message": "pip: Collecting xgboost"}\n', "pip: Collecting xgboost"),
        ("not JSON\n[1]\n{}\n", "not JSON | [1] | {}"),
        ("a\nb\n\nc\nd\n", "b | c | d"),
        ("x" * 300, "x" * 200),
    ],
)
def test_the_end_of_a_log_is_its_last_three_messages(log: str, said: str) -> None:
    assert last_lines(log) == said


def preparing(progress: str) -> Plan:
    """Version 1 serves, and version 2 is installed."""
    seen = a_deployment_seen().following(1).served_by(1, since=ago(3600)).following(2).trying(2)
    installing = seen.with_deployment_of(2, seen.pod_of(2).initializing(PREPARE, ago(30)))
    return plan(replace(installing.observed(), progress=progress), NOW)


def test_what_it_says_is_what_the_candidate_waits_for() -> None:
    status = preparing("pip: Collecting xgboost").status
    assert status
    said = status.wire()["candidate"]["message"]
    assert said == "0 of 1 pods are ready. It is being prepared: pip: Collecting xgboost"


def test_it_is_asked_again_while_it_is_at_it() -> None:
    assert preparing("").look_again == EVERY_SECONDS
