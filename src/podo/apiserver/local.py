"""The client in the API server's own process: the same operations, authorization, admission, rules and audit log, no
HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, TypeAlias, TypeVar

from podo.api import registry
from podo.api.encoding import dumps, load
from podo.api.errors import ApiError, bad_request
from podo.api.kind import Kind, Obj
from podo.api.parts.systemnames import MASTERS
from podo.apiserver import operations, reviews, shape, stored
from podo.apiserver.again import until_answered
from podo.apiserver.app import ApiServer
from podo.apiserver.audit import inside
from podo.apiserver.audit.auditor import Trail
from podo.apiserver.call import Call, Written
from podo.apiserver.events import bookmark
from podo.apiserver.extension.conversion import shown_events
from podo.apiserver.fanout import WatchEvent
from podo.apiserver.fieldmanagement import managers
from podo.apiserver.subresources.binding import BOUND, Outcomes, bind_all
from podo.apiserver.subresources.scale import get_scale
from podo.apiserver.verbs.delete import DeleteOptions, delete
from podo.apiserver.verbs.deletecollection import delete_collection
from podo.apiserver.verbs.get import get
from podo.apiserver.verbs.list import ListOptions, list_objects
from podo.apiserver.verbs.watch import WatchOptions, events_of, open_watch
from podo.authn.user import AUTHENTICATED, User
from podo.client.contract import POSTED_TO, Batch, Event, ObjectList
from podo.runtime.crowd import turn

T = TypeVar("T")
Work: TypeAlias = Coroutine[Any, Any, T]


class LocalClient:
    """A ``client.contract.Client``. ``user`` and ``groups``: as whom the requests are authorized. ``program``: whose
    part asks, where the user's name does not say it: it owns the fields that are written."""

    over_network = False

    def __init__(
        self,
        server: ApiServer,
        user: str = "system:apiserver",
        groups: tuple[str, ...] = (MASTERS,),
        *,
        program: str = "",
    ) -> None:
        self._server = server
        self._backend = server.backend
        self._user = User(user, (*groups, AUTHENTICATED))
        server.backend.authorizer.trust(self._user.groups)
        self._manager = program or managers.from_user(user)
        self._agent = inside.agent_of(self._manager, user if program else "")

    def _call(
        self,
        verb: str,
        kind: str | Kind,
        namespace: str,
        name: str = "",
        subresource: str = "",
    ) -> Call:
        known = self._kind(kind) if isinstance(kind, str) else kind
        call = Call(
            verb, known, namespace if known.namespaced else "", name, subresource, self._user, field_validation="Strict"
        )
        call.manager = self._manager
        call.authorize = self._server.authorize
        return call

    def _allow(self, call: Call, fields: str = "", labels: str = "") -> Trail | None:
        """Authorize the call, and begin its trail where there is an audit log."""
        auditor = self._server.auditor
        if auditor is None:
            self._server.authorize(call, fields, labels)
            return None
        trail = inside.begin(auditor, call, self._agent, fields, labels)
        try:
            self._server.authorize(call, fields, labels)
        except ApiError as error:
            auditor.refused(trail, error)
            raise
        return trail

    async def _answer(self, call: Call, work: Work[T], sent: Any = None, fields: str = "", labels: str = "") -> T:
        """Do the ``work`` of the call, which has not begun, if it is allowed. ``sent``: its body."""
        try:
            await turn()
            trail = self._allow(call, fields, labels)
        except BaseException:
            work.close()
            raise
        auditor = self._server.auditor
        if trail is None or auditor is None:
            return await work
        if call.keeps_body:
            call.sent = dumps(sent)
        try:
            answer = await work
        except ApiError as error:
            auditor.refused(trail, error)
            raise
        code, body = (answer.code, answer.value) if isinstance(answer, Written) else (200, None)
        auditor.ended(trail, code, body)
        return answer

    def _kind(self, name: str) -> Kind:
        try:
            return self._backend.kinds.named(name)
        except registry.UnknownKind as unknown:
            raise bad_request(str(unknown)) from None

    def _kind_of(self, obj: Obj) -> Kind:
        try:
            posted_to = POSTED_TO.get(obj.get("kind", ""))
            return registry.named(posted_to) if posted_to else self._backend.kinds.of(obj)
        except registry.UnknownKind as unknown:
            raise bad_request(str(unknown)) from None

    def _write(self, verb: str, obj: Obj, subresource: str, dry_run: bool) -> Call:
        kind = reviews.kind_of(obj) or self._kind_of(obj)
        found = obj.get("metadata") or {}
        namespace = found.get("namespace") or ("default" if kind.namespaced else "")
        call = self._call(verb, kind, namespace, found.get("name") or "", subresource)
        call.dry_run = dry_run
        return call

    async def get(self, kind: str, name: str, namespace: str = "", *, subresource: str = "") -> Obj:
        call = self._call("get", kind, namespace, name, subresource)
        if subresource == "scale" and call.kind.scale:
            return load((await self._answer(call, get_scale(self._backend.of(call.kind), call))).value)
        if subresource not in ("", "status", "approval"):
            raise operations.not_allowed()
        return stored.load(call.kind, (await self._answer(call, get(self._backend.of(call.kind), call))).value)

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
        call = self._call("list", kind, namespace)
        options = ListOptions(labels, fields, limit, continue_token, "" if revision is None else str(revision))
        work = list_objects(self._backend.of(call.kind), call, options)
        listing = await self._answer(call, work, None, fields, labels)
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
        call = self._call("watch", kind, namespace)
        asked = "" if revision is None else str(revision)
        ends = timeout_seconds if timeout_seconds is not None else float("inf")
        options = WatchOptions(labels, fields, asked, timeout_seconds=ends)
        trail, auditor = self._allow(call, fields, labels), self._server.auditor
        opened = open_watch(self._backend, call, options)
        events = events_of(opened)
        if auditor is not None and trail is not None:
            auditor.started(trail)
        converts = call.kind in self._backend.converting
        try:
            async for batch in events:
                found = await shown_events(self._backend, opened.selection, batch) if converts else batch
                yield [_event(call.kind, event) for event in found]
        finally:
            await events.aclose()
            if auditor is not None and trail is not None:
                auditor.ended(trail, 200, None)

    async def create(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        call = self._write("create", obj, subresource, dry_run)
        if call.kind in reviews.KINDS:
            return await self._answer(call, self._reviewed(call, obj), obj)
        work = operations.create(self._backend.of(call.kind), call, stored.copy(obj))
        return load((await self._answer(call, work, obj)).value)

    async def _reviewed(self, call: Call, review: Obj) -> Obj:
        asked = shape.conform(call, stored.copy(review))
        return await until_answered(lambda: self._server.review(call, asked))

    async def bind_all(self, bindings: Sequence[Obj]) -> Outcomes:
        """Each as ``create`` with ``subresource="binding"`` would, all of them in one commit: what went wrong with
        each."""
        outcomes: dict[int, ApiError | None] = {}
        begun: dict[int, tuple[Call, Trail | None]] = {}
        for number, binding in enumerate(bindings):
            try:
                call = self._write("create", binding, "binding", False)
                begun[number] = (call, self._allow(call))
            except ApiError as refused:
                outcomes[number] = refused
                continue
            if call.keeps_body:
                call.sent = dumps(binding)
        wanted = [(call, bindings[number]) for number, (call, _) in begun.items()]
        outcomes |= zip(begun, await bind_all(self._backend.of(self._kind("Pod")), wanted), strict=True)
        for number, (_, trail) in begun.items():
            self._ended(trail, outcomes[number])
        return [outcomes[number] for number in range(len(bindings))]

    def _ended(self, trail: Trail | None, refused: ApiError | None) -> None:
        auditor = self._server.auditor
        if trail is None or auditor is None:
            return
        if refused is None:
            auditor.ended(trail, 201, BOUND)
        else:
            auditor.refused(trail, refused)

    async def update(self, obj: Obj, *, subresource: str = "", dry_run: bool = False) -> Obj:
        call = self._write("update", obj, subresource, dry_run)
        work = operations.update(self._backend.of(call.kind), call, stored.copy(obj))
        return load((await self._answer(call, work, obj)).value)

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
        work = operations.patch(self._backend.of(call.kind), call, patch, type)
        return load((await self._answer(call, work, patch)).value)

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
        return load((await self._answer(call, delete(self._backend.of(call.kind), call, options))).value)

    async def delete_collection(self, kind: str, namespace: str = "", *, labels: str = "", fields: str = "") -> None:
        call = self._call("deletecollection", kind, namespace)
        options = ListOptions(labels, fields), DeleteOptions()
        await self._answer(call, delete_collection(self._backend.of(call.kind), call, *options))


def _event(kind: Kind, event: WatchEvent) -> Event:
    if event.record is None:
        return Event(event.type, bookmark(kind, event))
    return Event(event.type, stored.shared(kind, event.record.value))
