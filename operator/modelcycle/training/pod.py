"""The pod of a TrainingRun's Job."""

from collections.abc import Mapping
from typing import Any

from modelcycle.api.trainingrun import TrainingRun
from modelcycle.defaults import Defaults
from modelcycle.overlay import OverlayError, laid_over
from modelcycle.plan import TMP, Body, restricted_container, restricted_pod
from modelcycle.training import nodes, source
from modelcycle.training.environment import environment, with_identity

CONTAINER = "train"


def claim_name(run: TrainingRun, defaults: Defaults) -> str:
    """The claim of the shared volume that the run's Job mounts."""
    return (run.spec.storage and run.spec.storage.claim_name) or defaults.claim_name


def template(run: TrainingRun, defaults: Defaults, labels: Mapping[str, str]) -> Body:
    """A v1 PodTemplateSpec, with the run's overlay. Raises OverlayError."""
    made: Body = {"metadata": {"labels": dict(labels)}, "spec": _spec(run, defaults)}
    if run.spec.pod_template is None:
        return made
    overlaid = laid_over(made, run.spec.pod_template)
    overlaid["metadata"]["labels"] |= labels
    container = next((c for c in overlaid["spec"].get("containers", ()) if c["name"] == CONTAINER), None)
    if container is None:
        raise OverlayError(f"spec.podTemplate may not remove the container {CONTAINER!r}: it is what trains.")
    container["env"] = with_identity(container.get("env", ()), run, defaults)
    return overlaid


def _spec(run: TrainingRun, defaults: Defaults) -> Body:
    """One container, under the restricted Pod Security Standard."""
    first = source.init_containers(run, defaults)
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        **nodes.pod_fields(run),
        "securityContext": restricted_pod(),
        **({"initContainers": first} if first else {}),
        "containers": [_container(run, defaults)],
        "volumes": [
            {"name": "mlruns", "persistentVolumeClaim": {"claimName": claim_name(run, defaults)}},
            {"name": "tmp", "emptyDir": {}},
            *source.volumes(run),
            *(volume.wire() for volume in run.spec.volumes or ()),
        ],
    }


def _container(run: TrainingRun, defaults: Defaults) -> Body:
    spec = run.spec
    env_from = [variables.wire() for variables in spec.env_from or ()]
    if defaults.registry_secret:
        env_from.append({"secretRef": {"name": defaults.registry_secret, "optional": True}})
    return {
        "name": CONTAINER,
        "image": spec.image or defaults.train_image,
        "imagePullPolicy": spec.image_pull_policy or defaults.image_pull_policy,
        **_present(command=spec.command, args=spec.args, workingDir=source.working_dir(run)),
        "env": environment(run, defaults),
        **({"envFrom": env_from} if env_from else {}),
        **({"resources": spec.resources.wire()} if spec.resources else {}),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        # Somebody else's image may write beside its code; ours has a working folder for that.
        "securityContext": restricted_container(read_only_root=spec.image is None),
        "volumeMounts": [
            {"name": "mlruns", "mountPath": defaults.mount_path, "subPath": "mlruns"},
            {"name": "tmp", "mountPath": TMP},
            *source.mounts(run),
            *(mount.wire() for mount in spec.volume_mounts or ()),
        ],
    }


def _present(**fields: Any) -> Body:
    return {name: value for name, value in fields.items() if value is not None}
