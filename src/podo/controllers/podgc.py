"""Pod garbage collection: pods of nodes that are gone or out of service, pods deleted before they had a node, the
oldest of too many finished ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import condition_is_true, is_deleting, name_of, namespace_of, uid_of
from podo.controllers.podstate import disrupted, is_finished
from podo.reconcile.actions import Action, Delete, EnsureAbsent, Patch
from podo.reconcile.declare import Declaration, Key, Later, View, controller, nothing

#: Finished pods kept (--terminated-pod-gc-threshold).
THRESHOLD = 12500
#: Seconds for which a node must have been missing before its pods are removed: it may be about to be seen.
QUARANTINE = 40.0
#: The taint of a node whose machine is known to be off.
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
#: The key of the pass over all finished pods; no pod has it.
_ALL = Key("", "")


def _on(node: Obj, view: View) -> Iterator[Key]:
    for pod in view.list("Pod"):
        if pod["spec"].get("nodeName") == name_of(node):
            yield Key(namespace_of(pod), name_of(pod))


def _when_out_of_service(node: Obj, view: View) -> Iterator[Key]:
    if _is_out_of_service(node):
        yield from _on(node, view)


@controller(reconciles="Pod", watches={"Node": _when_out_of_service}, minds=is_deleting)
def reconcile(key: Key, view: View) -> Iterator[Action]:
    pod = view.get("Pod", key.name, key.namespace)
    if pod is None or not is_deleting(pod):
        return
    name = pod["spec"].get("nodeName")
    node = view.get("Node", name) if name else None
    if not name or (node is not None and _is_out_of_service(node)):
        yield from _removed(pod)


def _when_gone(node: Obj, view: View) -> Iterator[Later]:
    if view.get("Node", name_of(node)) is None:
        yield from (Later(key, QUARANTINE) for key in _on(node, view))


def _without_node(pod: Obj, view: View) -> Iterator[Later]:
    node = pod["spec"].get("nodeName")
    if node and view.get("Node", node) is None:
        yield Later(Key(namespace_of(pod), name_of(pod)), QUARANTINE)


@controller(name="podgc-orphaned", reconciles="Pod", watches={"Node": _when_gone, "Pod": _without_node}, minds=nothing)
def orphaned(key: Key, view: View) -> Iterator[Action]:
    pod = view.get("Pod", key.name, key.namespace)
    node = pod["spec"].get("nodeName") if pod is not None else None
    if pod is not None and node and view.get("Node", node) is None:
        yield EnsureAbsent("Node", name=node)
        why = "PodGC: node no longer exists"
        yield from _removed(pod, disrupted(pod, "DeletionByPodGC", why, view.now, phase="Failed"))


def _is_out_of_service(node: Obj) -> bool:
    """Has somebody said that the machine, which is silent, runs nothing any more (KEP-2268)?"""
    taints = (node.get("spec") or {}).get("taints") or ()
    return any(taint["key"] == OUT_OF_SERVICE for taint in taints) and not condition_is_true(node, "Ready")


def _removed(pod: Obj, failed: Patch | None = None) -> Iterator[Action]:
    """Nobody else says of such a pod that it has failed, which who waits for its end (a Job, say) must know."""
    if not is_finished(pod):
        patch = {"metadata": {"uid": uid_of(pod)}, "status": {"phase": "Failed"}}
        yield failed or Patch(pod, patch, subresource="status")
    yield Delete(pod, grace_seconds=0)


def _when_finished(pod: Obj, view: View) -> Iterator[Key]:
    if is_finished(pod):
        yield _ALL


def _eldest_first(pod: Obj) -> tuple[bool, str, str]:
    """Evicted pods go before all others: nobody asks for their result."""
    was_evicted = (pod.get("status") or {}).get("reason") == "Evicted"
    return not was_evicted, pod["metadata"].get("creationTimestamp") or "", name_of(pod)


def finished_pods(kept: int = THRESHOLD) -> Declaration:
    """Deletes the oldest finished pods of more than ``kept``."""

    def reconcile(key: Key, view: View) -> Iterator[Action]:
        if key != _ALL:
            return
        finished = [pod for pod in view.list("Pod") if is_finished(pod) and not is_deleting(pod)]
        if len(finished) <= kept:
            return
        finished.sort(key=_eldest_first)
        for pod in finished[: len(finished) - kept]:
            yield Delete(pod, grace_seconds=0)

    watches = {"Pod": _when_finished}
    return Declaration("podgc-finished", "Node", reconcile, watches=watches, workers=1, minds=nothing)
