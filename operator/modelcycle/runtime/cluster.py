"""The Kubernetes API: single requests, their answers, and their refusals by kind."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.rest import RESTResponse

from modelcycle.plan import Body
from modelcycle.runtime.resources import PODS, Resource

REQUEST_TIMEOUT_SECONDS = 30
LIST_CHUNK = 500
LOG_PIECE = 64 * 1024


class ApiError(Exception):
    """An answer that is a no. code: the HTTP status, 0 if there was no answer."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


class NotFoundError(ApiError):
    """404."""


class ConflictError(ApiError):
    """409: the object is not the one that was observed any more, or a name is taken (AlreadyExists)."""


class RefusedError(ApiError):
    """400, 403 or 422: asking again in the same way will not help, or (403) not soon."""


class UnavailableError(ApiError):
    """No answer, 429, or 5xx: the same request may work later."""


_BY_CODE: dict[int, type[ApiError]] = {
    400: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    422: RefusedError,
}


async def connect() -> "Cluster":
    """A connection by the pod's service account, else by the current context of KUBECONFIG."""
    configuration = Configuration()
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(client_configuration=configuration)
    else:
        await config.load_kube_config(os.environ.get("KUBECONFIG"), client_configuration=configuration)
    return Cluster(ApiClient(configuration))


class Cluster:
    """The API server."""

    def __init__(self, client: ApiClient) -> None:
        self.client = client

    async def close(self) -> None:
        await self.client.close()

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Body:
        """Raises NotFoundError if it is not there."""
        return cast(Body, await self._request("GET", resource.path(namespace, name)))

    async def has(self, resource: Resource) -> bool:
        """Whether the API server knows the kind."""
        try:
            known = await self._request("GET", f"/apis/{resource.group}/{resource.version}")
        except NotFoundError:
            return False
        return any(one["name"] == resource.plural for one in known["resources"])

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[Body]:
        """All objects, fetched in chunks."""
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        query = {"limit": str(LIST_CHUNK), **{name: value for name, value in selectors.items() if value}}
        while True:
            page = await self._request("GET", resource.path(namespace), query)
            for item in page["items"]:
                yield item
            if not (token := page["metadata"].get("continue")):
                return
            query["continue"] = token

    async def log(self, namespace: str, pod: str, container: str, tail: int = 0) -> AsyncIterator[bytes]:
        """What the kubelet still has of a container's log, or its last `tail` lines, piece by piece.

        Raises NotFoundError if the pod is gone, RefusedError (400) if the container has no log.
        """
        query = {"container": container, **({"tailLines": str(tail)} if tail else {})}
        path = f"{PODS.path(namespace, pod, 'log')}?{urlencode(query)}"
        answer = await self._answer("GET", path)
        try:
            async for piece in answer.response.content.iter_chunked(LOG_PIECE):
                yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _silent(error) from error
        finally:
            answer.response.close()

    async def create(self, resource: Resource, namespace: str, body: Body) -> Body:
        """Raises ConflictError with reason AlreadyExists if the name is taken.

        A field that the API server does not know is refused, where by default it would be dropped without a word.
        """
        strictly = {"fieldValidation": "Strict"}
        return cast(Body, await self._request("POST", resource.path(namespace), strictly, body))

    async def patch(self, resource: Resource, namespace: str, name: str, body: Body) -> Body:
        """A JSON merge patch; with metadata.uid and resourceVersion in it, a conditional one."""
        headers = {"Content-Type": "application/merge-patch+json"}
        return cast(
            Body, await self._request("PATCH", resource.path(namespace, name), body=body, headers=headers)
        )

    async def replace_status(self, resource: Resource, namespace: str, name: str, body: Body) -> Body:
        """Replaces the status subresource; body carries metadata.resourceVersion. Raises ConflictError."""
        return cast(Body, await self._request("PUT", resource.path(namespace, name, "status"), body=body))

    async def replace(self, resource: Resource, namespace: str, name: str, body: Body) -> Body:
        """Replaces an object; body carries metadata.resourceVersion. Raises ConflictError."""
        return cast(Body, await self._request("PUT", resource.path(namespace, name), body=body))

    async def delete(
        self, resource: Resource, namespace: str, name: str, uid: str, version: str = ""
    ) -> None:
        """Deletes that very object and, in the background, its children; being gone already is success.

        Raises:
            ConflictError: it is not of the resourceVersion given any more.
        """
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            # A bare DELETE of a Job would leave its pods behind.
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid, **({"resourceVersion": version} if version else {})},
        }
        try:
            await self._request("DELETE", resource.path(namespace, name), body=body)
        except NotFoundError:
            return
        except ConflictError:
            if version:
                raise

    async def _request(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Body | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        answer = await self._answer(method, path + (f"?{urlencode(query)}" if query else ""), body, headers)
        try:
            return json.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _silent(error) from error

    async def _answer(
        self, method: str, path: str, body: Body | None = None, headers: dict[str, str] | None = None
    ) -> RESTResponse:
        all_headers = {"Accept": "application/json", "User-Agent": "modelcycle", **(headers or {})}
        url = f"{self.client.configuration.host}{path}"
        await self.client.update_params_for_auth(all_headers, [], ["BearerToken"], path, method, body)
        try:
            answer = await self.client.call_api(
                method, url, all_headers, body, _request_timeout=REQUEST_TIMEOUT_SECONDS
            )
            if answer.status < 300:
                return answer
            text = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _silent(error) from error
        raise _refusal(answer.status, text)


def _silent(error: Exception) -> UnavailableError:
    return UnavailableError(0, "NoAnswer", f"The API server does not answer: {error!r}.")


def _refusal(code: int, text: bytes) -> ApiError:
    try:
        status = json.loads(text)
        reason, message = status.get("reason", ""), status.get("message", "")
    except (ValueError, AttributeError):
        reason, message = "", text.decode(errors="replace")[:500]
    return _BY_CODE.get(code, UnavailableError)(code, reason, message)
