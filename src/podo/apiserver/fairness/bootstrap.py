"""The default FlowSchemas and PriorityLevelConfigurations in the store: written at the first start, brought to their
present form at every other, but for those that an administrator keeps as they are.
"""

from __future__ import annotations

import asyncio

from podo.api import registry
from podo.api.kind import Obj
from podo.api.kinds.flowcontrol import defaults
from podo.api.kinds.flowcontrol.flowschema import FLOWSCHEMA, dangling
from podo.apiserver import stamping, stored
from podo.apiserver.backend import Backend
from podo.storage.contract import KeyExists, KeyNotFound, RevisionMismatch


async def ensure_defaults(backend: Backend) -> None:
    """Straight into the store, before the first request."""
    wanted = [*defaults.priority_levels(), *defaults.flow_schemas()]
    await asyncio.gather(*(_ensure(backend, obj) for obj in wanted))


async def _ensure(backend: Backend, wanted: Obj) -> None:
    kind = registry.of(wanted)
    key = kind.key("", wanted["metadata"]["name"])
    record = await backend.store.get(key)
    try:
        if record is None:
            obj = {**wanted, "metadata": {**wanted["metadata"]}}
            stamping.stamp_new(obj, backend.clock.now(), backend.chance)
            obj["metadata"]["generation"] = 1
            if kind is FLOWSCHEMA:  # nothing is left to be said by the controller
                obj["status"] = {"conditions": [_found(obj)]}
            await backend.store.create(key, stored.dump(kind, obj))
        elif (new := reconciled(stored.load(kind, record.value), wanted)) is not None:
            await backend.store.update(key, stored.dump(kind, new), expected=record.revision)
    except (KeyExists, KeyNotFound, RevisionMismatch):
        return  # somebody else's newer write stays; the next start looks again


def _found(schema: Obj) -> Obj:
    condition = dangling(schema["spec"]["priorityLevelConfiguration"]["name"], True)
    return {**condition, "lastTransitionTime": schema["metadata"]["creationTimestamp"]}


def reconciled(there: Obj, wanted: Obj) -> Obj | None:
    """``there`` with the spec that it should have; None where nothing has to change.

    A suggested object without the annotation is an administrator's once its spec has been changed (its generation
    tells).
    """
    metadata = there["metadata"]
    annotations = metadata.get("annotations") or {}
    mandatory = metadata["name"] in defaults.MANDATORY
    automatic = annotations.get(defaults.AUTOUPDATE)
    if not mandatory and automatic != "true" and (automatic == "false" or metadata.get("generation", 1) > 1):
        return None
    spec = wanted["spec"]
    if there["kind"] == "PriorityLevelConfiguration" and metadata["name"] == defaults.EXEMPT:
        spec = {**spec, "exempt": {**spec["exempt"], **((there.get("spec") or {}).get("exempt") or {})}}
    changed = there.get("spec") != spec
    if not changed and automatic == "true":
        return None
    generation = metadata.get("generation", 1) + changed
    told = {**metadata, "generation": generation, "annotations": {**annotations, defaults.AUTOUPDATE: "true"}}
    return {**there, "metadata": told, "spec": spec}
