"""Conversion of custom resources between the versions of their definition by a webhook (ConversionReview).

``convert(objects, to)`` is the contract. ``ConvertedStore`` shows a kind's objects in the version that was asked for,
whatever version they are stored in; everything else of the store it shows as it is. Where nothing has to be converted
nobody is called.
Source: "Versions in CustomResourceDefinitions" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from podo.api.encoding import encode, load, stamp
from podo.api.errors import ApiError
from podo.api.kind import Kind, Obj
from podo.api.kinds.apiextensions.customresourcedefinition import storage_version
from podo.api.metadata_rules import check_annotations, check_labels
from podo.api.rules import Found, invalid
from podo.apiserver.backend import Backend
from podo.apiserver.calling.failures import CannotCall
from podo.apiserver.fanout import WatchEvent
from podo.apiserver.metrics.conversions import CALL_FAILED, MALFORMED
from podo.apiserver.selection import Selection
from podo.storage.contract import Page, Record, Store, Watch, Write

#: Seconds a webhook may take, and objects that it is sent at once.
SECONDS, AT_ONCE = 30.0, 500
AGENT = "kube-apiserver-conversion"
_GROUP = "apiextensions.k8s.io"

#: Gives the objects in the version ``to`` (an apiVersion), in their order. Raises ApiError.
Convert = Callable[[list[Obj], str], Awaitable[list[Obj]]]


@dataclass(frozen=True, slots=True)
class Webhook:
    """The converter of one definition. Called as ``convert``."""

    backend: Backend
    client: Obj
    kind: str
    #: The newest form of review that the webhook takes.
    form: str = "v1"

    async def __call__(self, objects: list[Obj], to: str) -> list[Obj]:
        uid = self.backend.chance.uid()
        request = {"uid": uid, "desiredAPIVersion": to, "objects": objects}
        version = f"{_GROUP}/{self.form}"
        review = {"apiVersion": version, "kind": "ConversionReview", "request": request}
        about = f"{objects[0]['apiVersion']}, Kind={self.kind}"
        metrics = self.backend.metrics.conversions
        began, failure = metrics.now(), CALL_FAILED
        try:
            answer = await self.backend.caller.call(self.client, review, SECONDS, agent=AGENT)
            failure = MALFORMED
            found = _checked(answer, version, uid, objects, to)
            metrics.ended(began, "")
            return found
        except CannotCall as why:
            metrics.ended(began, failure)
            raise ApiError("InternalError", f"conversion webhook for {about} failed: {why}") from None


def _checked(answer: Obj, version: str, uid: str, sent: list[Obj], to: str) -> list[Obj]:
    """The objects of a review. Raises CannotCall for one that is not what was asked for."""
    if (answer.get("apiVersion"), answer.get("kind")) != (version, "ConversionReview"):
        raise CannotCall(f"expected {version} ConversionReview, got {answer.get('apiVersion')} {answer.get('kind')}")
    response = answer.get("response")
    if not isinstance(response, dict):
        raise CannotCall("no response provided")
    if response.get("uid") != uid:
        raise CannotCall(f'expected response.uid="{uid}", got "{response.get("uid") or ""}"')
    result = response.get("result") or {}
    if result.get("status") != "Success":
        raise CannotCall(
            result.get("message") or f"response.result.status was '{result.get('status') or ''}', not 'Success'"
        )
    found = response.get("convertedObjects") or []
    if len(found) != len(sent):
        raise CannotCall(f"returned {len(found)} objects, expected {len(sent)}")
    return [_restored(one, before, to, index) for index, (one, before) in enumerate(zip(found, sent, strict=True))]


def _restored(one: Any, before: Obj, to: str, index: int) -> Obj:
    """A converted object: of its metadata a webhook may change labels and annotations, and nothing else."""
    if not isinstance(one, dict) or one.get("apiVersion") != to:
        version = one.get("apiVersion") if isinstance(one, dict) else None
        raise CannotCall(
            f"invalid groupVersion (expected {to}, received {version}) of the converted object at index {index}"
        )
    if one.get("kind") != before.get("kind"):
        raise CannotCall(f"invalid kind (expected {before.get('kind')}, received {one.get('kind')}) at index {index}")
    made, kept = one.get("metadata"), dict(before["metadata"])
    if not isinstance(made, dict):
        raise CannotCall(f"missing metadata in converted object at index {index}")
    for name in ("name", "namespace", "uid"):
        if made.get(name) != kept.get(name):
            raise CannotCall(f"must have the same {name}: {kept.get(name)} != {made.get(name)} at index {index}")
    for name, check in (("labels", check_labels), ("annotations", check_annotations)):
        kept.pop(name, None)
        if given := made.get(name):
            kept[name] = _checked_texts(given, name, check, index)
    return {**one, "metadata": kept}


def _checked_texts(given: Any, name: str, check: Callable[[Any, str, Found], None], index: int) -> dict[str, str]:
    """Labels or annotations that a webhook has made."""
    found: Found = []
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        found.append(invalid(f"metadata.{name}", given, "must be an object of texts"))
    else:
        check(given, f"metadata.{name}", found)
    if found:
        raise CannotCall(f"invalid metadata in converted object at index {index}: {found[0]}")
    return dict(given)


class ConvertedStore:
    """A ``storage.contract.Store`` in which the objects of one kind are of the kind's own version."""

    def __init__(self, store: Store, kind: Kind, storage: tuple[str, Callable[[Obj], None]], convert: Convert) -> None:
        self._store = store
        self._kind = kind
        self._stored_in, self._prune = storage  # the stored apiVersion, and what prunes objects of it
        self.convert = convert

    async def shown(self, records: Sequence[Record]) -> list[Record]:
        """Records of the kind as they are shown. Raises ApiError."""
        objects: dict[int, Obj] = {}
        for index, record in enumerate(records):
            obj = orjson.loads(record.value)
            if obj["apiVersion"] != self._kind.api_version:
                objects[index] = obj
            else:
                self._read(obj)
                objects[index] = obj
        waiting = [index for index, obj in objects.items() if obj["apiVersion"] != self._kind.api_version]
        for versions in _by_version(waiting, objects):
            for start in range(0, len(versions), AT_ONCE):
                part = versions[start : start + AT_ONCE]
                converted = await self.convert([objects[index] for index in part], self._kind.api_version)
                for index, obj in zip(part, converted, strict=True):
                    self._read(obj)
                    objects[index] = obj
        return [_with_value(one, stamp(encode(objects[index]), one.revision)) for index, one in enumerate(records)]

    def _read(self, obj: Obj) -> None:
        if self._kind.custom is not None:
            self._kind.custom.read(obj)

    async def _stored(self, value: bytes) -> bytes:
        """Bytes of the kind's version as they are to be stored."""
        if self._kind.api_version == self._stored_in:
            return value
        (made,) = await self.convert([orjson.loads(value)], self._stored_in)
        self._prune(made)
        return encode(made)

    def _is_mine(self, key: str) -> bool:
        return key.startswith(self._kind.prefix)

    # -- the contract ------------------------------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        return self._store.revision

    @property
    def failure(self) -> str:
        return self._store.failure

    def changed(self, prefix: str) -> int:
        return self._store.changed(prefix)

    @property
    def oldest(self) -> int:
        return self._store.oldest

    async def open(self) -> None:
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()

    async def get(self, key: str) -> Record | None:
        found = await self._store.get(key)
        if found is None or not self._is_mine(key):
            return found
        return (await self.shown([found]))[0]

    async def range(self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0) -> Page:
        page = await self._store.range(prefix, after=after, limit=limit, revision=revision)
        return Page(await self.shown(page.records), page.revision, page.remaining) if self._is_mine(prefix) else page

    async def create(self, key: str, value: bytes) -> Record:
        if not self._is_mine(key):
            return await self._store.create(key, value)
        return _as_sent(await self._store.create(key, await self._stored(value)), value)

    async def update(self, key: str, value: bytes, *, expected: int = 0) -> Record:
        if not self._is_mine(key):
            return await self._store.update(key, value, expected=expected)
        return _as_sent(await self._store.update(key, await self._stored(value), expected=expected), value)

    async def delete(self, key: str, *, expected: int = 0) -> Record:
        return await self._store.delete(key, expected=expected)

    async def write_all(self, writes: Sequence[Write]) -> list[Record]:
        kept = [
            Write(one.key, await self._stored(one.value), one.expected)
            if one.value is not None and self._is_mine(one.key)
            else one
            for one in writes
        ]
        done = await self._store.write_all(kept)
        return [
            _as_sent(record, one.value) if one.value is not None else record
            for record, one in zip(done, writes, strict=True)
        ]

    async def is_outdated(self, key: str) -> bool:
        found = await self._store.get(key) if self._is_mine(key) else None
        is_old = found is not None and orjson.loads(found.value)["apiVersion"] != self._stored_in
        return is_old or await self._store.is_outdated(key)

    def watch(self, prefix: str, *, after: int = 0) -> Watch:
        """What is stored: watches have it ``shown`` on its way out."""
        return self._store.watch(prefix, after=after)

    def count(self, prefix: str) -> int:
        return self._store.count(prefix)

    async def compact(self, revision: int) -> None:
        await self._store.compact(revision)


