"""Node lifecycle: a node whose kubelet is silent becomes Unknown; conditions become taints; pods of a lost node
become unready.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podo.api.kind import Obj
from podo.api.meta import condition_is_true, condition_of, is_deleting, labels_of, name_of, uid_of
from podo.controllers import zones
from podo.controllers.nodeevents import KnownNodes
from podo.controllers.podstate import is_ready
from podo.reconcile.actions import Action, CheckAgain, Patch, SetStatus, Tell
from podo.reconcile.declare import Declaration, Key, Later, View, controller
from podo.values import timestamp

#: Seconds without a heartbeat after which a node counts as lost (--node-monitor-grace-period).
GRACE = 50.0
#: The same for a node whose kubelet has not reported anything yet (--node-startup-grace-period).
STARTUP_GRACE = 60.0
#: Seconds from a change of a lost node to a look at all that are lost.
LOOK = 0.1
#: The key of that look; no node has it.
_ALL = Key("", "")
LEASES = "kube-node-lease"
_CONDITIONS = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_PREFIX = "node.kubernetes.io/"
#: (condition, status) -> the taint that says so.
_TAINTS = {
    ("Ready", "False"): "not-ready",
    ("Ready", "Unknown"): "unreachable",
    ("MemoryPressure", "True"): "memory-pressure",
    ("DiskPressure", "True"): "disk-pressure",
    ("PIDPressure", "True"): "pid-pressure",
    ("NetworkUnavailable", "True"): "network-unavailable",
}
_EVICTING = frozenset({"not-ready", "unreachable"})
#: The taints that are ours to remove; others of the same names are somebody's.
_OURS = {(f"{_PREFIX}{name}", "NoSchedule") for name in (*_TAINTS.values(), "unschedulable")}
_OURS |= {(f"{_PREFIX}{name}", "NoExecute") for name in _EVICTING}
#: Labels that say the same under an older name.
_OLDER = {"kubernetes.io/os": "beta.kubernetes.io/os", "kubernetes.io/arch": "beta.kubernetes.io/arch"}


def _its_node(lease: Obj, view: View) -> Iterator[Key]:
    if lease["metadata"].get("namespace") == LEASES:
        yield Key("", name_of(lease))


def _if_lost(node: Obj, view: View) -> Iterator[Later]:
    """What is lost is looked at together, and soon instead of at once: many may be lost, or register, at a time."""
    if zones.is_lost(node):
        yield Later(_ALL, max(LOOK, zones.unsettled_for(node, view.now)))


def nodelifecycle() -> Declaration:
    """The controller. It remembers the nodes that it has told of."""
    known = KnownNodes()

    @controller(reconciles="Node", watches={"Lease": _its_node, "Node": _if_lost}, reads=("Pod",))
    def reconcile(key: Key, view: View) -> Iterator[Action]:
        if key == _ALL:
            yield from _look_at_lost(view)
            return
        node = view.get("Node", key.name)
        yield from known.seen(key.name, node)
        if node is not None and not is_deleting(node):
            yield from _look_at(node, view)

    return reconcile


def _look_at(node: Obj, view: View) -> Iterator[Action]:
    silent_at = last_heartbeat(node, view) + (GRACE if condition_of(node, "Ready") else STARTUP_GRACE)
    if silent_at > view.now:
        yield CheckAgain(silent_at - view.now)
    else:
        lost = _lost(node, view.now)
        if lost != (node.get("status") or {}).get("conditions"):
            yield from _declare_lost(node, lost)
            return
    if labels := _labels_to_add(node):
        yield Patch(node, {"metadata": {"uid": uid_of(node), "labels": labels}})
        return
    yield from _taint(node, view.now, evicting=zones.is_lost(node) and zones.is_marked(node))


def _labels_to_add(node: Obj) -> dict[str, str]:
    present = labels_of(node)
    wanted = {old: present[new] for new, old in _OLDER.items() if new in present}
    return {name: value for name, value in wanted.items() if present.get(name) != value}


def _look_at_lost(view: View) -> Iterator[Action]:
    """Decide for all nodes at once whose pods may be evicted: a look at each costs all lost nodes the same."""
    nodes = view.list("Node")
    lost = [node for node in nodes if zones.is_lost(node)]
    if not lost:
        return
    yield from _unready_pods({name_of(node): _since(node) for node in lost if _is_silent(node)}, view)
    turns = zones.turns(nodes, view.now)
    for node in lost:
        evicting = name_of(node) in turns.evicting
        if evicting is not zones.is_marked(node) and not is_deleting(node):
            yield from _taint(node, view.now, evicting=evicting)
    if turns.wait is not None:
        yield CheckAgain(turns.wait)


def _is_silent(node: Obj) -> bool:
    return (condition_of(node, "Ready") or {}).get("status") == "Unknown"


def last_heartbeat(node: Obj, view: View) -> float:
    """When its kubelet was last heard of (seconds): by its Lease, its status, or before either its creation."""
    moments = [node["metadata"].get("creationTimestamp")]
    if (ready := condition_of(node, "Ready")) is not None and ready.get("status") != "Unknown":
        moments.append(ready.get("lastHeartbeatTime"))
    if (lease := view.get("Lease", name_of(node), LEASES)) is not None:
        moments.append((lease.get("spec") or {}).get("renewTime"))
    return max((timestamp.parse(moment) for moment in moments if moment), default=view.now)


def _lost(node: Obj, now: float) -> list[dict[str, Any]]:
    """The node's conditions, those that a kubelet reports all Unknown."""
    present = list((node.get("status") or {}).get("conditions") or [])
    for kind in _CONDITIONS:
        old = condition_of(node, kind)
        if old is None:
            present.append(_never_posted(node, kind, now))
        elif old.get("status") != "Unknown":
            unknown = {
                **old,
                "status": "Unknown",
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
                "lastTransitionTime": timestamp.time(now),
            }
            present = [unknown if condition is old else condition for condition in present]
    return present


