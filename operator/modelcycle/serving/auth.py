"""The token that clients are asked for, and the operator's own, which needs no Secret to be read.

The operator makes its token of a key that it alone has, one for each revision; the pod is told the digest only, from
which nobody gets back to the token. So there is neither a right to read Secrets nor a door that asks for nothing.
"""

import hashlib
import hmac

from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.defaults import Defaults
from modelcycle.plan import Body
from modelcycle.pods import Told

KEY = "token"
FOLDER = "/auth"
_VOLUME = "auth"


def own_token(key: str, uid: str, revision: str) -> str:
    """What the operator sends with requests of its own to a revision of the ModelDeployment of that UID; "" without a key."""
    if not key:
        return ""
    return hmac.new(key.encode(), f"modelcycle serving {uid} {revision}".encode(), hashlib.sha256).hexdigest()


def environment(deployment: ModelDeployment, defaults: Defaults, revision: str) -> list[Body]:
    """What tells the serving container where tokens are."""
    if deployment.spec.auth is None:
        return []
    own = own_token(defaults.serving_key, deployment.metadata.uid, revision)
    digest = hashlib.sha256(own.encode()).hexdigest() if own else ""
    return [
        {"name": "MODELCYCLE_TOKEN_FILE", "value": f"{FOLDER}/{KEY}"},
        {"name": "MODELCYCLE_OPERATOR_DIGEST", "value": digest},
    ]


def mounts(deployment: ModelDeployment) -> list[Body]:
    """The folder whole: what is mounted by subPath would never change."""
    return [{"name": _VOLUME, "mountPath": FOLDER, "readOnly": True}] if deployment.spec.auth else []


def volumes(deployment: ModelDeployment) -> list[Body]:
    """The key must be there: until it is, the kubelet starts no pod."""
    if deployment.spec.auth is None:
        return []
    items = [{"key": KEY, "path": KEY}]
    return [{"name": _VOLUME, "secret": {"secretName": deployment.spec.auth.secret_name, "items": items}}]


def cure(deployment: ModelDeployment, told: Told) -> str:
    """What to do about a Secret that the kubelet misses, or ""."""
    auth, meta = deployment.spec.auth, deployment.metadata
    if auth is None or f'volume "{_VOLUME}"' not in told.message:
        return ""
    return (
        f"The Secret {auth.secret_name!r} that spec.auth.secretName names is missing, or has no key {KEY!r}: kubectl "
        f"create secret generic {auth.secret_name} --namespace {meta.namespace} --from-literal={KEY}=TOKEN. The pods "
        "start when it is there."
    )
