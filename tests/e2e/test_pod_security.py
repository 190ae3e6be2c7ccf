"""No pod needs more than the restricted Pod Security Standard lets it have."""

from tests.e2e.kube import items, run
from tests.e2e.stand import Stand

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


def test_every_pod_that_there_is_fits_the_restricted_pod_security_standard(serving: Stand):
    kinds = {one for pod in items("pods") for one in pod["metadata"]["labels"]}
    assert kinds >= {
        "modelcycle.dev/trainingrun",
        "modelcycle.dev/modeldeployment",
        "app.kubernetes.io/component",
    }
    # The API server answers with a line for each pod that the level would not admit.
    asked = run("label", "--dry-run=server", "namespace", "default", RESTRICTED)
    assert (asked.returncode, asked.stderr) == (0, "")
    control = run("label", "--dry-run=server", "namespace", "kube-system", RESTRICTED)
    assert "violate the new PodSecurity enforce level" in control.stderr
