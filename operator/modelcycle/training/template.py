"""A TrainingRun that another resource of ours makes and owns."""

from collections.abc import Mapping

from modelcycle.api import API_VERSION
from modelcycle.api.meta import ObjectMeta
from modelcycle.api.trainingrun import RunTemplate, TemplateMeta
from modelcycle.plan import Body, owned_metadata


def run(kind: str, owner: ObjectMeta, template: RunTemplate, name: str, labels: Mapping[str, str]) -> Body:
    """A TrainingRun of the template's spec, labels and annotations; collected with its owner.

    labels: those that find the runs of an owner again; they win over the template's.
    """
    given = template.metadata or TemplateMeta()
    return {
        "apiVersion": API_VERSION,
        "kind": "TrainingRun",
        "metadata": owned_metadata(kind, owner, name, {**(given.labels or {}), **labels}, given.annotations),
        "spec": template.spec.wire(),
    }
