"""The aggregation layer as the API server sees it: requests that it answers instead of the server's own routes.

answer = await aggregation.answer(request, user) if aggregation else None
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256

import orjson

from podo.api.encoding import dumps
from podo.api.kind import Obj
from podo.api.kinds.apiregistration.apiservice import APISERVICE
from podo.api.schema import openapi_protobuf
from podo.apiserver import served
from podo.apiserver.backend import Backend
from podo.apiserver.calling.connections import Trust
from podo.apiserver.calling.failures import CannotCall
from podo.apiserver.calling.services import resolve
from podo.apiserver.discovery import discovery_answer
from podo.apiserver.extension.aggregation import merging, registering
from podo.apiserver.extension.aggregation.asking import Asking
from podo.apiserver.extension.aggregation.extensions import Extension, Extensions
from podo.apiserver.extension.aggregation.forwarding import Answer, Network, forward
from podo.apiserver.extension.aggregation.identity import AGGREGATOR
from podo.apiserver.extension.aggregation.watching import Watching
from podo.apiserver.negotiate import form_of
from podo.apiserver.openapi import openapi_answer
from podo.authn.user import User
from podo.authz.following import follow
from podo.http.message import Request, Response
from podo.runtime.metrics import Family, gauge
from podo.runtime.slices import in_slices, rest
from podo.runtime.tasks import Tasks

#: Merged documents that are kept.
_KEPT = 8


class Aggregation:
    """False while no APIService leads to another server. ``identity``: the front proxy's certificate and key."""

    def __init__(self, backend: Backend, identity: Trust) -> None:
        self._backend = backend
        self._network = Network(partial(resolve, backend.store, backend.chance), identity)
        self._extensions = Extensions()
        self._asking = Asking(self._network)
        self._watching = Watching(backend, self._extensions, self._asking)
        self.kinds = self._watching.kinds
        self._merged: OrderedDict[tuple[object, ...], tuple[bytes, str]] = OrderedDict()
        self._tasks = Tasks("registration")
        self._watches = False

    def __bool__(self) -> bool:
        return bool(self._extensions)

    async def start(self) -> None:
        """Register what this server serves itself; follow APIServices and the custom kinds."""
        backend = self._backend
        await registering.register(backend, registering.built_in(served.all_kinds()), registering.BUILT_IN)
        await follow(backend.store, APISERVICE.prefix, self._changed)
        await self._register_custom()
        backend.kinds.listeners.append(self._defined)

    async def stop(self) -> None:
        await self._tasks.stop()
        await self._watching.stop()
        self._asking.close()
        self._network.kept.close()

    def _changed(self, key: str, value: bytes | None, before: bytes | None) -> None:
        had = bool(self._extensions)
        self._extensions.told(key, value, before)
        if not (had or self._extensions):
            return
        if not self._watches:
            self._watches = True
            self._watching.start()
        self._watching.wake()

    def _defined(self) -> None:
        if not len(self._tasks):
            self._tasks.spawn(self._register_custom(), "custom")

    async def _register_custom(self) -> None:
        wanted: tuple[object, ...] | None = None
        while wanted != (kinds := self._backend.kinds.custom):  # until nothing has changed meanwhile
            wanted = kinds
            await registering.register(self._backend, registering.custom(kinds), registering.CUSTOM)

    def families(self) -> Iterable[Family]:
        """Which of all APIServices cannot be reached, and how often they could not when they were looked at."""
        rows = [((one.name,), float(not one.available)) for one in self._extensions.all()]
        yield gauge("aggregator_unavailable_apiservice", "APIServices that are unavailable: 1.", ("name",), rows)
        yield self._watching.unavailable.family()

    def paths(self) -> set[str]:
        """Where extensions are found."""
        return {path for one in self._extensions.all() for path in (f"/apis/{one.group}", one.path)}

    def extension_at(self, path: str) -> Extension | None:
        """Who answers for a path; None if this server does."""
        return self._extensions.at(path)

    async def forward(self, extension: Extension, request: Request, user: User) -> Answer:
        """What the extension answers. Authorization is done."""
        return await forward(extension, request, user, self._network)

    async def read(self, target: str) -> Obj:
        """An object of an extension, read by this server itself: ``target`` is path and query. Raises CannotCall."""
        extension = self._extensions.at(target.partition("?")[0])
        if extension is None or not extension.available:
            raise CannotCall("the server could not find the requested resource")
        found = await self._asking.read(extension, target)
        if not isinstance(found, dict):
            raise CannotCall("the server answered with something that is no object")
        return found

    async def document(self, request: Request, path: str) -> Answer | None:
        """A document of this server with those of extensions in it; None for one that has no part in them.
        Authorization is done."""
        if not path.startswith(("/apis", "/openapi/")) or request.method not in ("GET", "HEAD"):
            return None
        if path.count("/") > 2 and not path.startswith("/openapi/v3/apis/"):
            return None
        return await self._document(request, path)

    async def _document(self, request: Request, path: str) -> Answer | None:
        accept = request.headers.get("accept", "")
        if path == "/apis":
            form = form_of(accept)
            lists_all = form.as_kind == "APIGroupDiscoveryList"
            merge = merging.group_list if lists_all else merging.legacy_groups
            base = discovery_answer(self._backend.kinds, path, form, "", request.headers.get("host", ""))
            return self._answered(request, base, lambda found: dumps(merge(found, self._watching.known())))
        if path.startswith("/apis/"):
            return self._group(request, path)
        if path.startswith("/openapi/v3/apis/"):
            extension = self._extensions.at(path.removeprefix("/openapi/v3"))
            return await forward(extension, request, AGGREGATOR, self._network) if extension else None
        if path == "/openapi/v3":
            base = await openapi_answer(self._backend.kinds, path, "")
            return self._answered(request, base, lambda found: dumps(merging.v3_index(found, self._watching.known())))
        if path != "/openapi/v2":
            return None
        base = await openapi_answer(self._backend.kinds, path, "")
        return await in_slices(lambda: self._swagger(request, base, accept))

    def _group(self, request: Request, path: str) -> Response | None:
        """``/apis/GROUP``: with the versions that others serve of it."""
        group = path.removeprefix("/apis/")
        found = [one for one in self._extensions.all() if one.group == group]
        if not found:
            return None
        base = discovery_answer(self._backend.kinds, path, form_of(""), "", "")
        return Response(200, dumps(_with_versions(orjson.loads(_body(base)) if base else None, found)))

    def _swagger(self, request: Request, base: Response | None, accept: str) -> Response | None:
        rest()  # one at a time: who asks for what is being merged finds it merged
        as_protobuf = openapi_protobuf.is_asked_for(accept)
        encode = openapi_protobuf.encode if as_protobuf else dumps
        answer = self._answered(request, base, lambda found: encode(merging.swagger(found, self._watching.known())))
        if answer is not None and as_protobuf:
            answer.content_type = openapi_protobuf.MEDIA_TYPE
        return answer

    def _answered(self, request: Request, base: Response | None, merge: Callable[[Obj], bytes]) -> Response | None:
        """``base`` merged, with its ETag; made once while nothing changes."""
        if base is None:
            return None
        key = (request.path, request.headers.get("accept", ""), self._backend.kinds.custom, self._watching.revision)
        if key not in self._merged:
            body = merge(orjson.loads(_body(base)))
            self._merged[key] = body, f'"{sha256(body).hexdigest().upper()}"'
            if len(self._merged) > _KEPT:
                self._merged.popitem(last=False)
        body, etag = self._merged[key]
        headers = [("ETag", etag), ("Vary", "Accept")]
        if request.headers.get("if-none-match") == etag:
            return Response(304, b"", base.content_type, headers)
        return Response(200, body, base.content_type, headers)


def _body(response: Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b"".join(response.body)


def _with_versions(base: Obj | None, extensions: list[Extension]) -> Obj:
    found = base
    for extension in extensions:
        found = merging.legacy_group(found, extension)
    return {"kind": "APIGroup", "apiVersion": "v1", **(found or {})}
