"""The client in the API server's own process: the same operations, authorization, admission and rules, no HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from podo.api import registry
from podo.api.encoding import load
from podo.api.errors import bad_request
from podo.api.kind import Kind, Obj
from podo.apiserver import operations, stored
from podo.apiserver.app import ApiServer
from podo.apiserver.call import Call
from podo.apiserver.events import bookmark
from podo.apiserver.extension.conversion import shown_events
from podo.apiserver.fanout import WatchEvent
from podo.apiserver.fieldmanagement import managers
from podo.apiserver.subresources.scale import get_scale
from podo.apiserver.verbs.delete import DeleteOptions, delete
from podo.apiserver.verbs.deletecollection import delete_collection
from podo.apiserver.verbs.get import get
from podo.apiserver.verbs.list import ListOptions, list_objects
from podo.apiserver.verbs.watch import WatchOptions, events_of, open_watch
from podo.authn.user import AUTHENTICATED, MASTERS, User
from podo.client.contract import Event, ObjectList

Batch = list[Event]

#: Kinds of bodies of subresources -> the kind they are posted to.
_POSTED_TO = {"Binding": "Pod", "Eviction": "Pod", "TokenRequest": "ServiceAccount"}


class LocalClient:
    """A ``client.contract.Client``. ``user`` and ``groups``: as whom the requests are authorized."""

    over_network = False

    def __init__(self, server: ApiServer, user: str = "system:apiserver", groups: tuple[str, ...] = (MASTERS,)) -> None:
        self._server = server
        self._backend = server.backend
        self._user = User(user, (*groups, AUTHENTICATED))
        server.backend.authorizer.inside.add(user)
        self._manager = managers.from_user(user)

    def _call(
        self,
        verb: str,
        kind: str | Kind,
        namespace: str,
        name: str = "",
        subresource: str = "",
        fields: str = "",
        labels: str = "",
    ) -> Call:
        known = self._kind(kind) if isinstance(kind, str) else kind
        call = Call(
            verb, known, namespace if known.namespaced else "", name, subresource, self._user, field_validation="Strict"
        )
        call.manager = self._manager
        call.authorize = self._server.authorize
        self._server.authorize(call, fields, labels)
        return call

    def _kind(self, name: str) -> Kind:
        try:
            return self._backend.kinds.named(name)
        except registry.UnknownKind as unknown:
            raise bad_request(str(unknown)) from None

    def _write(self, verb: str, obj: Obj, subresource: str, dry_run: bool) -> Call:
        try:
            kind = (
                registry.named(_POSTED_TO[obj["kind"]])
                if obj.get("kind") in _POSTED_TO
                else self._backend.kinds.of(obj)
            )
        except registry.UnknownKind as unknown:
            raise bad_request(str(unknown)) from None
        found = obj.get("metadata") or {}
        namespace = found.get("namespace") or ("default" if kind.namespaced else "")
        call = self._call(verb, kind, namespace, found.get("name") or "", subresource)
        call.dry_run = dry_run
        return call

    async def get(self, kind: str, name: str, namespace: str = "", *, subresource: str = "") -> Obj:
        call = self._call("get", kind, namespace, name, subresource)
        if subresource == "scale" and call.kind.scale:
            return load((await get_scale(self._backend.of(call.kind), call)).value)
        if subresource not in ("", "status", "approval"):
            raise operations.not_allowed()
        return stored.load(call.kind, (await get(self._backend.of(call.kind), call)).value)

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
        call = self._call("list", kind, namespace, fields=fields, labels=labels)
        options = ListOptions(labels, fields, limit, continue_token, "" if revision is None else str(revision))
        listing = await list_objects(self._backend.of(call.kind), call, options)
        items = [stored.load(call.kind, record.value) for record in listing.records]
        return ObjectList(items, listing.revision, listing.continue_token, listing.remaining)

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
        call = self._call("watch", kind, namespace, fields=fields, labels=labels)
        asked = "" if revision is None else str(revision)
        ends = timeout_seconds if timeout_seconds is not None else float("inf")
        options = WatchOptions(labels, fields, asked, timeout_seconds=ends)
        events = events_of(open_watch(self._backend, call, options))
        converts = call.kind in self._backend.converting
        try:
            async for batch in events:
                found = await shown_events(self._backend, call.kind, batch) if converts else batch
                yield [_event(call.kind, event) for event in found]
        finally:
            await events.aclose()

    async def create(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        call = self._write("create", obj, subresource, dry_run)
        return load((await operations.create(self._backend.of(call.kind), call, stored.copy(obj))).value)

    async def update(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        call = self._write("update", obj, subresource, dry_run)
        return load((await operations.update(self._backend.of(call.kind), call, stored.copy(obj))).value)

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
        call = self._call("patch", kind, namespace, name, subresource)
        call.dry_run = dry_run
        call.manager = field_manager or self._manager
        call.force = force or None
        return load((await operations.patch(self._backend.of(call.kind), call, patch, type)).value)

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
        call = self._call("delete", kind, namespace, name)
        call.dry_run = dry_run
        options = DeleteOptions(grace_seconds, propagation, uid, "" if revision is None else str(revision))
        return load((await delete(self._backend.of(call.kind), call, options)).value)

    async def delete_collection(self, kind: str, namespace: str = "", *, labels: str = "", fields: str = "") -> None:
        call = self._call("deletecollection", kind, namespace)
        await delete_collection(self._backend.of(call.kind), call, ListOptions(labels, fields), DeleteOptions())


def _event(kind: Kind, event: WatchEvent) -> Event:
    if event.record is None:
        return Event(event.type, bookmark(kind, event))
    return Event(event.type, stored.shared(kind, event.record.value))
