"""Priority: a pod's priority and preemption policy from its PriorityClass, from the default class where it names none,
and 0 where there is no default; and that only one class is the default.

Source: "Pod Priority and Preemption" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import lru_cache

import msgspec

from podo.admission.remembered import Remembered
from podo.admission.request import AdmissionRequest, Plugin, creates_pod
from podo.api.errors import forbidden
from podo.api.kind import Kind
from podo.api.kinds.scheduling.priorityclass import DEFAULT_POLICY, PRIORITYCLASS, SYSTEM_CLASSES
from podo.storage.contract import Store

#: Classes are looked through for the default one in pages of this size.
_PAGE = 500


class _Metadata(msgspec.Struct):
    name: str = ""


class _Class(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    value: int = 0
    globalDefault: bool = False
    preemptionPolicy: str = DEFAULT_POLICY


#: Every pod asks for the few classes there are; their bytes change seldom.
_decode = lru_cache(256)(msgspec.json.Decoder(_Class).decode)


def handles(kind: Kind, operation: str, subresource: str) -> bool:
    if kind is PRIORITYCLASS:
        return operation in ("CREATE", "UPDATE")
    return creates_pod(kind, operation, subresource)


async def admit(request: AdmissionRequest) -> None:
    if request.kind is PRIORITYCLASS:
        await _one_default(request)
    else:
        await _set_priority(request)


async def _one_default(request: AdmissionRequest) -> None:
    if request.object is None or not request.object.get("globalDefault"):
        return
    name = request.object["metadata"].get("name") or ""
    async for other in _defaults(request.store):
        if other.metadata.name != name:
            why = f"PriorityClass {other.metadata.name} is already marked as default. Only one default can exist"
            raise forbidden(request.kind, name, why)


async def _set_priority(request: AdmissionRequest) -> None:
    spec = request.object.get("spec") if request.object else None
    if not isinstance(spec, dict):
        return
    found = await _class_of(request, spec.get("priorityClassName") or "")
    if found.metadata.name:
        spec["priorityClassName"] = found.metadata.name
    asked = spec.get("priority")
    if asked is not None and asked != found.value:
        why = (
            f"the integer value of priority ({asked}) must not be provided in pod spec; priority admission controller "
        )
        raise forbidden(request.kind, request.name, f"{why}computed {found.value} from the given PriorityClass name")
    spec["priority"] = found.value
    policy = spec.get("preemptionPolicy")
    if policy is not None and policy != found.preemptionPolicy:
        why = (
            f"the string value of PreemptionPolicy ({policy}) must not be provided in pod spec; priority admission "
            f"controller computed {found.preemptionPolicy} from the given PriorityClass name"
        )
        raise forbidden(request.kind, request.name, why)
    spec["preemptionPolicy"] = found.preemptionPolicy


async def _class_of(request: AdmissionRequest, name: str) -> _Class:
    """The class named, or the default one. Raises Forbidden for one that does not exist."""
    if not name:
        return await _DEFAULT.of(request.store)
    record = await request.store.get(PRIORITYCLASS.key("", name))
    if record is not None:
        return _decode(record.value)
    if name in SYSTEM_CLASSES:  # they are always there, also in the moment before they are made
        return _Class(_Metadata(name), SYSTEM_CLASSES[name])
    raise forbidden(request.kind, request.name, f"no PriorityClass with name {name} was found")


async def _default(store: Store) -> _Class:
    """Of several defaults (made at the same moment) the least, as upstream."""
    found = [one async for one in _defaults(store)]
    return min(found, key=lambda one: one.value, default=_Class())


async def _defaults(store: Store) -> AsyncIterator[_Class]:
    after = ""
    while True:
        page = await store.range(PRIORITYCLASS.prefix, after=after, limit=_PAGE)
        for record in page.records:
            if b'"globalDefault":true' in record.value and (found := _decode(record.value)).globalDefault:
                yield found
        if not page.remaining:
            return
        after = page.records[-1].key


_DEFAULT = Remembered(PRIORITYCLASS.prefix, _default)
PLUGIN = Plugin("Priority", handles, admit)
