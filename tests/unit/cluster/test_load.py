"""What loading an image tells the chart."""

import yaml

from cluster.load import restarts
from cluster.paths import REPOSITORY


def test_a_new_image_under_an_old_tag_changes_the_pods_of_the_operator_and_of_mlflow() -> None:
    assert restarts("a", "b") != restarts("c", "b")
    assert restarts("a", "b") != restarts("a", "c")


def test_the_values_are_ones_that_the_chart_has() -> None:
    chart = yaml.safe_load((REPOSITORY / "charts/modelcycle/values.yaml").read_text())
    for part, values in restarts("a", "b").items():
        assert values.keys() <= chart[part].keys()
