"""What the examples and the pages show is what a real API server takes, and so is the Job that is made of it."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from modelcycle.api.trainingrun import TrainingRun
from modelcycle.training.job import job

from tests.builders.base import DEFAULTS
from tests.integration.apiserver import ROOT
from tests.integration.kube import Body
from tests.integration.world import World

API_VERSION = "modelcycle.dev/v1alpha1"
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
PAGES = "".join(
    (ROOT / "docs" / page).read_text() for page in ("trainingrun.md", "sweep.md", "modeldeployment.md")
)
FRAGMENTS = re.findall(r"^```yaml\n(.*?)^```", PAGES, re.DOTALL | re.MULTILINE)


def create(world: World, body: Body) -> Body:
    """What the API server would make of it."""
    words = ("create", "--dry-run=server", "--output=json", "--filename=-")
    made: Body = json.loads(world.kubectl(*words, body=json.dumps(body)).stdout)
    return made


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_can_be_created(world: World, path: Path):
    for body in yaml.safe_load_all(path.read_text()):
        _judge(world, create(world, body))


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=lambda text: text.split(":")[0].strip())
def test_what_the_page_shows_can_be_created(world: World, fragment: str):
    shown: Any = yaml.safe_load(textwrap.dedent(fragment))
    whole = {"apiVersion": API_VERSION, "kind": "TrainingRun", "metadata": {"name": "shown"}, "spec": shown}
    _judge(world, create(world, shown if "apiVersion" in shown else whole))


def _judge(world: World, made: Body) -> None:
    if made["kind"] == "TrainingRun":
        create(world, job(TrainingRun.model_validate(made), DEFAULTS))
