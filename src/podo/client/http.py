"""The client over HTTPS: each method of the contract as one request of the Kubernetes API, and its answer read back."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson

from podo.api import registry
from podo.api.errors import bad_request
from podo.api.kind import Kind, Obj
from podo.client.answers import events_of, failure_of, revision_of
from podo.client.contract import POSTED_TO, Batch, ObjectList, Unreachable
from podo.client.discovered import ACCEPT as DISCOVERY
from podo.client.discovered import Discovered
from podo.http.client import HttpPool
from podo.http.exchange import Answer, NoAnswer, Pool
from podo.http.tls import client_context
from podo.version import PODO

#: ``type`` of a patch -> its media type (API concepts, "Patches").
PATCH_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class HttpClient:
    """A ``client.contract.Client`` of the API server at ``server_url``.

    ``ca``, ``cert`` and ``key`` are PEM files. ``seconds`` is the deadline of a request, and of the head of a watch.
    ``pool`` carries the requests, where that is not done by connections to the server.
    """

    over_network = True

    def __init__(
        self,
        server_url: str,
        ca: Path | str | None = None,
        cert: Path | str | None = None,
        key: Path | str | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        token: str = "",
        agent: str = "podo",
        seconds: float = 30.0,
        pool: Pool | None = None,
    ) -> None:
        url = urlsplit(server_url)
        if url.scheme not in ("https", "http") or not url.hostname:
            raise ValueError(f"not the URL of a server: {server_url!r}")
        if url.scheme == "https" and tls is None:
            tls = client_context(ca=ca, certificate=cert, key=key)
        port = url.port or (443 if url.scheme == "https" else 80)
        self._pool: Pool = pool or HttpPool(url.hostname, port, tls=tls if url.scheme == "https" else None)
        self._base = url.path.rstrip("/")
        self._kinds = Discovered()
        self._agent = agent
        self._seconds = seconds
        self._headers = {"Accept": "application/json", "User-Agent": f"{agent}/{PODO}"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    @classmethod
    def from_kubeconfig(cls, path: Path | str, context: str = "", **options: Any) -> HttpClient:
        """The client of a kubeconfig's ``context`` (else its current one). ValueError if it cannot be used."""
        from podo.client.kubeconfig import read

        found = read(Path(path), context)
        return cls(found.server, tls=found.tls, token=found.token, **options)

    def close(self) -> None:
        """Close the kept connections and end the watches."""
        self._pool.close()

    # -- the contract ------------------------------------------------------------------------------------------------

    async def get(self, kind: str, name: str, namespace: str = "", *, subresource: str = "") -> Obj:
        return await self._object("GET", _path(await self._kind(kind), namespace, name, subresource))

    async def list(
        self,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_token: str = "",
        revision: int | None = None,
    ) -> ObjectList:
        known = await self._kind(kind)
        query = {
            "labelSelector": labels,
            "fieldSelector": fields,
            "limit": limit or "",
            "continue": continue_token,
            "resourceVersion": "" if revision is None else revision,
        }
        found = await self._object("GET", _path(known, namespace), query)
        listed = found.get("metadata") or {}
        items = found.get("items") or []
        for item in items:  # other servers leave these out of the items of a list
            item.setdefault("apiVersion", known.api_version)
            item.setdefault("kind", known.kind)
        return ObjectList(items, revision_of(listed), listed.get("continue") or "", listed.get("remainingItemCount"))

    async def watch(
        self,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        revision: int | None = None,
        timeout_seconds: int | None = None,
    ) -> AsyncIterator[Batch]:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": labels,
            "fieldSelector": fields,
            "resourceVersion": "" if revision is None else revision,
            "timeoutSeconds": "" if timeout_seconds is None else timeout_seconds,
        }
        target = self._target(_path(await self._kind(kind), namespace), query)
        try:
            stream = await self._pool.stream("GET", target, headers=self._headers, head_seconds=self._seconds)
            try:
                if stream.status != 200:
                    body = await stream.read(1 << 20)
                    raise failure_of(Answer(stream.status, stream.headers, body))
                async for batch in events_of(stream):
                    yield batch
            finally:
                stream.close()
        except NoAnswer as failure:
            raise Unreachable(str(failure)) from failure

    async def create(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        kind, namespace, name = await self._identity(obj)
        path = _path(kind, namespace, name if subresource else "", subresource)
        return await self._object("POST", path, _dry(dry_run), orjson.dumps(obj))

    async def update(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        kind, namespace, name = await self._identity(obj)
        return await self._object("PUT", _path(kind, namespace, name, subresource), _dry(dry_run), orjson.dumps(obj))

    async def patch(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        patch: Any,
        type: str = "merge",
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str = "",
        force: bool = False,
    ) -> Obj:
        if type not in PATCH_TYPES:
            raise bad_request(f"not a type of patch: {type!r}")
        query = _dry(dry_run)
        if type == "apply" or field_manager:
            query |= {"fieldManager": field_manager or self._agent}
        if force:
            query |= {"force": "true"}
        path = _path(await self._kind(kind), namespace, name, subresource)
        return await self._object("PATCH", path, query, orjson.dumps(patch), PATCH_TYPES[type])

    async def delete(
        self,
        kind: str,
        name: str,
        namespace: str = "",
        *,
        propagation: str = "",
        grace_seconds: int | None = None,
        uid: str = "",
        revision: int | None = None,
        dry_run: bool = False,
    ) -> Obj:
        options: Obj = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if propagation:
            options["propagationPolicy"] = propagation
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if uid or revision is not None:
            conditions = {"uid": uid, "resourceVersion": "" if revision is None else str(revision)}
            options["preconditions"] = {key: value for key, value in conditions.items() if value}
        if dry_run:
            options["dryRun"] = ["All"]
        path = _path(await self._kind(kind), namespace, name)
        return await self._object("DELETE", path, None, orjson.dumps(options))

    async def delete_collection(self, kind: str, namespace: str = "", *, labels: str = "", fields: str = "") -> None:
        query = {"labelSelector": labels, "fieldSelector": fields}
        await self._object("DELETE", _path(await self._kind(kind), namespace), query)

    # -- kinds -------------------------------------------------------------------------------------------------------

    async def _kind(self, name: str) -> Kind:
        return await self._looked_up(lambda: self._kinds.named(name))

    async def _looked_up(self, find: Callable[[], Kind]) -> Kind:
        """A kind; one that is not known is looked for in what the server serves. Raises BadRequest."""
        try:
            return find()
        except registry.UnknownKind:
            self._kinds.learn(await self._object("GET", "/apis", accept=DISCOVERY))
        try:
            return find()
        except registry.UnknownKind as unknown:
            raise bad_request(str(unknown)) from None

    async def _identity(self, obj: Obj) -> tuple[Kind, str, str]:
        """Kind, namespace and name of an object to be written."""
        posted_to = POSTED_TO.get(obj.get("kind", ""))
        kind = registry.named(posted_to) if posted_to else await self._looked_up(lambda: self._kinds.of(obj))
        found = obj.get("metadata") or {}
        namespace = found.get("namespace") or ("default" if kind.namespaced else "")
        return kind, namespace, found.get("name") or ""

    # -- one request -------------------------------------------------------------------------------------------------

    def _target(self, path: str, query: Mapping[str, object] | None) -> str:
        asked = urlencode({key: value for key, value in (query or {}).items() if value != ""}, quote_via=quote)
        return f"{self._base}{path}?{asked}" if asked else f"{self._base}{path}"

    async def _object(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
        accept: str = "",
    ) -> Obj:
        headers = {**self._headers, "Content-Type": content_type} if body else self._headers
        if accept:
            headers = {**headers, "Accept": accept}
        try:
            answer = await self._pool.request(
                method, self._target(path, query), headers=headers, body=body, seconds=self._seconds
            )
        except NoAnswer as failure:
            raise Unreachable(str(failure)) from failure
        if answer.status >= 300:
            raise failure_of(answer)
        try:
            found: Obj = orjson.loads(answer.body)
        except ValueError as wrong:
            raise Unreachable(f"the answer is not JSON: {wrong}") from wrong
        return found

    async def raw(self, path: str) -> bytes:
        """GET of any path, as it is answered: ``/version``, ``/readyz``, a pod's log."""
        try:
            answer = await self._pool.request(
                "GET", f"{self._base}{path}", headers={**self._headers, "Accept": "*/*"}, seconds=self._seconds
            )
        except NoAnswer as failure:
            raise Unreachable(str(failure)) from failure
        if answer.status >= 300:
            raise failure_of(answer)
        return answer.body


def _path(kind: Kind, namespace: str, name: str = "", subresource: str = "") -> str:
    parts = ["/apis" if kind.group else "/api", kind.api_version]
    if kind.namespaced and namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(kind.plural)
    if name:
        parts.append(quote(name, safe=""))
        if subresource:
            parts.append(quote(subresource, safe=""))
    return "/".join(parts)


def _dry(dry_run: bool) -> dict[str, object]:
    return {"dryRun": "All"} if dry_run else {}
