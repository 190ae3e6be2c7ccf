"""The way in, on a real API server with the real kinds of the Gateway API: the tests play Gateway, kubelet and controllers."""

import datetime
import json

from kubernetes.dynamic.exceptions import NotFoundError

from tests.integration.kube import Body, eventually
from tests.integration.world import World

NAME = "way"
HOST = "way.example.org"
CANARY: Body = {"type": "Canary", "canary": {"steps": [{"weight": 10, "pauseSeconds": 3600}]}}


def routed(world: World) -> tuple[str, str]:
    found = world.condition("ModelDeployment", NAME, "Routed")
    return found.get("status", ""), found.get("reason", "")


def change(world: World, **spec: object) -> None:
    world.kube.patch("ModelDeployment", world.namespace, NAME, {"spec": spec})


def serve(world: World, version: int) -> str:
    """Plays the controllers until a version serves; its revision's Deployment."""
    deployment = world.revision(NAME, version)
    pods = world.ready_pods(deployment)
    eventually(lambda: world.selected(NAME), "clients are led to it")
    world.endpoints(NAME, *pods)
    return str(deployment["metadata"]["name"])


def gone(world: World, kind: str, name: str) -> bool:
    try:
        world.get(kind, name)
    except NotFoundError:
        return True
    return False


def test_an_ingress_comes_changes_and_goes_with_the_spec(world: World) -> None:
    world.mlflow.register("it-ingress")
    stranger = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": NAME},
        "spec": {"defaultBackend": {"service": {"name": "other", "port": {"number": 80}}}},
    }
    world.kubectl("create", "-f", "-", body=json.dumps(stranger))
    route = {"host": HOST, "ingressClassName": "nginx", "tlsSecretName": "way-tls"}
    world.deployment(NAME, {"name": "it-ingress", "latest": {}}, route=route)
    eventually(lambda: routed(world) == ("False", "NameTaken"), "somebody else's Ingress is said")
    serve(world, 1)
    inside = f"http://{NAME}.{world.namespace}.svc"
    eventually(lambda: world.status("ModelDeployment", NAME).get("url") == inside, "the way inside is said")
    world.kube.delete("Ingress", world.namespace, NAME)
    # A refusal that may pass is tried again after a while; a change of the spec is tried at once.
    change(world, replicas=2)
    eventually(lambda: routed(world) == ("True", "IngressMade"), "the Ingress is made")
    eventually(
        lambda: world.status("ModelDeployment", NAME)["url"] == f"https://{HOST}", "the way outside is said"
    )
    spec = world.get("Ingress", NAME)["spec"]
    assert (spec["ingressClassName"], spec["tls"]) == ("nginx", [{"hosts": [HOST], "secretName": "way-tls"}])
    change(world, route={"host": "other.example.org", "tlsSecretName": None})
    eventually(
        lambda: world.get("Ingress", NAME)["spec"]["rules"][0]["host"] == "other.example.org",
        "it is changed",
    )
    assert not world.get("Ingress", NAME)["spec"].get("tls")
    classless = json.dumps({"spec": {"route": {"ingressClassName": None}}})
    refused = world.kubectl("patch", "mdep", NAME, "--type=merge", "-p", classless, check=False)
    assert "an Ingress keeps its class until another one is named" in refused.stderr
    change(world, route={"ingressClassName": "traefik"})
    eventually(
        lambda: world.get("Ingress", NAME)["spec"]["ingressClassName"] == "traefik", "its class is changed"
    )
    change(world, route=None)
    eventually(lambda: gone(world, "Ingress", NAME), "it is gone")


def gateway_says(world: World, accepted: bool = True) -> None:
    """Plays the controller of the Gateway: it has taken the HTTPRoute as it is."""
    route = world.get("HTTPRoute", NAME)
    said = {
        "observedGeneration": route["metadata"]["generation"],
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "message": "" if accepted else "no listener takes it",
    }
    yes, no = "Accepted", "NotAllowedByListeners"
    conditions = [
        {**said, "type": "Accepted", "status": str(accepted), "reason": yes if accepted else no},
        {**said, "type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs"},
    ]
    parent = {"parentRef": {"name": "public", "namespace": "infra", "group": "gateway.networking.k8s.io"}}
    told = {**parent, "controllerName": "example.org/gateway", "conditions": conditions}
    world.kube.patch_status("HTTPRoute", world.namespace, NAME, {"parents": [told]})


