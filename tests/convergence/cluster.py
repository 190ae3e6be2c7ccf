"""An API server in memory, and the operator's way to it, on which requests and answers get lost."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Generator
from types import coroutine
from typing import Literal, Protocol, TypeVar

from modelcycle.plan import Body
from modelcycle.runtime.cluster import Cluster, ConflictError, NotFoundError, RefusedError, UnavailableError
from modelcycle.runtime.resources import EVENTS, Resource
from modelcycle.serving.manifests import PREPARE

from tests.builders.base import NAMESPACE, NOW, merged, stored

T = TypeVar("T")
Fault = Literal["", "the request is lost", "the answer is lost", "the operator dies"]
# A container with this variable is what the API server's validation refuses.
REFUSED = "REFUSED"


class DeathError(BaseException):
    """The end of the operator's process."""


@coroutine
def in_flight() -> Generator[None]:
    """Here the operator waits for the network: everybody else may act, or the operator may die."""
    yield


def controller(body: Body) -> str:
    """UID of the object that controls this one, or ""."""
    owners = body["metadata"].get("ownerReferences", ())
    return next((owner["uid"] for owner in owners if owner.get("controller")), "")


class ApiServer:
    """The objects of one namespace. A body is never changed in place: whoever has it has a snapshot.

    Attributes:
        events: by kind, what happened and has not been delivered by the operator's watch.
        forbids: no Job or Deployment can be made, as under a quota or a missing right.
        refuses_pods: no pod of a Job can be made, as under a quota; full: no node takes one.
        crowded: what keeps pods of two revisions from running at once, of crowding.py, or "".
        gateway_api: whether the kinds of the Gateway API are installed.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Body] = {}
        self.events: dict[str, list[tuple[str, Body]]] = defaultdict(list)
        self.version = 0
        self.now = NOW
        self.forbids = False
        self.refuses_pods = False
        self.full = False
        self.crowded = ""
        self.gateway_api = True

    def find(self, kind: str, name: str) -> Body | None:
        return self.objects.get((kind, name))

    def all(self, kind: str) -> list[Body]:
        return [body for key, body in sorted(self.objects.items()) if key[0] == kind]

    def owned(self, kind: str, owner: Body) -> list[Body]:
        return [body for body in self.all(kind) if controller(body) == owner["metadata"]["uid"]]

    def create(self, body: Body) -> Body:
        key = (body["kind"], body["metadata"]["name"])
        if key in self.objects:
            raise ConflictError(409, "AlreadyExists", f"{key} already exists")
        self._validate(body)
        metadata = {"namespace": NAMESPACE, "labels": {}, **body["metadata"]}
        uid = f"{key[0].lower()}-{self.version + 1}"
        return self._put("ADDED", stored({**body, "metadata": metadata}, uid, created=self.now))

    def update(self, body: Body) -> Body:
        """Puts the object in place of what is there; what changes nothing makes no event."""
        current = self.objects[body["kind"], body["metadata"]["name"]]
        if body == current:
            return current
        if body.get("spec") != current.get("spec"):
            body = merged(body, {"metadata": {"generation": current["metadata"]["generation"] + 1}})
        return self._put("MODIFIED", body)

    def remove(self, body: Body) -> None:
        """Whatever it controls stays until the garbage collector comes round."""
        gone = self.objects.pop((body["kind"], body["metadata"]["name"]))
        self._record("DELETED", gone)

    def _validate(self, body: Body) -> None:
        if body["kind"] == "HTTPRoute" and not self.gateway_api:
            raise NotFoundError(404, "", "404 page not found")
        if body["kind"] not in ("Job", "Deployment"):
            return
        if self.forbids:
            raise RefusedError(403, "Forbidden", "exceeded quota: pods=0")
        (container,) = body["spec"]["template"]["spec"]["containers"]
        if any(variable["name"] == REFUSED for variable in container["env"]):
            raise RefusedError(422, "Invalid", "spec.template.spec.containers[0].env: Invalid value")

    def _put(self, event: str, body: Body) -> Body:
        body = self._record(event, body)
        self.objects[body["kind"], body["metadata"]["name"]] = body
        return body

    def _record(self, event: str, body: Body) -> Body:
        self.version += 1
        body = merged(body, {"metadata": {"resourceVersion": str(self.version)}})
        self.events[body["kind"]].append((event, body))
        return body


def log_of(pod: str) -> bytes:
    """What the kubelet has of a pod's log."""
    return f"training in {pod}".encode()


