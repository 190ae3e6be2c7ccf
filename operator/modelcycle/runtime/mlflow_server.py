"""Requests to an MLflow server, and what is said when it does not answer them."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from modelcycle.failure import NO_ROOM
from modelcycle.runtime.reading import at_most

TIMEOUT_SECONDS = 20
_TAKEN = '"RESOURCE_ALREADY_EXISTS"'


class RegistryError(Exception):
    """MLflow did not answer, or not as it should; the message is a sentence with the cure."""


class Server:
    """One MLflow server. Each request raises RegistryError."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def call(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        missing_is_empty: bool = False,
        taken_is_empty: bool = False,
    ) -> dict[str, Any]:
        async with self._asked(method, f"api/2.0/mlflow/{path}", params=query, json=body) as answer:
            if answer.status == 404 and missing_is_empty:
                return {}
            if answer.status == 400 and taken_is_empty and _TAKEN in await answer.text():
                return {}
            await self._is_well(answer)
            try:
                parsed = await answer.json(content_type=None)
            except ValueError as error:
                raise RegistryError(f"What answers at {self._uri} is not MLflow: {error}.") from error
        if not isinstance(parsed, dict):
            raise RegistryError(f"What answers at {self._uri} is not MLflow: it sends no JSON object.")
        return parsed

    async def pages(self, path: str, field: str, size: int, **query: str) -> AsyncIterator[dict[str, Any]]:
        query = {**query, "max_results": str(size)}
        while True:
            answer = await self.call("GET", path, query)
            for item in answer.get(field, ()):
                yield item
            if not (token := answer.get("next_page_token")):
                return
            query["page_token"] = token

    async def post_pages(
        self, path: str, field: str, size: int, body: dict[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        body = {**body, "max_results": size}
        while True:
            answer = await self.call("POST", path, body=body)
            for item in answer.get(field, ()):
                yield item
            if not (token := answer.get("next_page_token")):
                return
            body["page_token"] = token

    async def put(self, route: str, query: dict[str, str], size: int, content: AsyncIterator[bytes]) -> None:
        """Sends a file of so many bytes."""
        # With its length told, nothing has to be read into memory.
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        route = f"ajax-api/2.0/mlflow/{route}"
        async with self._asked("POST", route, params=query, data=content, headers=headers) as answer:
            await self._is_well(answer)

    async def file(self, route: str, query: dict[str, str], limit: int) -> bytes | None:
        """At most so many bytes of a file; None if it is not there."""
        async with self._asked("GET", route, params=query) as answer:
            if answer.status in (400, 404):  # 400: it is a folder
                return None
            await self._is_well(answer)
            return await at_most(limit, answer.content)

    @asynccontextmanager
    async def _asked(self, method: str, route: str, **request: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._client().request(method, f"{self._uri}/{route}", **request) as answer:
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _silent(self._uri, error) from error

    async def _is_well(self, answer: aiohttp.ClientResponse) -> None:
        if answer.status != 200:
            raise RegistryError(_no(self._uri, answer.status, await answer.text()))

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, headers=_credentials())
        return self._session


def _credentials() -> dict[str, str]:
    """From the same variables that MLflow's own client reads."""
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    user, password = os.environ.get("MLFLOW_TRACKING_USERNAME"), os.environ.get("MLFLOW_TRACKING_PASSWORD")
    if user and password:
        return {"Authorization": aiohttp.encode_basic_auth(user, password)}
    return {}


def _silent(uri: str, error: Exception) -> RegistryError:
    what = str(error) or type(error).__name__
    return RegistryError(
        f"MLflow at {uri} does not answer ({what}): check that its pod runs and its address is right."
    )


def _no(uri: str, status: int, text: str) -> str:
    said = " ".join(text.split())[:300]
    if status in (401, 403):
        return (
            f"MLflow at {uri} answers {status} ({said}): check its allowed hosts (mlflow.allowedHosts of the chart) "
            "and the operator's credentials."
        )
    if NO_ROOM.search(text):
        return f"MLflow at {uri} finds no room for its database ({said}): make room on its volume."
    return f"MLflow at {uri} answers {status}: {said}"
