"""The pages of docs/ speak of what is there."""

import re
from pathlib import Path

import pytest
from modelcycle.api.meta import Model
from modelcycle.api.modeldeployment import (
    Canary,
    CanaryStep,
    ModelDeploymentSpec,
    Parity,
    Requirement,
    Strategy,
)
from modelcycle.api.trainingschedule import TrainingScheduleSpec, TrainingScheduleStatus
from modelcycle.api.trainingsweep import TrainingSweepSpec
from modelcycle.api.way_in import Auth, Gateway, Route
from modelcycle.runtime.resources import BY_KIND
from modelcycle.runtime.write import refused

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("page", "spec"), [("schedule.md", TrainingScheduleSpec), ("sweep.md", TrainingSweepSpec)]
)
def test_a_page_names_every_field_of_its_kind(page: str, spec: type[Model]) -> None:
    named = re.findall(r"`(\w+)`", (ROOT / "docs" / page).read_text())
    assert {field.alias or name for name, field in spec.model_fields.items()} <= set(named)


def test_the_page_of_deployments_names_no_field_that_is_not_there() -> None:
    page = (ROOT / "docs/modeldeployment.md").read_text()
    known = {
        field.alias or name
        for model in (
            Strategy,
            Canary,
            CanaryStep,
            Parity,
            Requirement,
            Route,
            Gateway,
            Auth,
            ModelDeploymentSpec,
        )
        for name, field in model.model_fields.items()
    }
    assert set(re.findall(r"`([a-z]+[A-Z]\w*)`", page)) <= known


def test_the_reasons_that_the_page_of_deployments_names_are_given() -> None:
    page = (ROOT / "docs/modeldeployment.md").read_text()
    sources = (ROOT / "operator/modelcycle").rglob("*.py")
    code = "".join(path.read_text() for path in sources)
    # The API server's no to a child is named after its kind.
    code += "".join(f'"{refused({"kind": kind}, 422, "").reason}"' for kind in BY_KIND)
    kinds = {"BlueGreen", "Canary", "Recreate"}
    for reason in set(re.findall(r"`([A-Z][a-z]+[A-Z]\w*)`", page)) - kinds:
        assert f'"{reason}"' in code, reason


def test_the_page_of_schedules_names_no_field_that_is_not_there() -> None:
    page = (ROOT / "docs/schedule.md").read_text()
    fields = {
        field.alias or name
        for model in (TrainingScheduleSpec, TrainingScheduleStatus)
        for name, field in model.model_fields.items()
    }
    camel_case = set(re.findall(r"`([a-z]+[A-Z]\w*)`", page))
    assert camel_case <= fields
