"""How fast nodes that are lost may lose their pods: a zone at a time, slower where much of a zone is lost, not at all
where everything is, since then it is more likely that the control plane is what is cut off.

Pure. Source: the documentation's "Nodes", "Rate limits on eviction".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from podo.api.kind import Obj
from podo.api.meta import condition_is_true, condition_of, labels_of, name_of
from podo.api.parts.nodelabels import REGION, ZONE
from podo.values import timestamp

#: Seconds for which a node that says itself that it is not ready is left alone: it registers, or it hesitates
#: (--node-monitor-period).
MONITOR = 5.0
#: Seconds between two nodes of a zone (--node-eviction-rate 0.1, --secondary-node-eviction-rate 0.01).
USUAL_SECONDS, SLOW_SECONDS = 10.0, 100.0
#: The share of a zone that must be lost for it to count as disrupted, and the size below which it then waits.
UNHEALTHY_SHARE, LARGE_CLUSTER = 0.55, 50
#: A node with this label says nothing about how its zone is.
EXCLUDED = "node.kubernetes.io/exclude-disruption"
EVICTING = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class Turns(NamedTuple):
    """``evicting``: names of the lost nodes whose pods may be evicted now. ``wait``: seconds after which it may be
    another's turn; None where only a change of a node can make it so."""

    evicting: frozenset[str] = frozenset()
    wait: float | None = None


@dataclass(slots=True)
class _Zone:
    nodes: int = 0
    unhealthy: int = 0
    lost: list[Obj] = field(default_factory=list)
    last_marked_at: float | None = None


def turns(nodes: Sequence[Obj], now: float) -> Turns:
    """Whose turn it is. ``nodes``: all of the cluster."""
    zones: dict[tuple[str, str], _Zone] = {}
    for node in nodes:
        zone = zones.setdefault(zone_of(node), _Zone())
        if EXCLUDED not in labels_of(node):
            zone.nodes += 1
            zone.unhealthy += not condition_is_true(node, "Ready")
        if is_lost(node):
            zone.lost.append(node)
        if (at := _marked_at(node)) is not None:
            zone.last_marked_at = max(at, zone.last_marked_at or at)
    counted = sum(zone.nodes for zone in zones.values())
    if counted and counted == sum(zone.unhealthy for zone in zones.values()):
        return Turns()  # everything is lost: nothing is evicted
    parts = [_turns_of(zone, now) for zone in zones.values() if zone.lost]
    waits = [part.wait for part in parts if part.wait is not None]
    return Turns(frozenset[str]().union(*(part.evicting for part in parts)), min(waits, default=None))


def _turns_of(zone: _Zone, now: float) -> Turns:
    """Those that are marked, and the one that has waited longest if it is time for one more."""
    every = _seconds_between(zone)
    if every is None:
        return Turns()
    marked = frozenset(name_of(node) for node in zone.lost if is_marked(node))
    rest = [node for node in zone.lost if name_of(node) not in marked]
    waiting = sorted((node for node in rest if not unsettled_for(node, now)), key=_lost_since)
    settling = [wait for node in rest if (wait := unsettled_for(node, now))]
    due = 0.0 if zone.last_marked_at is None else zone.last_marked_at + every - now
    if waiting and due <= 0:
        marked |= {name_of(waiting.pop(0))}
        due = every
    waits = settling if not waiting else [*settling, due]
    return Turns(marked, min(waits, default=None))


def zone_of(node: Obj) -> tuple[str, str]:
    labels = labels_of(node)
    return labels.get(REGION, ""), labels.get(ZONE, "")


def _seconds_between(zone: _Zone) -> float | None:
    """None: a small zone that is mostly lost waits. A zone that is lost whole goes on as usual: others are well."""
    bad = zone.unhealthy
    if bad == zone.nodes or bad <= 2 or bad / zone.nodes < UNHEALTHY_SHARE:
        return USUAL_SECONDS
    return SLOW_SECONDS if zone.nodes > LARGE_CLUSTER else None


def is_lost(node: Obj) -> bool:
    """Is its kubelet silent, or does it say that it is not ready?"""
    ready = condition_of(node, "Ready")
    return ready is not None and ready.get("status") != "True"


def is_marked(node: Obj) -> bool:
    """Are its pods being evicted?"""
    return _marked_at(node) is not None


def unsettled_for(node: Obj, now: float) -> float:
    """Seconds for which a node that says itself that it is not ready is left alone yet; 0 for others."""
    ready = condition_of(node, "Ready") or {}
    since = ready.get("lastTransitionTime") if ready.get("status") == "False" else None
    return max(0.0, timestamp.parse(since) + MONITOR - now) if since else 0.0


def _lost_since(node: Obj) -> tuple[str, str]:
    return str((condition_of(node, "Ready") or {}).get("lastTransitionTime") or ""), name_of(node)


def _marked_at(node: Obj) -> float | None:
    """When its pods began to be evicted (seconds)."""
    taints: Iterable[Obj] = (node.get("spec") or {}).get("taints") or ()
    times = [t.get("timeAdded") for t in taints if t["key"] in EVICTING and t.get("effect") == "NoExecute"]
    return max((timestamp.parse(time) for time in times if time), default=None)
