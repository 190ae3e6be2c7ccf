"""Which tags in the registry have to change, so that they tell where versions serve."""

import pytest
from modelcycle.serving.places import Place, VersionId, tag, told

ONE, TWO = ("iris", 1), ("iris", 2)


def test_each_cluster_has_a_tag_of_its_own() -> None:
    assert tag("5f2c") == "modelcycle.serving.5f2c"


@pytest.mark.parametrize(
    ("places", "found", "changes"),
    [
        pytest.param([], {}, {}, id="nothing serves"),
        pytest.param([("a/web", ONE)], {}, {ONE: "a/web"}, id="a version serves"),
        pytest.param([("a/web", ONE)], {ONE: "a/web"}, {}, id="all is told"),
        pytest.param([("a/web", TWO)], {ONE: "a/web"}, {ONE: "", TWO: "a/web"}, id="another takes over"),
        pytest.param([], {ONE: "a/web"}, {ONE: ""}, id="what was deleted serves no more"),
        pytest.param(
            [("b/web", ONE), ("a/web", ONE)],
            {ONE: "b/web"},
            {ONE: "a/web, b/web"},
            id="it serves at two places",
        ),
        pytest.param([("a/web", ONE)], {ONE: "a/web, b/web"}, {ONE: "a/web"}, id="one of two places is left"),
        pytest.param([], {ONE: "a/web, team/web"}, {ONE: "team/web"}, id="another operator tells of its own"),
        pytest.param([], {ONE: " ,,"}, {ONE: ""}, id="a value that names nobody"),
    ],
)
def test_the_tags_that_change(
    places: list[tuple[str, VersionId]], found: dict[VersionId, str], changes: dict[VersionId, str]
) -> None:
    made = [Place(deployment, version) for deployment, version in places]
    assert told(made, found, lambda namespace: namespace != "team") == changes
