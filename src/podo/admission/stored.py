"""What plug-ins look up: the object of a kind and name as it is stored."""

from __future__ import annotations

import orjson

from podo.admission.request import AdmissionRequest
from podo.api import registry
from podo.api.kind import Obj


async def stored(request: AdmissionRequest, kind: str, namespace: str, name: str) -> Obj | None:
    """None for one that does not exist; ``namespace`` is "" for a kind that has none."""
    record = await request.store.get(registry.named(kind).key(namespace, name))
    return orjson.loads(record.value) if record else None
