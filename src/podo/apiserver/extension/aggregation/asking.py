"""What this server itself asks of an extension API server: does it answer, which resources has it, and its OpenAPI
documents."""

from __future__ import annotations

from typing import Any

import orjson

from podo.apiserver.calling.connections import Connections
from podo.apiserver.calling.failures import CannotCall, of_connection
from podo.apiserver.extension.aggregation.documents import (
    DISCOVERY,
    Documents,
    resources_of_group_list,
    resources_of_list,
    v3_url,
)
from podo.apiserver.extension.aggregation.extensions import Extension
from podo.apiserver.extension.aggregation.forwarding import Network
from podo.apiserver.extension.aggregation.identity import AGGREGATOR, headers_of
from podo.http.exchange import Answer, NoAnswer

SECONDS = 5.0
#: Bytes of a document at most.
LIMIT = 32 << 20


class Asking:
    """Questions over kept connections."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._connections = Connections()

    async def documents(self, extension: Extension, before: Documents) -> Documents:
        """What the server says of itself now; ``before``: what it said last. Raises CannotCall if it does not answer
        for its group version."""
        listed = await self._get(extension, extension.path, "application/json")
        if not 200 <= listed.status < 300:
            raise CannotCall(f"bad status from {self.url(extension)}: {listed.status}")
        resources = await self._resources(extension, listed)
        swagger, etag = await self._swagger(extension, before)
        return Documents(resources, True, swagger, etag, await self._v3(extension))

    async def read(self, extension: Extension, target: str) -> Any:
        """What a GET of ``target`` (path and query) answers, decoded. Raises CannotCall."""
        answer = await self._get(extension, target, "application/json")
        if answer.status == 200:
            return _json(answer)
        told = _json(answer)
        why = told.get("message") if isinstance(told, dict) else None
        raise CannotCall(why or f"the server answered {answer.status}")

    def url(self, extension: Extension) -> str:
        return f"https://{extension.service.server_name}:{extension.service.port}{extension.path}"

    async def _resources(self, extension: Extension, listed: Answer) -> Any:
        answer = await self._get(extension, "/apis", DISCOVERY)
        if answer.status == 200 and "APIGroupDiscoveryList" in answer.headers.get("content-type", ""):
            found = resources_of_group_list(_json(answer), extension.group, extension.version)
            if found is not None:
                return found
        return resources_of_list(_json(listed), extension.group, extension.version)

    async def _swagger(self, extension: Extension, before: Documents) -> tuple[Any, str]:
        answer = await self._get(extension, "/openapi/v2", "application/json", before.etag)
        if answer.status == 304:
            return before.swagger, before.etag
        found = _json(answer) if answer.status == 200 else None
        return (found, answer.headers.get("etag", "")) if isinstance(found, dict) else ({}, "")

    async def _v3(self, extension: Extension) -> str:
        answer = await self._get(extension, "/openapi/v3", "application/json")
        return v3_url(_json(answer), extension.group_version) if answer.status == 200 else ""

    async def _get(self, extension: Extension, path: str, accept: str, etag: str = "") -> Answer:
        name, port = extension.service.server_name, extension.service.port
        host, at = await self._network.resolve(extension.service)
        pool = self._connections.to(host, at, f"{name}:{port}", name, extension.trust(self._network.identity))
        headers = {**dict(headers_of(AGGREGATOR)), "Accept": accept, "User-Agent": "kube-aggregator"}
        if etag:
            headers["If-None-Match"] = etag
        try:
            return await pool.request("GET", path, headers=headers, seconds=SECONDS, limit=LIMIT)
        except NoAnswer as failure:
            raise CannotCall(
                f'Get "{self.url(extension)}": {of_connection(failure, name, f"{host}:{at}")}'
            ) from failure

    def close(self) -> None:
        self._connections.close()


def _json(answer: Answer) -> Any:
    """None for what is no JSON."""
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