class Law(Protocol):
    """Judges a write of the operator that has just been carried out; raises AssertionError."""

    def __call__(self, before: Body | None, after: Body | None) -> None: ...


class MemoryCluster(Cluster):
    """The operator's requests: each is in flight twice, on its way and on its way back.

    Attributes:
        faults: what the next requests suffer, the first one first; "" is none.
        sent: how many requests there were; `logs_read`: those for a log; `writes`: what they wrote, Events aside.
    """

    def __init__(self, server: ApiServer, law: Law) -> None:
        self.server = server
        self.law = law
        self.faults: list[Fault] = []
        self.sent = 0
        self.logs_read = 0
        self.writes: list[str] = []

    async def _send(self, request: Callable[[], T]) -> T:
        await in_flight()
        self.sent += 1
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "the request is lost":
            raise UnavailableError(0, "NoAnswer", fault)
        answer = request()
        await in_flight()
        if fault == "the operator dies":
            raise DeathError
        if fault:
            raise UnavailableError(0, "NoAnswer", fault)
        return answer

    async def _write(self, verb: str, kind: str, name: str, write: Callable[[Body | None], T]) -> T:
        def request() -> T:
            before = self.server.find(kind, name)
            answer = write(before)
            after = self.server.find(kind, name)
            if before != after:
                self.writes.append(f"{verb} {kind} {name}")
                self.law(before, after)
            return answer

        return await self._send(request)

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Body:
        return await self._send(lambda: _existing(self.server.find(resource.kind, name)))

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[Body]:
        wanted = {tuple(pair.split("=")) for pair in label_selector.split(",") if pair}
        for body in await self._send(lambda: self.server.all(resource.kind)):
            if wanted <= body["metadata"]["labels"].items() and _is_about(body, field_selector):
                yield body

    async def log(self, namespace: str, pod: str, container: str, tail: int = 0) -> AsyncIterator[bytes]:
        def request() -> bytes:
            self.logs_read += 1
            if container == PREPARE:
                return f"installing since {self.server.now.timestamp():.0f}".encode()
            if _existing(self.server.find("Pod", pod))["status"]["phase"] == "Pending":
                raise RefusedError(400, "BadRequest", "the container is waiting to start")
            return log_of(pod)

        yield await self._send(request)

    async def create(self, resource: Resource, namespace: str, body: Body) -> Body:
        if resource == EVENTS:
            return await self._send(lambda: body)
        name = body["metadata"]["name"]
        return await self._write("create", resource.kind, name, lambda _: self.server.create(body))

    async def patch(self, resource: Resource, namespace: str, name: str, body: Body) -> Body:
        def write(before: Body | None) -> Body:
            expected = body.get("metadata", {})
            if any(_existing(before)["metadata"][field] != value for field, value in expected.items()):
                raise ConflictError(409, "Conflict", "the object has been modified")
            return self.server.update(merged(_existing(before), {"spec": body["spec"]}))

        return await self._write("patch", resource.kind, name, write)

    async def replace_status(self, resource: Resource, namespace: str, name: str, body: Body) -> Body:
        def write(before: Body | None) -> Body:
            for field in ("uid", "resourceVersion"):
                if _existing(before)["metadata"][field] != body["metadata"][field]:
                    raise ConflictError(409, "Conflict", "the object has been modified")
            return self.server.update({**_existing(before), "status": body["status"]})

        return await self._write("status", resource.kind, name, write)

    async def delete(
        self, resource: Resource, namespace: str, name: str, uid: str, version: str = ""
    ) -> None:
        def write(before: Body | None) -> None:
            if before and before["metadata"]["uid"] == uid:
                if version and before["metadata"]["resourceVersion"] != version:
                    raise ConflictError(409, "Conflict", "the object has been modified")
                self.server.remove(before)

        await self._write("delete", resource.kind, name, write)


def _is_about(body: Body, field_selector: str) -> bool:
    """Whether an Event is about the object that the selector names."""
    wanted = dict(pair.split("=") for pair in field_selector.split(",") if pair)
    return wanted.get("regarding.uid") in (None, body.get("regarding", {}).get("uid"))


def _existing(body: Body | None) -> Body:
    if body is None:
        raise NotFoundError(404, "NotFound", "not found")
    return body
