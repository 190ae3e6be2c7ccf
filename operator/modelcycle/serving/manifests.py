"""The Deployment of a revision, and the Service that clients use."""

from modelcycle.api.modeldeployment import Batching, ModelDeployment
from modelcycle.defaults import Defaults
from modelcycle.overlay import OverlayError, laid_over
from modelcycle.plan import (
    DEPLOYMENT_LABEL,
    REVISION_LABEL,
    TMP,
    VERSION_LABEL,
    Body,
    literal,
    owned_metadata,
    restricted_container,
    restricted_pod,
)
from modelcycle.serving import auth
from modelcycle.serving.revision import Revision, claim_name, image

CONTAINER, PREPARE = "serve", "prepare"
PORT = 3000
# Where both containers see the cache of the shared volume.
CACHE = "/cache"
# How long a pod that was told to end goes on answering, until every node has forgotten its address.
DRAIN_SECONDS = 10
GRACE_SECONDS = DRAIN_SECONDS + 30


def child_name(deployment: ModelDeployment, revision: str) -> str:
    """Name of a revision's Deployment, and of its Service where it has one."""
    return f"{deployment.metadata.name}-{revision}"


def labels(deployment: ModelDeployment, revision: str) -> dict[str, str]:
    """What selects the pods of one revision."""
    return {DEPLOYMENT_LABEL: deployment.metadata.name, REVISION_LABEL: revision}


def url(deployment: ModelDeployment) -> str:
    """Where clients in the cluster reach the model."""
    return f"http://{deployment.metadata.name}.{deployment.metadata.namespace}.svc"


def revision_deployment(
    deployment: ModelDeployment, defaults: Defaults, revision: Revision, replicas: int
) -> Body:
    """An apps/v1 Deployment whose pods serve one revision. Only its replicas change afterwards.

    Raises:
        OverlayError: spec.podTemplate cannot be merged into the pod.
    """
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
            "replicas": replicas,
            "revisionHistoryLimit": 0,
            "progressDeadlineSeconds": deployment.spec.progress_deadline_seconds,
            "selector": {"matchLabels": selector},
            "template": _template(deployment, defaults, revision, metadata["labels"]),
        },
    }


def overlay_problem(deployment: ModelDeployment, defaults: Defaults, revision: Revision) -> str:
    """Why spec.podTemplate cannot be merged into the pod, or ""."""
    try:
        _template(deployment, defaults, revision, {})
    except OverlayError as error:
        return str(error)
    return ""


def _template(
    deployment: ModelDeployment, defaults: Defaults, revision: Revision, marks: dict[str, str]
) -> Body:
    made: Body = {"metadata": {"labels": marks}, "spec": _pod(deployment, defaults, revision)}
    if deployment.spec.pod_template is None:
        return made
    overlaid = laid_over(made, deployment.spec.pod_template)
    overlaid["metadata"]["labels"] |= marks
    if not any(container["name"] == CONTAINER for container in overlaid["spec"].get("containers", ())):
        raise OverlayError(f"spec.podTemplate may not remove the container {CONTAINER!r}: it is what serves.")
    return overlaid


def _pod(deployment: ModelDeployment, defaults: Defaults, revision: Revision) -> Body:
    # The volume of a pod is mounted once, so that it is each mount that is read-only.
    claim = {"claimName": claim_name(deployment, defaults)}
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": restricted_pod(),
        # One node less is not the end of all of them.
        "topologySpreadConstraints": [
            {
                "topologyKey": "kubernetes.io/hostname",
                "maxSkew": 1,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": labels(deployment, revision.name)},
            }
        ],
        "initContainers": [_prepare(deployment, defaults, revision)],
        "containers": [_container(deployment, defaults, revision)],
        "volumes": [
            {"name": "mlruns", "persistentVolumeClaim": claim},
            {"name": "tmp", "emptyDir": {}},
            *auth.volumes(deployment),
        ],
    }


