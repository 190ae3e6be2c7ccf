"""The whole loop on a real cluster: train, register, serve, predict, train again, roll out under load.

Run by `make demo`, after the cluster, the images and the chart are there. Needs kubectl and Python alone.
"""

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

from load import TIMEOUT_SECONDS, Load

ROOT = Path(__file__).parent.parent
KUBECTL = [str(ROOT / ".cluster/bin/kubectl"), "--kubeconfig", str(ROOT / ".cluster/kubeconfig")]
PORTS = json.loads((ROOT / ".cluster/ports.json").read_text())
MLFLOW_PORT, MODEL_NODE_PORT = PORTS["30500"], 30080
MODEL_PORT = PORTS[str(MODEL_NODE_PORT)]
REQUESTS_A_SECOND = 200
EXAMPLE = json.dumps(
    {
        "dataframe_split": {
            "columns": ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"],
            "data": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]],
        }
    }
)


def say(text):
    print(f"\n== {text}", flush=True)


def kubectl(*words, show=False):
    if show:
        print(f"$ kubectl {' '.join(words)}", flush=True)
    done = subprocess.run([*KUBECTL, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"kubectl {' '.join(words)} failed: {done.stderr.strip()}")
    if show:
        print(done.stdout.rstrip(), flush=True)
    return done.stdout.strip()


def resource(kind, name):
    return json.loads(kubectl("get", kind, name, "-o", "json"))


def train(say_what, *changes):
    """Creates a TrainingRun and waits for its end; answers the version that it registered."""
    say(say_what)
    text = (ROOT / "examples/runs/iris.yaml").read_text()
    for old, new in changes:
        text = text.replace(old, new)
    created = subprocess.run(
        [*KUBECTL, "create", "-o", "name", "-f", "-"], input=text, capture_output=True, text=True, check=False
    )
    if created.returncode:
        sys.exit(f"the TrainingRun was not taken: {created.stderr.strip()}")
    name = created.stdout.strip()
    print(f"$ kubectl create -f examples/runs/iris.yaml\n{name} created", flush=True)
    kubectl("wait", name, "--for=condition=Finished", "--timeout=600s", show=True)
    status = resource("trainingrun", name.split("/")[1])["status"]
    if status["phase"] != "Succeeded" or not status.get("version"):
        sys.exit(f"the training did not make a version: {status.get('reason')}: {status.get('message')}")
    print(f"It registered version {status['version']} of iris: {status['metric']}.", flush=True)
    return status["version"]


def wait_for_version(version):
    """Waits until the deployment is settled on a version, by the resource's own status."""
    path = "{.status.serving.version}"
    kubectl("wait", "modeldeployment/iris", f"--for=jsonpath={path}={version}", "--timeout=600s", show=True)
    kubectl("wait", "modeldeployment/iris", "--for=condition=Ready", "--timeout=120s", show=True)
    kubectl(
        "wait", "modeldeployment/iris", "--for=jsonpath={.status.reason}=RolloutComplete", "--timeout=300s"
    )


def wait_until_the_others_are_gone(version):
    """The version before is gone when its last pod is, which until then may still be asked."""
    others = f"modelcycle.dev/modeldeployment=iris,modelcycle.dev/version!={version}"
    kubectl("wait", "pods", "-l", others, "--for=delete", "--timeout=120s")


def open_node_port():
    """The client Service's type is its users' to choose; the operator only moves its selector."""
    port = {"port": 80, "nodePort": MODEL_NODE_PORT}
    kubectl("patch", "service", "iris", "-p", json.dumps({"spec": {"type": "NodePort", "ports": [port]}}))


def registered_at(version):
    """When MLflow registered a version, in seconds since the epoch, by its own clock: this machine's."""
    connection = http.client.HTTPConnection("127.0.0.1", MLFLOW_PORT, timeout=TIMEOUT_SECONDS)
    connection.request("GET", f"/api/2.0/mlflow/model-versions/get?name=iris&version={version}")
    return json.loads(connection.getresponse().read())["model_version"]["creation_timestamp"] / 1000


def predict():
    connection = http.client.HTTPConnection("127.0.0.1", MODEL_PORT, timeout=TIMEOUT_SECONDS)
    connection.request("POST", "/invocations", EXAMPLE, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    print(
        f"$ curl -H 'Content-Type: application/json' http://127.0.0.1:{MODEL_PORT}/invocations -d '{EXAMPLE}'"
    )
    print(f"{text}   (version {answer.getheader('X-Model-Version')})", flush=True)
    if answer.status != 200:
        sys.exit("the model did not answer the prediction")


def wait_until_answering():
    """A new NodePort takes a moment until every rule of it is in place."""
    end = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", MODEL_PORT, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            if time.monotonic() > end:
                raise
        time.sleep(0.2)


def report(load, version):
    took = time.time() - load.begun
    seconds = sorted(load.seconds)
    print(
        f"{load.answered} requests answered in {took:.0f} s ({load.answered / took:.0f} a second), "
        f"median {seconds[len(seconds) // 2] * 1000:.0f} ms, 99 % within {seconds[len(seconds) * 99 // 100] * 1000:.0f} ms; "
        f"{len(load.failures)} failed."
    )
    for failure in load.failures[:10]:
        print(f"  failed at {failure}")
    waited = load.first_seen[version] - registered_at(version)
    print(f"From the registry's change to the first answer of version {version}: {waited:.1f} s.", flush=True)


def main():
    say("The examples: the script as a ConfigMap, and a ModelDeployment that follows the newest iris")
    kubectl("apply", "-f", "examples/", show=True)
    wait_for_version(train("Train iris"))
    kubectl("get", "trainingruns,modeldeployments", show=True)

    say("Predict over HTTP")
    open_node_port()
    wait_until_answering()
    predict()

    with Load(MODEL_PORT, EXAMPLE, REQUESTS_A_SECOND) as load:
        version = train(
            f"Train again, with other parameters, under {REQUESTS_A_SECOND} requests a second",
            ('C: "0.1"', 'C: "10"'),
        )
        wait_for_version(version)
        wait_until_the_others_are_gone(version)
    report(load, version)
    kubectl("get", "trainingruns,modeldeployments", show=True)
    predict()
    say(f"MLflow's UI: http://127.0.0.1:{MLFLOW_PORT}   The model: http://127.0.0.1:{MODEL_PORT}/invocations")
    if load.failures:
        sys.exit(f"{len(load.failures)} requests failed during the rollout")


if __name__ == "__main__":
    main()
