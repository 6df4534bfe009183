"""The binding of a pod to a node: what a scheduler posts."""

from __future__ import annotations

from podo.api.encoding import dumps
from podo.api.errors import ApiError, conflict, invalid
from podo.api.kind import Obj, Problem
from podo.apiserver.admitting import admit_whole
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call, Written
from podo.apiserver.rewrite import UNOWNED, rewrite
from podo.values import timestamp


async def bind(backend: Backend, call: Call, binding: Obj) -> Written:
    """Set ``spec.nodeName`` once, with the condition PodScheduled. Raises Conflict for a bound or deleted pod."""
    _target(call, binding)
    found = binding.get("metadata") or {}
    if found.get("name") not in (None, "", call.name):
        raise ApiError("BadRequest", "name in URL does not match name in Binding object")
    await admit_whole(backend, call, "CREATE", binding, None)
    node = _target(call, binding)  # as webhooks have it
    now = timestamp.time(backend.clock.now())

    def assign(pod: Obj) -> Obj:
        _check(call, pod, found.get("uid") or "")
        pod["spec"]["nodeName"] = node
        pod["spec"].pop("schedulingGates", None)
        if annotations := found.get("annotations"):
            pod["metadata"]["annotations"] = {**(pod["metadata"].get("annotations") or {}), **annotations}
        status = pod.setdefault("status", {})
        status.pop("nominatedNodeName", None)  # it has its node
        _set_scheduled(status, now)
        return pod

    await rewrite(backend, call, assign, UNOWNED)
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return Written(dumps(status), 201)


def _target(call: Call, binding: Obj) -> str:
    target = binding.get("target")
    problems = []
    if not isinstance(target, dict) or not target.get("name") or not isinstance(target["name"], str):
        problems.append(Problem("target.name", "FieldValueRequired", "Required value"))
    elif target.get("kind") not in (None, "", "Node"):
        why = f'Unsupported value: "{target["kind"]}": supported values: "Node", "<empty>"'
        problems.append(Problem("target.kind", "FieldValueNotSupported", why))
    else:
        return str(target["name"])
    raise invalid(call.kind, call.name, problems)


def _check(call: Call, pod: Obj, uid: str) -> None:
    if uid and uid != pod["metadata"].get("uid"):
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {pod['metadata'].get('uid')}"
        raise conflict(call.kind, call.name, why)
    if "deletionTimestamp" in pod["metadata"]:
        raise conflict(call.kind, call.name, f"pod {call.name} is being deleted, cannot be assigned to a host")
    if node := (pod.get("spec") or {}).get("nodeName"):
        raise conflict(call.kind, call.name, f'pod {call.name} is already assigned to node "{node}"')


def _set_scheduled(status: Obj, now: str) -> None:
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
    others = [one for one in status.get("conditions") or () if one.get("type") != "PodScheduled"]
    status["conditions"] = [*others, condition]
