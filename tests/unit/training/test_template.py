"""What a TrainingRun that is made from a template looks like."""

from modelcycle.api.trainingrun import RunTemplate
from modelcycle.plan import MANAGED_BY
from modelcycle.training import template

from tests.builders.resources import a_training_run

OWNER = a_training_run("nightly").build().metadata


def test_a_run_from_a_template_has_its_spec_labels_and_annotations_and_goes_with_its_owner() -> None:
    given = RunTemplate.model_validate(
        {
            "metadata": {"labels": {"team": "a", "owner": "theirs"}, "annotations": {"why": "because"}},
            "spec": {"args": ["--fast"]},
        }
    )
    made = template.run("TrainingSchedule", OWNER, given, "nightly-1", {"owner": "ours"})
    assert made["metadata"]["labels"] == {**MANAGED_BY, "team": "a", "owner": "ours"}
    assert made["metadata"]["annotations"] == {"why": "because"}
    assert made["metadata"]["ownerReferences"][0]["uid"] == OWNER.uid
    assert made["spec"]["args"] == ["--fast"]