def _never_posted(node: Obj, kind: str, now: float) -> dict[str, Any]:
    return {
        "type": kind,
        "status": "Unknown",
        "reason": "NodeStatusNeverUpdated",
        "message": "Kubelet never posted node status.",
        "lastHeartbeatTime": node["metadata"].get("creationTimestamp"),
        "lastTransitionTime": timestamp.time(now),
    }


def _declare_lost(node: Obj, conditions: list[dict[str, Any]]) -> Iterator[Action]:
    yield SetStatus(node, {**(node.get("status") or {}), "conditions": conditions})
    if condition_is_true(node, "Ready"):
        yield Tell(node, "NodeNotReady", f"Node {name_of(node)} status is now: NodeNotReady")


def _since(obj: Obj) -> str:
    """When its condition Ready became what it is."""
    return str((condition_of(obj, "Ready") or {}).get("lastTransitionTime") or "")


def _unready_pods(nodes: dict[str, str], view: View) -> Iterator[Action]:
    """Nobody answers for the pods of silent nodes: Services must not send to them. ``nodes``: since when each is.

    A pod that has become ready since then has a kubelet that lives, and would say so again at once.
    """
    for pod in view.list("Pod") if nodes else ():
        silent_since = nodes.get(pod["spec"].get("nodeName") or "")
        if silent_since is not None and is_ready(pod) and _since(pod) < silent_since:
            since = {"type": "Ready", "status": "False", "lastTransitionTime": timestamp.time(view.now)}
            patch = {"metadata": {"uid": uid_of(pod)}, "status": {"conditions": [since]}}
            yield Patch(pod, patch, "strategic", subresource="status")
            yield Tell(pod, "NodeNotReady", "Node is not ready", "Warning")


def _taint(node: Obj, now: float, *, evicting: bool) -> Iterator[Action]:
    """Brings the taints that mirror conditions up to date and leaves all others alone."""
    present = (node.get("spec") or {}).get("taints") or []
    wanted = _wanted_taints(node, evicting)
    others = [taint for taint in present if (taint["key"], taint.get("effect")) not in _OURS]
    kept = [taint for taint in present if (taint["key"], taint.get("effect")) in wanted]
    have = {(taint["key"], taint["effect"]) for taint in kept}
    added = [
        {"key": key, "effect": effect, "timeAdded": timestamp.time(now)}
        for key, effect in wanted
        if (key, effect) not in have
    ]
    if added or len(kept) + len(others) != len(present):
        metadata = {"uid": uid_of(node), "resourceVersion": node["metadata"]["resourceVersion"]}
        taints = [*others, *kept, *added]
        yield Patch(node, {"metadata": metadata, "spec": {"taints": taints or None}})


def _wanted_taints(node: Obj, evicting: bool) -> list[tuple[str, str]]:
    wanted = []
    for condition in (node.get("status") or {}).get("conditions") or ():
        taint = _TAINTS.get((condition.get("type"), condition.get("status")))
        if taint is not None:
            wanted.append((f"{_PREFIX}{taint}", "NoSchedule"))
        if taint in _EVICTING and evicting:
            wanted.append((f"{_PREFIX}{taint}", "NoExecute"))
    if (node.get("spec") or {}).get("unschedulable"):
        wanted.append((f"{_PREFIX}unschedulable", "NoSchedule"))
    return wanted
