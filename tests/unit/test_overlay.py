"""What a pod template becomes under an overlay."""

from typing import Any

import pytest
from modelcycle.api.pod import PodTemplate
from modelcycle.overlay import OverlayError, laid_over

TRAIN = {"name": "train", "image": "a:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}


def spec_of(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    made = laid_over({"metadata": {}, "spec": base}, PodTemplate(spec=overlay))
    found: dict[str, Any] = made["spec"]
    return found


@pytest.mark.parametrize(
    ("base", "overlay", "expected"),
    [
        pytest.param({}, {"nodeSelector": {"gpu": "a100"}}, {"nodeSelector": {"gpu": "a100"}}, id="added"),
        pytest.param(
            {"securityContext": {"runAsUser": 1, "runAsNonRoot": True}},
            {"securityContext": {"runAsUser": 2}},
            {"securityContext": {"runAsUser": 2, "runAsNonRoot": True}},
            id="of a map, field for field",
        ),
        pytest.param(
            {"securityContext": {"runAsUser": 1, "runAsNonRoot": True}},
            {"securityContext": {"runAsUser": None}},
            {"securityContext": {"runAsNonRoot": True}},
            id="removed by null",
        ),
        pytest.param({"a": 1}, {"b": None}, {"a": 1}, id="not there and not wanted"),
        pytest.param(
            {"tolerations": [{"key": "a"}]},
            {"tolerations": [{"key": "b"}]},
            {"tolerations": [{"key": "b"}]},
            id="of a list without a key, as a whole",
        ),
        pytest.param(
            {"containers": [TRAIN]},
            {"containers": [{"name": "train", "image": "b:1"}]},
            {"containers": [{**TRAIN, "image": "b:1"}]},
            id="of a list of containers, by name",
        ),
        pytest.param(
            {"containers": [TRAIN]},
            {"containers": [{"name": "sidecar", "env": [{"name": "C", "value": "3"}]}]},
            {"containers": [TRAIN, {"name": "sidecar", "env": [{"name": "C", "value": "3"}]}]},
            id="one more container, after the others",
        ),
        pytest.param(
            {"containers": [TRAIN, {"name": "sidecar"}]},
            {"containers": [{"name": "sidecar", "$patch": "delete"}]},
            {"containers": [TRAIN]},
            id="a container less",
        ),
        pytest.param(
            {"containers": [TRAIN]},
            {"containers": [{"name": "train", "env": [{"name": "B", "valueFrom": {"fieldRef": {}}}]}]},
            {
                "containers": [
                    {**TRAIN, "env": [TRAIN["env"][0], {"name": "B", "valueFrom": {"fieldRef": {}}}]}
                ]
            },
            id="a variable, as a whole",
        ),
        pytest.param(
            {"volumes": [{"name": "tmp", "emptyDir": {}}]},
            {"volumes": [{"name": "tmp", "nfs": {"server": "s", "path": "/"}}]},
            {"volumes": [{"name": "tmp", "nfs": {"server": "s", "path": "/"}}]},
            id="a volume, as a whole",
        ),
        pytest.param(
            {"containers": [{"name": "c", "volumeMounts": [{"name": "a", "mountPath": "/a"}]}]},
            {
                "containers": [
                    {"name": "c", "volumeMounts": [{"name": "a", "mountPath": "/a", "subPath": "b"}]}
                ]
            },
            {
                "containers": [
                    {"name": "c", "volumeMounts": [{"name": "a", "mountPath": "/a", "subPath": "b"}]}
                ]
            },
            id="a mount, by its path",
        ),
        pytest.param(
            {
                "containers": [
                    {"name": "c", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}
                ]
            },
            {"containers": [{"name": "c", "env": [{"name": "A", "value": "3"}]}]},
            {
                "containers": [
                    {"name": "c", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "3"}]}
                ]
            },
            id="of a variable that is there twice, the one that counts",
        ),
        pytest.param(
            {"dnsConfig": "odd"}, {"dnsConfig": {"a": 1}}, {"dnsConfig": {"a": 1}}, id="another type"
        ),
    ],
)
def test_a_field_is(base: dict[str, Any], overlay: dict[str, Any], expected: dict[str, Any]) -> None:
    assert spec_of(base, overlay) == expected


def test_labels_and_annotations_are_merged() -> None:
    overlay = PodTemplate.model_validate(
        {"metadata": {"labels": {"b": "2"}, "annotations": {"c": "3"}}, "spec": {}}
    )
    made = laid_over({"metadata": {"labels": {"a": "1"}}, "spec": {}}, overlay)
    assert made["metadata"] == {"labels": {"a": "1", "b": "2"}, "annotations": {"c": "3"}}


def test_what_was_there_before_is_left_as_it_was() -> None:
    base = {"containers": [{"name": "train", "env": []}]}
    spec_of(base, {"containers": [{"name": "train", "env": [{"name": "A"}]}], "volumes": [{"name": "v"}]})
    assert base == {"containers": [{"name": "train", "env": []}]}


@pytest.mark.parametrize(
    ("overlay", "words"),
    [
        ({"restartPolicy": "OnFailure"}, "spec.podTemplate.spec.restartPolicy may not be set"),
        (
            {"volumes": {"name": "v"}},
            "spec.podTemplate.spec.volumes is to be a list of objects, each with a 'name'",
        ),
        ({"volumes": ["v"]}, "is to be a list of objects"),
        ({"containers": [{"image": "i"}]}, "spec.podTemplate.spec.containers is to be a list of objects"),
        (
            {"containers": [{"name": "train", "ports": [{"name": "http"}]}]},
            "spec.podTemplate.spec.containers[train].ports is to be a list of objects, each with a 'containerPort'",
        ),
        ({"securityContext": {"$patch": "replace"}}, "spec.podTemplate.spec.securityContext has '$patch'"),
        ({"containers": [{"name": "train", "$patch": "replace"}]}, "has '$patch'"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_overlay_that_cannot_be_laid_over_says_where(overlay: dict[str, Any], words: str) -> None:
    with pytest.raises(OverlayError) as refused:
        spec_of({"containers": [TRAIN]}, overlay)
    assert words in str(refused.value)


def test_a_field_beside_spec_is_a_mistake() -> None:
    with pytest.raises(OverlayError, match=r"has the fields metadata and spec, and no sepc\."):
        laid_over({}, PodTemplate.model_validate({"spec": {}, "sepc": {}}))
