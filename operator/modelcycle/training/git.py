"""A run's code from a git repository: the container that checks it out, and the commit that it reports.

The other side of the contract is train-image/source/fetch_source.py.
"""

from modelcycle.api.trainingrun import GitSource, TrainingRun
from modelcycle.defaults import Defaults
from modelcycle.plan import TMP, Body, SetTag, literal, restricted_container
from modelcycle.training.observed import COMMIT_TAG, Observed

CONTAINER = "source"
# Made by the container in the working folder's volume: git trusts a checkout only where its folder is the user's own.
CHECKOUT = "repository"
# The container's exit code where only another spec or Secret helps.
REFUSED_EXIT_CODE = 2
_SCRIPT = "/opt/source/fetch_source.py"
# Keys whose names are no variables' names where Kubernetes is older than 1.32.
_ODD_KEYS = {"SECRET_ssh_privatekey": "ssh-privatekey", "SECRET_ca_crt": "ca.crt"}


def container(run: TrainingRun, source: GitSource, defaults: Defaults, workspace: str) -> Body:
    """Checks the repository out into a folder of `workspace`, and leaves the commit as its termination message."""
    settings = {
        "SOURCE_URL": source.url,
        "SOURCE_REVISION": source.revision,
        "SOURCE_PATH": source.path or "",
        "SOURCE_FOLDER": f"{workspace}/{CHECKOUT}",
        "SOURCE_RECORD": f"{defaults.mount_path}/.modelcycle/commits/{run.metadata.uid}",
        "SOURCE_SECRET": source.secret_name or "",
    }
    env: list[Body] = [{"name": name, "value": literal(value)} for name, value in settings.items()]
    env_from: list[Body] = []
    if source.secret_name:
        # As variables: of a Secret that is missing the kubelet says so, and goes on when it is there.
        env_from.append({"prefix": "SECRET_", "secretRef": {"name": source.secret_name}})
        env += [_odd_key(source.secret_name, name, key) for name, key in _ODD_KEYS.items()]
    return {
        "name": CONTAINER,
        "image": defaults.train_image,
        "imagePullPolicy": defaults.image_pull_policy,
        "command": ["python", _SCRIPT],
        "env": env,
        "envFrom": env_from,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": restricted_container(),
        "volumeMounts": [
            {"name": "mlruns", "mountPath": defaults.mount_path, "subPath": "mlruns"},
            {"name": "source", "mountPath": TMP},
            {"name": "workspace", "mountPath": workspace},
        ],
    }


def _odd_key(secret: str, variable: str, key: str) -> Body:
    """A variable for a key that need not be there."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": True}}}


def failure_rules(run: TrainingRun) -> list[Body]:
    """Of the Job's podFailurePolicy: what another attempt cannot help is not tried again."""
    if run.spec.source is None or run.spec.source.git is None:
        return []
    codes = {"containerName": CONTAINER, "operator": "In", "values": [REFUSED_EXIT_CODE]}
    return [{"action": "FailJob", "onExitCodes": codes}]


def commit(observed: Observed) -> str | None:
    """What was checked out: the same in every pod of the run."""
    source = observed.run.spec.source
    if source is None or source.git is None:
        return None
    reported = [message for pod in observed.pods for name, message in pod.initialized if name == CONTAINER]
    return next((text for text in reported if text), observed.run.status.commit)


def tags(observed: Observed) -> tuple[SetTag, ...]:
    """The commit, for each MLflow run whose client did not find it out by itself."""
    found = commit(observed)
    runs = observed.results.runs if found and observed.results else ()
    return tuple(SetTag(run.run_id, COMMIT_TAG, found) for run in runs if found and not run.commit)