def _as_sent(record: Record, value: bytes) -> Record:
    return _with_value(record, stamp(value, record.revision))


def _with_value(record: Record, value: bytes) -> Record:
    return Record(record.key, value, record.created, record.revision)


def _by_version(waiting: list[int], objects: dict[int, Obj]) -> list[list[int]]:
    """Objects of one version at a time, as a webhook may expect."""
    groups: dict[str, list[int]] = {}
    for index in waiting:
        groups.setdefault(objects[index]["apiVersion"], []).append(index)
    return list(groups.values())


def converted_backend(backend: Backend, definition: Obj, kind: Kind) -> Backend:
    """What operations on objects of a kind work with that the definition's webhook converts."""
    from podo.apiserver.extension.customkinds import schema_of

    spec = definition["spec"]
    webhook = spec["conversion"].get("webhook") or {}
    form = next((one for one in webhook.get("conversionReviewVersions") or () if one in ("v1", "v1beta1")), "v1")
    stored_in = storage_version(definition)
    version = next(one for one in spec["versions"] if one["name"] == stored_in)
    storage = (f"{spec['group']}/{stored_in}", schema_of(definition, version).prune)
    store = ConvertedStore(
        backend.store, kind, storage, Webhook(backend, webhook.get("clientConfig") or {}, kind.kind, form)
    )
    return replace(backend, store=store, convert=store.convert)


