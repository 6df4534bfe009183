"""The binding of a pod to a node: what a scheduler posts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from podo.api.encoding import dumps
from podo.api.errors import ApiError, conflict, invalid
from podo.api.kind import Obj
from podo.api.kinds.core.binding import BINDING
from podo.api.rules import not_supported, required
from podo.apiserver import shape, stored
from podo.apiserver.admitting import admit_whole
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.rewrite import rewrite
from podo.apiserver.scopes import UNOWNED
from podo.storage.contract import KeyNotFound, RevisionMismatch, StoreError
from podo.values import timestamp

#: What went wrong with each; None where it is done.
Outcomes = list[ApiError | None]
#: The answer to a binding.
BOUND = dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})


async def bind(backend: Backend, call: Call, binding: Obj) -> Written:
    """Set ``spec.nodeName`` once, with the condition PodScheduled. Raises Conflict for a bound or deleted pod."""
    shape.conform(replace(call, kind=BINDING, subresource=""), binding)
    _target(call, binding)
    if binding["metadata"].get("name") not in (None, "", call.name):
        raise ApiError("BadRequest", "name in URL does not match name in Binding object")
    await admit_whole(backend, call, "CREATE", binding, None)
    node, found = _target(call, binding), binding.get("metadata") or {}  # as webhooks have it
    now = timestamp.time(backend.clock.now())

    def assign(pod: Obj) -> Obj:
        _check(call, pod, found)
        return _assigned(pod, node, found, now)

    await rewrite(backend, call, assign, UNOWNED, copied=False)
    return Written(BOUND, 201)


async def bind_all(backend: Backend, wanted: Sequence[tuple[Call, Obj]]) -> Outcomes:
    """Many bindings of different pods at once: what went wrong with each. The same as ``bind`` of each, but where
    nobody outside is asked, all are worked out in one go and written in one commit."""
    if backend.policies.mutating or backend.policies.validating or backend.webhooks.mutating.active:
        return list(await asyncio.gather(*(_alone(backend, call, binding) for call, binding in wanted)))
    if backend.webhooks.validating.active:
        return list(await asyncio.gather(*(_alone(backend, call, binding) for call, binding in wanted)))
    now = timestamp.time(backend.clock.now())
    return list(await asyncio.gather(*(_bind_at_once(backend, call, binding, now) for call, binding in wanted)))


async def _alone(backend: Backend, call: Call, binding: Obj) -> ApiError | None:
    try:
        await bind(backend, call, binding)
    except ApiError as refused:
        return refused
    except StoreError as failure:
        return ApiError("InternalError", str(failure))
    return None


async def _bind_at_once(backend: Backend, call: Call, binding: Obj, now: str) -> ApiError | None:
    """Writes what follows from the pod as it is; where that has changed meanwhile, or is not fit to be bound, the long
    way says what to do."""
    record = await backend.store.get(call.key)
    if record is None:
        return await _alone(backend, call, binding)
    try:
        node, pod = _target(call, binding), stored.shared(call.kind, record.value)
        _check(call, pod, binding.get("metadata") or {})
        await admit_whole(backend, call, "CREATE", binding, None)
        new = _assigned(pod, node, binding.get("metadata") or {}, now)
        done = await backend.store.update(record.key, stored.dump(call.kind, new), expected=record.revision)
    except ApiError as refused:
        return refused
    except (KeyNotFound, RevisionMismatch):
        return await _alone(backend, call, binding)
    except StoreError as failure:
        return ApiError("InternalError", str(failure))
    stored.share(call.kind, done.value, done.revision, new)
    return None


def _assigned(pod: Obj, node: str, given: Obj, now: str) -> Obj:
    """The pod with its node, and the labels and annotations that are ``given`` by the metadata of the binding; parts
    that do not change are shared with ``pod``."""
    metadata = dict(pod["metadata"])
    for name in ("annotations", "labels"):
        if given.get(name):
            metadata[name] = {**(metadata.get(name) or {}), **given[name]}
    status = dict(pod.get("status") or {})
    status.pop("nominatedNodeName", None)  # it has its node
    _set_scheduled(status, now)
    return {**pod, "metadata": metadata, "spec": {**pod["spec"], "nodeName": node}, "status": status}


def _target(call: Call, binding: Obj) -> str:
    found = binding.get("target")
    target = found if isinstance(found, dict) else {}
    name, problems = target.get("name"), []
    if target.get("kind") not in (None, "", "Node"):
        problems.append(not_supported("target.kind", target["kind"], ("Node", "<empty>")))
    if not name or not isinstance(name, str):
        problems.append(required("target.name"))
    if problems:
        raise invalid(call.kind, call.name, problems)
    return str(name)


def _check(call: Call, pod: Obj, given: Obj) -> None:
    """``given``: the binding's metadata, which may say which pod it means."""
    for name, word in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if (wanted := given.get(name)) and wanted != (found := pod["metadata"].get(name)):
            why = f"Precondition failed: {word} in precondition: {wanted}, {word} in object meta: {found}"
            raise conflict(call.kind, call.name, why)
    if "deletionTimestamp" in pod["metadata"]:
        raise conflict(call.kind, call.name, f"pod {call.name} is being deleted, cannot be assigned to a host")
    if node := (pod.get("spec") or {}).get("nodeName"):
        raise conflict(call.kind, call.name, f'pod {call.name} is already assigned to node "{node}"')
    if pod["spec"].get("schedulingGates"):
        raise conflict(call.kind, call.name, f"pod {call.name} has non-empty .spec.schedulingGates")


def _set_scheduled(status: Obj, now: str) -> None:
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    others = [one for one in status.get("conditions") or () if one.get("type") != "PodScheduled"]
    status["conditions"] = [*others, condition]
