"""Taint eviction: pods leave a node with a NoExecute taint at once, or after the tolerationSeconds of what tolerates
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_of, is_deleting, name_of, namespace_of
from podo.api.parts.tolerations import tolerates
from podo.controllers.podstate import disrupted, is_finished
from podo.reconcile.actions import Action, CheckAgain, Delete, Tell
from podo.reconcile.declare import Declaration, Key, View, controller
from podo.values import timestamp


def _on(node: Obj, view: View) -> Iterator[Key]:
    for pod in view.list("Pod"):
        if pod["spec"].get("nodeName") == name_of(node):
            yield Key(namespace_of(pod), name_of(pod))


def _evicting(node: Obj) -> list[dict[str, Any]]:
    return [taint for taint in (node.get("spec") or {}).get("taints") or () if taint.get("effect") == "NoExecute"]


def _has_node(pod: Obj) -> bool:
    return bool(pod["spec"].get("nodeName"))


def tainteviction() -> Declaration:
    """The controller. It remembers since when it has known that a pod must go: taints need not say since when they
    are there, and a user is told of an eviction that is called off."""
    known_since: dict[Key, float] = {}

    def woken(node: Obj, view: View) -> Iterator[Key]:
        return _on(node, view) if _evicting(node) else iter(list(known_since))

    @controller(name="tainteviction", reconciles="Pod", watches={"Node": woken}, minds=_has_node)
    def reconcile(key: Key, view: View) -> Iterator[Action]:
        pod = view.get("Pod", key.name, key.namespace)
        if pod is None or is_deleting(pod) or is_finished(pod) or not pod["spec"].get("nodeName"):
            known_since.pop(key, None)
            return
        node = view.get("Node", pod["spec"]["nodeName"])
        moment = evicted_at(pod, _evicting(node) if node is not None else [], known_since.get(key, view.now))
        if moment is None:
            if known_since.pop(key, None) is not None:
                yield Tell(pod, "TaintManagerEviction", f"Cancelling deletion of Pod {key.namespace}/{key.name}")
        elif moment > view.now:
            known_since.setdefault(key, view.now)
            yield CheckAgain(moment - view.now)
        else:
            yield from _evicted(pod, view.now)

    return reconcile


def _evicted(pod: Obj, now: float) -> Iterator[Action]:
    yield Tell(pod, "TaintManagerEviction", f"Marking for deletion Pod {namespace_of(pod)}/{name_of(pod)}")
    yield disrupted(pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint", now)
    yield Delete(pod)


def evicted_at(pod: Obj, taints: list[dict[str, Any]], known_since: float) -> float | None:
    """When the pod must go (seconds); None where it may stay for ever. ``known_since``: of taints that do not say it.

    Of several tolerations of a taint the first counts. A pod that came after the taint has its whole time, too.
    """
    moments = []
    for taint in taints:
        toleration = next((t for t in pod["spec"].get("tolerations") or () if tolerates(t, taint)), None)
        if toleration is None:
            return known_since
        if (limit := toleration.get("tolerationSeconds")) is not None:
            added = timestamp.parse(taint["timeAdded"]) if taint.get("timeAdded") else known_since
            moments.append(max(added, _placed_at(pod)) + max(0, int(limit)))
    return min(moments, default=None)


def _placed_at(pod: Obj) -> float:
    placed = (condition_of(pod, "PodScheduled") or {}).get("lastTransitionTime")
    since = placed or pod["metadata"].get("creationTimestamp")
    return timestamp.parse(since) if since else 0.0
