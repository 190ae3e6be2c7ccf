"""Whether a nudge, which says that the registry has changed, comes from our MLflow.

MLflow signs as https://www.standardwebhooks.com has it, over "<delivery id>.<timestamp>.<body>".
"""

import base64
import hmac
from collections.abc import Mapping

from modelcycle.api import GROUP

SIGNATURE, TIMESTAMP, DELIVERY = "X-MLflow-Signature", "X-MLflow-Timestamp", "X-MLflow-Delivery-Id"
# As the standard's own libraries have it; what is older may be a replay.
TOLERANCE_SECONDS = 300
WEBHOOK_NAME = GROUP
# (entity, action) of everything that can change what a reference means.
EVENTS = (
    ("MODEL_VERSION", "CREATED"),
    ("MODEL_VERSION_ALIAS", "CREATED"),
    ("MODEL_VERSION_ALIAS", "DELETED"),
)


def signed(secret: str, delivery: str, timestamp: str, body: bytes) -> str:
    """The signature that MLflow sends with these."""
    content = f"{delivery}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(secret.encode(), content, 'sha256')).decode()}"


def refusal(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
    """Why a nudge is not believed, or "". now: seconds since the epoch.

    Whether its delivery id was seen before is for the caller to know.
    """
    signature, timestamp, delivery = (headers.get(name, "") for name in (SIGNATURE, TIMESTAMP, DELIVERY))
    if not timestamp.isdecimal() or not delivery:
        return f"{TIMESTAMP} and {DELIVERY} are missing or wrong."
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return f"{TIMESTAMP} is more than {TOLERANCE_SECONDS} s away from the operator's clock."
    if not hmac.compare_digest(signature.encode(), signed(secret, delivery, timestamp, body).encode()):
        return f"{SIGNATURE} is not made with the webhook's secret."
    return ""
