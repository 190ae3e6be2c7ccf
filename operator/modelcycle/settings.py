"""The operator's settings: environment variables, read once into one frozen object."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

PullPolicy = Literal["Always", "IfNotPresent", "Never"]


@dataclass(frozen=True)
class Settings:
    """
    Attributes:
        namespaces: those that are watched; none means all.
        ui_url: MLflow's address, as people reach it; "" where that is the tracking URI.
        poll_seconds: between two looks at the registry.
        webhook_url: where MLflow's webhook reaches this operator, or "": then only the poll sees changes.
        webhook_secret: what MLflow signs its deliveries with, and the operator makes its own tokens for serving pods of.
        orphan_sweep_seconds: between two looks for what is left in MLflow of resources that are gone: runs that
            go on, and tags that tell where a version serves.
        lease_name: the Lease by which replicas take turns, in namespace; "" for none (one replica only).
    """

    tracking_uri: str
    train_image: str
    serve_image: str
    ui_url: str = ""
    claim_name: str = "mlruns"
    mount_path: str = "/mlruns"
    image_pull_policy: PullPolicy = "IfNotPresent"
    registry_secret: str = ""
    namespaces: tuple[str, ...] = ()
    poll_seconds: float = 5
    orphan_sweep_seconds: float = 60
    workers: int = 16
    port: int = 8080
    log_level: str = "INFO"
    log_format: Literal["json", "plain"] = "json"
    pod_name: str = ""
    namespace: str = "default"
    lease_name: str = ""
    webhook_url: str = ""
    webhook_secret: str = ""


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from MODELCYCLE_* variables.

    Raises:
        SystemExit: with a sentence that names the variable that is missing or wrong.
    """

    def text(name: str, default: str | None = None) -> str:
        value = environment.get(f"MODELCYCLE_{name}") or default
        if value is None:
            raise SystemExit(
                f"MODELCYCLE_{name} is not set: the chart sets it; see operator/modelcycle/settings.py."
            )
        return value

    def number(name: str, default: float) -> float:
        value = text(name, str(default))
        try:
            return float(value)
        except ValueError:
            raise SystemExit(f"MODELCYCLE_{name} is {value!r}: it has to be a number.") from None

    policy = text("IMAGE_PULL_POLICY", "IfNotPresent")
    if policy not in get_args(PullPolicy):
        raise SystemExit(
            f"MODELCYCLE_IMAGE_PULL_POLICY is {policy!r}: it has to be one of {', '.join(get_args(PullPolicy))}."
        )
    return Settings(
        tracking_uri=text("TRACKING_URI").rstrip("/"),
        train_image=text("TRAIN_IMAGE"),
        serve_image=text("SERVE_IMAGE"),
        ui_url=text("UI_URL", "").rstrip("/"),
        claim_name=text("CLAIM_NAME", "mlruns"),
        mount_path=text("MOUNT_PATH", "/mlruns").rstrip("/"),
        image_pull_policy=policy,  # type: ignore[arg-type] # judged above
        registry_secret=text("REGISTRY_SECRET", ""),
        namespaces=tuple(name.strip() for name in text("NAMESPACES", "").split(",") if name.strip()),
        poll_seconds=number("POLL_SECONDS", 5),
        orphan_sweep_seconds=number("ORPHAN_SWEEP_SECONDS", 60),
        workers=int(number("WORKERS", 16)),
        port=int(number("PORT", 8080)),
        log_level=text("LOG_LEVEL", "INFO").upper(),
        log_format="plain" if text("LOG_FORMAT", "json") == "plain" else "json",
        pod_name=environment.get("POD_NAME") or platform.node(),
        namespace=environment.get("POD_NAMESPACE", "default"),
        lease_name=text("LEASE_NAME", ""),
        webhook_url=text("WEBHOOK_URL", ""),
        webhook_secret=text("WEBHOOK_SECRET", ""),
    )
