"""What makes a revision another one, and what does not."""

from dataclasses import replace
from typing import Any

import pytest
from modelcycle.defaults import Defaults
from modelcycle.registry import Version
from modelcycle.serving import manifests
from modelcycle.serving.revision import claim_name, image, name

from tests.builders.base import DEFAULTS
from tests.builders.registry import a_version
from tests.builders.resources import ModelDeploymentBuilder, a_model_deployment


def named(
    deployment: ModelDeploymentBuilder | None = None,
    version: Version | None = None,
    defaults: Defaults = DEFAULTS,
) -> str:
    return name((deployment or a_model_deployment()).build(), defaults, version or a_version(2))


def test_a_revision_is_named_after_its_version() -> None:
    prefix, _, digest = named().partition("-")
    assert prefix == "v2"
    assert len(digest) == 8


def test_the_name_of_a_revision_is_the_same_in_every_process() -> None:
    """A change of this value restarts every pod of every installation: raise TEMPLATE_FORMAT knowingly."""
    assert named() == "v2-a55ce097"


@pytest.mark.parametrize(
    "field",
    [
        {"image": "own/serve:2"},
        {"resources": {"limits": {"memory": "1Gi"}}},
        {"env": [{"name": "OMP_NUM_THREADS", "value": "1"}]},
        {"storage": {"claimName": "other"}},
        {"requirements": "Image"},
        {"selfTest": {"mode": "Load"}},
        {"trust": "NoPickle"},
        {"batching": {}},
        {"auth": {"secretName": "clients"}},
    ],
    ids=lambda field: next(iter(field)),
)
def test_pods_are_replaced_by_a_change_of(field: dict[str, Any]) -> None:
    assert named(a_model_deployment().with_spec(**field)) != named()


@pytest.mark.parametrize(
    "field",
    [
        {"replicas": 5},
        {"progressDeadlineSeconds": 60},
        {"keepPreviousSeconds": 10},
        {"model": {"alias": "challenger"}},
        {"image": DEFAULTS.serve_image},
        {"storage": {"claimName": DEFAULTS.claim_name}},
        {"env": []},
        {"requirements": "Install"},
        {"selfTest": {"timeoutSeconds": 30}},
        {"trust": "Any"},
    ],
    ids=str,
)
def test_no_pod_is_replaced_by(field: dict[str, Any]) -> None:
    assert named(a_model_deployment().with_spec(**field)) == named()


@pytest.mark.parametrize(
    "field", [{"created": 1}, {"source": "models:/m-other"}, {"name": "wine"}], ids=lambda f: next(iter(f))
)
def test_a_version_of_the_same_number_is_another_one_by_its(field: dict[str, Any]) -> None:
    assert named(version=replace(a_version(2), **field)) != named()


@pytest.mark.parametrize("field", [{"status": "PENDING"}, {"run_id": "moved"}], ids=lambda f: next(iter(f)))
def test_a_version_stays_the_same_whatever_its(field: dict[str, Any]) -> None:
    assert named(version=replace(a_version(2), **field)) == named()


def test_an_upgrade_of_the_chart_replaces_pods_by_its_serve_image_alone() -> None:
    other = replace(DEFAULTS, train_image="t:2", tracking_uri="http://elsewhere", image_pull_policy="Always")
    assert named(defaults=other) == named()
    assert named(defaults=replace(DEFAULTS, serve_image="modelcycle/serve:2")) != named()


def test_a_deployment_with_an_image_of_its_own_is_not_touched_by_the_charts() -> None:
    own = a_model_deployment().with_spec(image="own/serve:2")
    assert named(own, defaults=replace(DEFAULTS, serve_image="modelcycle/serve:2")) == named(own)


def test_image_and_claim_are_the_charts_unless_the_spec_names_others() -> None:
    plain, own = a_model_deployment(), a_model_deployment().with_spec(image="own/serve:2").on_claim("other")
    assert (image(plain.build(), DEFAULTS), claim_name(plain.build(), DEFAULTS)) == (
        "modelcycle/serve:1",
        "mlruns",
    )
    assert (image(own.build(), DEFAULTS), claim_name(own.build(), DEFAULTS)) == ("own/serve:2", "other")


def test_the_longest_names_fit_a_label() -> None:
    deployment = a_model_deployment("m" * 40)
    revision = deployment.revision(9_999_999_999)
    assert len(manifests.child_name(deployment.build(), revision.name)) <= 63