def weights(world: World) -> dict[str, int]:
    (rule,) = world.get("HTTPRoute", NAME)["spec"]["rules"]
    return {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}


def test_a_canary_has_an_exact_share_by_a_gateway_and_its_pods_outlast_it(world: World) -> None:
    world.mlflow.register("it-gateway")
    gateway = {"name": "public", "namespace": "infra", "sectionName": "https", "tls": True}
    world.deployment(
        NAME,
        {"name": "it-gateway", "latest": {}},
        route={"host": HOST, "gateway": gateway},
        strategy=CANARY,
    )
    eventually(lambda: routed(world) == ("Unknown", "WaitingForGateway"), "the Gateway is waited for")
    gateway_says(world, accepted=False)
    eventually(lambda: routed(world) == ("False", "NotAllowedByListeners"), "its no is said")
    old = serve(world, 1)
    gateway_says(world)
    eventually(lambda: routed(world) == ("True", "Accepted"), "it is accepted")
    eventually(
        lambda: world.status("ModelDeployment", NAME).get("url") == f"https://{HOST}",
        "the way outside is said",
    )
    assert world.get("HTTPRoute", NAME)["spec"]["hostnames"] == [HOST]
    world.mlflow.register("it-gateway")
    new = world.revision(NAME, 2)
    name = new["metadata"]["name"]
    pods = world.ready_pods(new)
    eventually(lambda: world.get("Service", name), "the candidate has a Service")
    assert weights(world) == {NAME: 100}, "no request is led to a Service without endpoints"
    world.endpoints(name, *pods)
    eventually(lambda: weights(world) == {NAME: 90, name: 10}, "the share is asked for")
    assert world.selected(NAME) in old, "in the cluster clients stay with what serves"

    def candidate() -> Body:
        return world.status("ModelDeployment", NAME).get("candidate") or {}

    assert candidate().get("weight") == 0
    gateway_says(world)
    eventually(lambda: candidate().get("weight") == 10, "the share is seen")
    change(world, hold=True)
    eventually(lambda: weights(world) == {NAME: 100}, "the share goes back")
    eventually(lambda: not candidate(), "the candidate is given up")
    assert world.get("Deployment", name)["spec"]["replicas"] == 1, "the Gateway may lead to it still"
    gateway_says(world)
    eventually(lambda: gone(world, "Service", name), "its Service is gone")
    eventually(lambda: gone(world, "Deployment", name), "its pods are gone")
    change(world, route=None)
    eventually(lambda: gone(world, "HTTPRoute", NAME), "the way in is gone")


def test_a_secret_without_its_key_is_said_with_the_cure(world: World) -> None:
    world.mlflow.register("it-token")
    world.deployment(NAME, {"name": "it-token", "latest": {}}, auth={"secretName": "clients"})
    made = world.revision(NAME, 1)
    made["spec"]["template"]["spec"]["nodeName"] = "node-1"
    pod = world.pod_of(made, "silent", phase="Pending")
    told = 'MountVolume.SetUp failed for volume "auth" : references non-existent secret key: token'
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "silent.1"},
        "type": "Warning",
        "reason": "FailedMount",
        "action": "Mount",
        "note": told,
        "eventTime": datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds"),
        "reportingController": "kubelet",
        "reportingInstance": "node-1",
        "regarding": {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": "silent",
            "namespace": world.namespace,
            "uid": pod["metadata"]["uid"],
        },
    }
    world.kubectl("create", "-f", "-", body=json.dumps(event))
    words = f"kubectl create secret generic clients --namespace {world.namespace} --from-literal=token=TOKEN"
    eventually(
        lambda: (
            words in ((world.status("ModelDeployment", NAME).get("candidate") or {}).get("message") or "")
        ),
        "the cure is said",
    )
