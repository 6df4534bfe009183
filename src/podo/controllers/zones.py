"""How fast nodes that are lost may lose their pods: a zone at a time, slower where much of a zone is lost, not at all
where everything is, since then it is more likely that the control plane is what is cut off.

Pure. Source: the documentation's "Nodes", "Rate limits on eviction".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from podo.api.kind import Obj
from podo.api.meta import condition_of, labels_of, name_of
from podo.values import timestamp

#: Seconds between two nodes of a zone (--node-eviction-rate 0.1, --secondary-node-eviction-rate 0.01).
USUAL_SECONDS, SLOW_SECONDS = 10.0, 100.0
#: The share of a zone that must be lost for it to count as disrupted, and the size below which it then waits.
UNHEALTHY_SHARE, LARGE_CLUSTER = 0.55, 50
EVICTING = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class Turn(NamedTuple):
    """``now``: the node's pods may be evicted. Else ``wait`` seconds and look again; None: as long as it is so."""

    now: bool
    wait: float | None = None


def zone_of(node: Obj) -> tuple[str, str]:
    labels = labels_of(node)
    return labels.get("topology.kubernetes.io/region", ""), labels.get("topology.kubernetes.io/zone", "")


def turn_of(node: Obj, nodes: Sequence[Obj], now: float) -> Turn:
    """Whether it is this lost node's turn. ``nodes``: all of the cluster."""
    if not any(map(_is_healthy, nodes)):
        return Turn(False)  # everything is lost: nothing is evicted
    zone = [each for each in nodes if zone_of(each) == zone_of(node)]
    every = _seconds_between(zone)
    if every is None:
        return Turn(False)
    if _marked_at(node) is not None:
        return Turn(True)
    waiting = sorted((each for each in zone if is_lost(each) and _marked_at(each) is None), key=_lost_since)
    place = [name_of(each) for each in waiting].index(name_of(node)) if node in waiting else 0
    last = max((at for each in zone if (at := _marked_at(each)) is not None), default=float("-inf"))
    wait = last + every * (place + 1) - now if last > float("-inf") else every * place
    return Turn(True) if wait <= 0 else Turn(False, wait)


def _seconds_between(zone: Sequence[Obj]) -> float | None:
    """None: a small zone that is mostly lost waits. A zone that is lost whole goes on as usual: others are well."""
    lost = sum(map(is_lost, zone))
    if lost == len(zone) or lost <= 2 or lost / len(zone) < UNHEALTHY_SHARE:
        return USUAL_SECONDS
    return SLOW_SECONDS if len(zone) > LARGE_CLUSTER else None


def _is_healthy(node: Obj) -> bool:
    return not is_lost(node)


def is_lost(node: Obj) -> bool:
    """Is its kubelet silent, or does it say that it is not ready?"""
    ready = condition_of(node, "Ready")
    return ready is not None and ready.get("status") != "True"


def is_marked(node: Obj) -> bool:
    """Are its pods being evicted?"""
    return _marked_at(node) is not None


def not_ready_since(node: Obj) -> float:
    """Since when its kubelet itself says that it is not ready (seconds); 0 for one that does not say so."""
    ready = condition_of(node, "Ready") or {}
    since = ready.get("lastTransitionTime") if ready.get("status") == "False" else None
    return timestamp.parse(since) if since else 0.0


def _lost_since(node: Obj) -> tuple[str, str]:
    return str((condition_of(node, "Ready") or {}).get("lastTransitionTime") or ""), name_of(node)


def _marked_at(node: Obj) -> float | None:
    """When its pods began to be evicted (seconds)."""
    taints: Iterable[Obj] = (node.get("spec") or {}).get("taints") or ()
    times = [t.get("timeAdded") for t in taints if t["key"] in EVICTING and t.get("effect") == "NoExecute"]
    return max((timestamp.parse(time) for time in times if time), default=None)
