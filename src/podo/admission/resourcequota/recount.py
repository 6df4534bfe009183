"""Counting from the store what a namespace uses of a quota, however it came about."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson

from podo.admission.resourcequota.check import Tally
from podo.admission.resourcequota.scopes import matches
from podo.admission.resourcequota.usage import CLAIMS, DEVICE_CLAIMS, PODS, SERVICES, Resource, resource_of, usage
from podo.api.kind import Obj
from podo.api.parts.podamounts import Amounts, amounts_of, plus
from podo.storage.contract import Store
from podo.values.quantity import NANO, Quantity

#: Objects are read in pages of this size.
PAGE = 500
#: Resources of which objects differ in what they count for; of all others each object is one.
_WEIGHED = (PODS, SERVICES, CLAIMS, DEVICE_CLAIMS)


async def counted(store: Store, quota: Obj, now: float) -> Tally:
    """The quota with ``hard`` as wanted and ``used`` as it is in the store."""
    spec = quota.get("spec") or {}
    hard = amounts_of(spec.get("hard"))
    used: Amounts = {name: Quantity(0) for name in hard}
    namespace = quota["metadata"]["namespace"]
    has_scopes = bool(spec.get("scopes") or spec.get("scopeSelector"))
    for resource in sorted({found for name in hard if (found := resource_of(name))}):
        if resource in _WEIGHED:
            total = await _weighed(store, spec, resource, namespace, now)
        else:
            number = 0 if has_scopes else store.count(_prefix(resource, namespace))
            one = usage(resource, {"metadata": {}}, now)
            total = {name: Quantity(number * NANO) for name in one}
        used.update((name, amount) for name, amount in total.items() if name in hard)
    return Tally(quota, hard, used)


def _prefix(resource: Resource, namespace: str) -> str:
    group, plural = resource
    return f"/{group or 'core'}/{plural}/{namespace}/"


async def _weighed(store: Store, spec: Obj, resource: Resource, namespace: str, now: float) -> Amounts:
    total: Amounts = {}
    async for obj in _objects(store, _prefix(resource, namespace)):
        if matches(spec, resource, obj):
            total = plus(total, usage(resource, obj, now))
    return total


async def _objects(store: Store, prefix: str) -> AsyncIterator[Obj]:
    after = ""
    while True:
        page = await store.range(prefix, after=after, limit=PAGE)
        for record in page.records:
            yield orjson.loads(record.value)
        if not page.remaining:
            return
        after = page.records[-1].key


def written(quota: Obj, tally: Tally) -> Obj:
    """The quota with the tally as its status."""
    status = {
        "hard": {name: str(amount) for name, amount in tally.hard.items()},
        "used": {name: str(tally.used.get(name, Quantity(0))) for name in tally.hard},
    }
    return {**quota, "status": status}