async def shown_events(backend: Backend, selection: Selection, events: list[WatchEvent]) -> list[WatchEvent]:
    """Events of a watch as they are shown: converted, and then selected. Raises ApiError."""
    store = backend.of(selection.kind).store
    if not isinstance(store, ConvertedStore):
        return events
    records = [event.record for event in events if event.record is not None]
    if selection.everything:
        shown = iter(await store.shown(records))
        return [
            event if event.record is None else WatchEvent(event.type, next(shown), event.revision) for event in events
        ]
    former = [event.previous for event in events if event.previous is not None]
    both = iter(await store.shown([*records, *former]))
    after = [next(both) if event.record is not None else None for event in events]
    before = [next(both) if event.previous is not None else None for event in events]
    states = zip(events, before, after, strict=True)
    found = (_selected(event, was, now, selection) for event, was, now in states)
    return [event for event in found if event is not None]


def _selected(
    event: WatchEvent, before: Record | None, after: Record | None, selection: Selection
) -> WatchEvent | None:
    """An event as the selection shows it: an object may come into it, and go out of it."""
    if after is None:
        return event
    was = before is not None and selection.matches(before)
    if event.type != "DELETED" and selection.matches(after):
        return WatchEvent("MODIFIED" if was else "ADDED", after, event.revision)
    if before is None or not was:
        return None
    gone = after if event.type == "DELETED" else _with_value(before, stamp(encode(load(before.value)), event.revision))
    return WatchEvent("DELETED", gone, event.revision)
