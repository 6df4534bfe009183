"""Taint eviction: pods leave a node with a NoExecute taint at once, or after the tolerationSeconds of what tolerates
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of, namespace_of
from podo.api.parts.tolerations import tolerates
from podo.controllers.podstate import disrupted, is_finished
from podo.reconcile.actions import Action, CheckAgain, Delete, Tell
from podo.reconcile.declare import Key, View, controller
from podo.values import timestamp


def _on(node: Obj, view: View) -> Iterator[Key]:
    if _evicting(node):
        for pod in view.list("Pod"):
            if pod["spec"].get("nodeName") == name_of(node):
                yield Key(namespace_of(pod), name_of(pod))


def _evicting(node: Obj) -> list[dict[str, Any]]:
    return [taint for taint in (node.get("spec") or {}).get("taints") or () if taint.get("effect") == "NoExecute"]


def _has_node(pod: Obj) -> bool:
    return bool(pod["spec"].get("nodeName"))


@controller(reconciles="Pod", watches={"Node": _on}, minds=_has_node)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    pod = view.get("Pod", key.name, key.namespace)
    if pod is None or is_deleting(pod) or is_finished(pod) or not pod["spec"].get("nodeName"):
        return
    node = view.get("Node", pod["spec"]["nodeName"])
    taints = _evicting(node) if node is not None else []
    moment = evicted_at(pod, taints, view.now)
    if moment is None:
        return
    if moment > view.now:
        yield CheckAgain(moment - view.now)
        return
    yield Tell(pod, "TaintManagerEviction", f"Marking for deletion Pod {key.namespace}/{key.name}")
    yield disrupted(pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint", view.now)
    yield Delete(pod)


def evicted_at(pod: Obj, taints: list[dict[str, Any]], now: float) -> float | None:
    """When the pod must go (seconds); None where it may stay for ever."""
    moments = []
    for taint in taints:
        matching = [t for t in pod["spec"].get("tolerations") or () if tolerates(t, taint)]
        if not matching:
            return now
        limits = [max(0, int(t["tolerationSeconds"])) for t in matching if t.get("tolerationSeconds") is not None]
        if limits:
            since = timestamp.parse(taint["timeAdded"]) if taint.get("timeAdded") else now
            moments.append(since + min(limits))
    return min(moments, default=None)
