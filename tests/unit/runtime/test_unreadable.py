"""A stored object that this operator cannot read."""

from datetime import datetime

import pytest
from modelcycle.api.trainingrun import TrainingRun
from modelcycle.plan import Body, Plan
from modelcycle.runtime.unreadable import forgotten, plan, recovered
from pydantic import ValidationError

from tests.builders.base import NOW, ago, condition
from tests.builders.resources import a_training_run

WRONG = a_training_run().with_spec(backoffLimit="many").with_status(phase="Running", jobUID="job-uid")


def said(body: Body, now: datetime = NOW) -> Body:
    with pytest.raises(ValidationError) as error:
        TrainingRun.model_validate(body)
    made = plan(body, error.value, now)
    assert made.status
    return made.status.wire()


def test_it_says_which_field_and_what_to_do_and_keeps_the_rest_of_status() -> None:
    status = said(WRONG.body())
    assert (status["phase"], status["jobUID"]) == ("Running", "job-uid")
    (stalled,) = status["conditions"]
    assert (stalled["type"], stalled["status"], stalled["reason"]) == ("Stalled", "True", "InvalidObject")
    assert "spec.backoffLimit: Input should be a valid integer" in stalled["message"]
    assert "to the same release" in stalled["message"]


def test_a_second_look_says_nothing_new() -> None:
    first = said(WRONG.body(), ago(60))
    assert said(WRONG.but(status=first).body()) == first


def test_a_status_of_another_release_is_kept_as_it_is() -> None:
    run = a_training_run().with_status(phase="Dreaming", dream="sheep", conditions=[condition("Asleep")])
    status = said(run.body())
    assert (status["phase"], status["dream"]) == ("Dreaming", "sheep")
    assert [c["type"] for c in status["conditions"]] == ["Asleep", "Stalled"]


def test_once_it_can_be_read_the_condition_goes_and_others_stay() -> None:
    other = condition("Stalled", reason="ClaimNotFound")
    unread = condition("Stalled", reason="InvalidObject")
    assert forgotten(a_training_run().with_status(conditions=[other]).body())["status"]["conditions"] == [
        other
    ]
    body = forgotten(a_training_run().with_status(conditions=[unread, condition("Suspended")]).body())
    assert [c["type"] for c in body["status"]["conditions"]] == ["Suspended"]


def test_that_is_written_also_where_there_is_nothing_else_to_say() -> None:
    body = forgotten(
        a_training_run().with_status(conditions=[condition("Stalled", reason="InvalidObject")]).body()
    )
    made = recovered(body, Plan(look_again=5))
    assert made.status
    assert made.status.wire() == {"conditions": []}
    assert made.look_again == 5
