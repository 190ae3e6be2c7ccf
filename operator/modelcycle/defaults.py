"""What the installation decides for resources that leave it open."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Defaults:
    """Set by the chart.

    Attributes:
        tracking_uri: MLflow's address, as pods reach it; ui_url: as people do.
        mount_path: where the mlruns folder of the shared volume is seen, in every pod.
        registry_secret: Secret of the resource's namespace with MLflow's credentials, or "".
        cluster: UID of the kube-system namespace: tells runs of several clusters on one MLflow apart.
        serving_key: what the operator's own tokens for serving pods are made of, or "".
    """

    tracking_uri: str
    ui_url: str
    train_image: str
    serve_image: str
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"]
    claim_name: str
    mount_path: str
    registry_secret: str
    cluster: str
    serving_key: str = field(default="", repr=False)
