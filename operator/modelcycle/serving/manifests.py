"""The Deployment of a revision, and the Service that clients use."""

from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.defaults import Defaults
from modelcycle.plan import (
    DEPLOYMENT_LABEL,
    REVISION_LABEL,
    TMP,
    VERSION_LABEL,
    Body,
    owned_metadata,
    restricted_container,
    restricted_pod,
)
from modelcycle.serving.revision import Revision, claim_name, image

PORT = 3000
# How long a pod that was told to end goes on answering, until every node has forgotten its address.
DRAIN_SECONDS = 10
GRACE_SECONDS = DRAIN_SECONDS + 30


def child_name(deployment: ModelDeployment, revision: str) -> str:
    """Name of a revision's Deployment."""
    return f"{deployment.metadata.name}-{revision}"


def labels(deployment: ModelDeployment, revision: str) -> dict[str, str]:
    """What selects the pods of one revision."""
    return {DEPLOYMENT_LABEL: deployment.metadata.name, REVISION_LABEL: revision}


def url(deployment: ModelDeployment) -> str:
    """Where clients in the cluster reach the model."""
    return f"http://{deployment.metadata.name}.{deployment.metadata.namespace}.svc"


def revision_deployment(deployment: ModelDeployment, defaults: Defaults, revision: Revision) -> Body:
    """An apps/v1 Deployment whose pods serve one revision. Only its replicas change afterwards."""
    selector = labels(deployment, revision.name)
    marked = selector | {VERSION_LABEL: str(revision.version.number)}
    metadata = owned_metadata(
        "ModelDeployment", deployment.metadata, child_name(deployment, revision.name), marked
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": deployment.spec.replicas,
            "revisionHistoryLimit": 0,
            "progressDeadlineSeconds": deployment.spec.progress_deadline_seconds,
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": metadata["labels"]},
                "spec": _pod(deployment, defaults, revision),
            },
        },
    }


def _pod(deployment: ModelDeployment, defaults: Defaults, revision: Revision) -> Body:
    claim = {"claimName": claim_name(deployment, defaults), "readOnly": True}
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": restricted_pod(),
        "containers": [_container(deployment, defaults, revision)],
        "volumes": [
            {"name": "mlruns", "persistentVolumeClaim": claim},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _container(deployment: ModelDeployment, defaults: Defaults, revision: Revision) -> Body:
    spec, version = deployment.spec, revision.version
    return {
        "name": "serve",
        "image": image(deployment, defaults),
        "imagePullPolicy": defaults.image_pull_policy,
        "env": [
            *(variable.wire() for variable in spec.env or ()),
            {"name": "MODELCYCLE_MODEL_NAME", "value": version.name},
            {"name": "MODELCYCLE_MODEL_VERSION", "value": str(version.number)},
            {"name": "MODELCYCLE_MODEL_PATH", "value": revision.path},
            {"name": "MODELCYCLE_DRAIN_SECONDS", "value": str(DRAIN_SECONDS)},
            {"name": "PORT", "value": str(PORT)},
        ],
        **({"resources": spec.resources.wire()} if spec.resources else {}),
        "ports": [{"name": "http", "containerPort": PORT}],
        # Ready is proven: loaded, and its own example answered. A slow start is the deadline's business.
        "startupProbe": _probe("/readyz", period=1, failures=spec.progress_deadline_seconds),
        "readinessProbe": _probe("/readyz", period=2, failures=3),
        "livenessProbe": _probe("/livez", period=10, failures=6),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted_container(),
        "volumeMounts": [
            {"name": "mlruns", "mountPath": defaults.mount_path, "subPath": "mlruns", "readOnly": True},
            {"name": "tmp", "mountPath": TMP},
        ],
    }


def _probe(path: str, period: int, failures: int) -> Body:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def client_service(deployment: ModelDeployment, revision: str) -> Body:
    """The v1 Service that clients use. Its selector is the switch; everything else of it is its users' to set."""
    name = deployment.metadata.name
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owned_metadata("ModelDeployment", deployment.metadata, name, {DEPLOYMENT_LABEL: name}),
        "spec": {
            "selector": labels(deployment, revision),
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }
