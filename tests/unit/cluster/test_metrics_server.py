"""metrics-server as an option of the cluster."""

from cluster import metrics_server


def test_its_manifests_run_the_image_that_is_built() -> None:
    assert f"image: {metrics_server.TAG}\n" in metrics_server.MANIFESTS.read_text()