def _prepare(deployment: ModelDeployment, defaults: Defaults, revision: Revision) -> Body:
    """Fetches and installs what the version needs into the cache, which it alone may write."""
    own = [
        {"name": "MLFLOW_TRACKING_URI", "value": defaults.tracking_uri},
        {"name": "MODELCYCLE_MODEL_URI", "value": literal(revision.uri)},
        {"name": "MODELCYCLE_REQUIREMENTS", "value": deployment.spec.requirements},
        {"name": "MODELCYCLE_CACHE", "value": CACHE},
    ]
    env_from = [variables.wire() for variables in deployment.spec.env_from or ()]
    if defaults.registry_secret:
        env_from.append({"secretRef": {"name": defaults.registry_secret, "optional": True}})
    return {
        "name": PREPARE,
        **_shared(deployment, defaults, revision, own, cache_read_only=False),
        "command": ["python", "-m", "modelserver.prepare"],
        **({"envFrom": env_from} if env_from else {}),
    }


def _container(deployment: ModelDeployment, defaults: Defaults, revision: Revision) -> Body:
    test = deployment.spec.self_test
    env_from = [variables.wire() for variables in deployment.spec.env_from or ()]
    own = [
        {"name": "MODELCYCLE_SELF_TEST_MODE", "value": test.mode},
        {"name": "MODELCYCLE_SELF_TEST_TIMEOUT_SECONDS", "value": str(test.timeout_seconds)},
        {"name": "MODELCYCLE_DRAIN_SECONDS", "value": str(DRAIN_SECONDS)},
        {"name": "PORT", "value": str(PORT)},
        *_batching(deployment.spec.batching),
        *auth.environment(deployment, defaults, revision.name),
    ]
    shared = _shared(deployment, defaults, revision, own, cache_read_only=True)
    return {
        "name": CONTAINER,
        **shared,
        "volumeMounts": [*shared["volumeMounts"], *auth.mounts(deployment)],
        **({"envFrom": env_from} if env_from else {}),
        "ports": [{"name": "http", "containerPort": PORT}],
        # Ready is proven: loaded, and its own example answered. A slow start is the deadline's business.
        "startupProbe": _probe("/readyz", period=1, failures=deployment.spec.progress_deadline_seconds),
        "readinessProbe": _probe("/readyz", period=2, failures=3),
        "livenessProbe": _probe("/livez", period=10, failures=6),
    }


def _shared(
    deployment: ModelDeployment,
    defaults: Defaults,
    revision: Revision,
    env: list[Body],
    cache_read_only: bool,
) -> Body:
    """What both containers have in common."""
    spec, version = deployment.spec, revision.version
    return {
        "image": image(deployment, defaults),
        "imagePullPolicy": defaults.image_pull_policy,
        "env": [
            *(variable.wire() for variable in spec.env or ()),
            {"name": "MODELCYCLE_MODEL_NAME", "value": literal(version.name)},
            {"name": "MODELCYCLE_MODEL_VERSION", "value": str(version.number)},
            {"name": "MODELCYCLE_MODEL_PATH", "value": literal(revision.path)},
            {"name": "MODELCYCLE_TRUST", "value": spec.trust},
            *env,
        ],
        **({"resources": spec.resources.wire()} if spec.resources else {}),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted_container(),
        "volumeMounts": [
            {"name": "mlruns", "mountPath": defaults.mount_path, "subPath": "mlruns", "readOnly": True},
            {"name": "mlruns", "mountPath": CACHE, "subPath": "cache", "readOnly": cache_read_only},
            {"name": "tmp", "mountPath": TMP},
        ],
    }


def _batching(batching: Batching | None) -> list[Body]:
    if batching is None:
        return []
    return [
        {"name": "MODELCYCLE_BATCH_MAX_ROWS", "value": str(batching.max_batch_size)},
        {"name": "MODELCYCLE_BATCH_MAX_LATENCY_MS", "value": str(batching.max_latency_ms)},
    ]


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
    return _service(deployment, revision, name, {DEPLOYMENT_LABEL: name})


def revision_service(deployment: ModelDeployment, revision: str) -> Body:
    """The v1 Service of one revision alone, to which an HTTPRoute leads a share."""
    return _service(deployment, revision, child_name(deployment, revision), labels(deployment, revision))


def _service(deployment: ModelDeployment, revision: str, name: str, marks: dict[str, str]) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": owned_metadata("ModelDeployment", deployment.metadata, name, marks),
        "spec": {
            "selector": labels(deployment, revision),
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }
