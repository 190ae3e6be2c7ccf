"""The API server, as its administrator asks it; and how something is waited for."""

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from kubernetes import client, config, dynamic
from kubernetes.dynamic.exceptions import NotFoundError

from tests.integration.apiserver import ApiServer

PATIENCE_SECONDS = 60
T = TypeVar("T")
Body = dict[str, Any]


def eventually(look: Callable[[], T | None], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """Looks again and again until the answer is true; the time limit is for a test that has failed."""
    end = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < end:
        try:
            if seen := look():
                return seen
            last = seen
        except (NotFoundError, KeyError) as error:
            last = error
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}; last seen: {last!r}")


class Kube:
    """The API server, as its administrator; objects are plain dictionaries."""

    def __init__(self, server: ApiServer) -> None:
        loaded = client.Configuration()
        config.load_kube_config(str(server.admin), client_configuration=loaded)
        self.api = client.ApiClient(loaded)
        self._dynamic = dynamic.DynamicClient(self.api)

    def _resource(self, kind: str) -> Any:
        ours = ("TrainingRun", "TrainingSchedule", "TrainingSweep", "ModelDeployment")
        group = "modelcycle.dev/v1alpha1" if kind in ours else None
        known = {"Job": "batch/v1", "Deployment": "apps/v1", "EndpointSlice": "discovery.k8s.io/v1"}
        return self._dynamic.resources.get(api_version=group or known.get(kind, "v1"), kind=kind)

    def get(self, kind: str, namespace: str, name: str) -> Body:
        return cast(Body, self._resource(kind).get(name=name, namespace=namespace).to_dict())

    def list(self, kind: str, namespace: str) -> list[Body]:
        return cast("list[Body]", self._resource(kind).get(namespace=namespace).to_dict()["items"])

    def create(self, body: Body, namespace: str) -> Body:
        return cast(Body, self._resource(body["kind"]).create(body=body, namespace=namespace).to_dict())

    def delete(self, kind: str, namespace: str, name: str) -> None:
        self._resource(kind).delete(name=name, namespace=namespace, body={"propagationPolicy": "Background"})

    def patch(self, kind: str, namespace: str, name: str, body: Body) -> Body:
        kinds = "application/merge-patch+json"
        resource = self._resource(kind)
        return cast(
            Body, resource.patch(name=name, namespace=namespace, body=body, content_type=kinds).to_dict()
        )

    def patch_status(self, kind: str, namespace: str, name: str, status: Body) -> None:
        resource = self._resource(kind)
        path = resource.path(name=name, namespace=namespace) + "/status"
        self._dynamic.request(
            "patch", path, body={"status": status}, content_type="application/merge-patch+json"
        )
