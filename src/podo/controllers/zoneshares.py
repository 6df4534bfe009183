"""How the nodes' CPU is shared among zones, and which Services with hints for zones are out of balance after a node has
changed. Source: KEP-2433."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from podo.api.kind import Obj
from podo.api.meta import condition_is_true, labels_of, name_of, namespace_of, revision_of
from podo.api.parts.nodelabels import ZONE
from podo.controllers import topologyhints
from podo.controllers.backends import families_of
from podo.reconcile.declare import Key, View
from podo.values import quantity, timestamp

#: Nodes with one of these labels count for nothing.
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
#: Seconds for which a node is new.
_NEW = 60.0


def shares_of(nodes: Iterable[Obj]) -> topologyhints.Shares:
    """Of the ready nodes that do not belong to the control plane. One of them without a zone or without CPU spoils it,
    and so does a single zone."""
    cpu: Counter[str] = Counter()
    for node in nodes:
        labels = labels_of(node)
        if any(name in labels for name in _CONTROL_PLANE) or not condition_is_true(node, "Ready"):
            continue
        zone, millis = labels.get(ZONE), _cpu_of(node)
        if not zone or not millis:
            return {}
        cpu[zone] += millis
    return {zone: millis / cpu.total() for zone, millis in sorted(cpu.items())} if len(cpu) > 1 else {}


def _cpu_of(node: Obj) -> int:
    """Allocatable, in thousandths."""
    return quantity.parse(str(((node.get("status") or {}).get("allocatable") or {}).get("cpu") or "0")).millis


def unbalanced(node: Obj, view: View) -> Iterator[Key]:
    """Services whose endpoints take the traffic of zones, and too few that of a zone since this node has changed."""
    if not _counts_otherwise(node, view):
        return
    hinting = [each for each in view.list("Service") if topologyhints.is_wanted(each)]
    shares = shares_of(view.list("Node")) if hinting else {}
    for service in hinting:
        for family in families_of(service):
            slices = (each for each in view.owned_by(service, "EndpointSlice") if each["addressType"] == family)
            endpoints = (endpoint for each in slices for endpoint in each.get("endpoints") or ())
            if topologyhints.is_overloaded(topologyhints.counted(endpoints), shares):
                yield Key(namespace_of(service), name_of(service))
                break


def _counts_otherwise(node: Obj, view: View) -> bool:
    """Is this node new or gone, or was it in another zone, or not ready? Its heartbeats are no news."""
    now = view.get("Node", name_of(node))
    if now is not None and revision_of(now) == revision_of(node):
        return view.now - timestamp.parse(node["metadata"]["creationTimestamp"]) < _NEW
    return now is None or _counts_as(now) != _counts_as(node)


def _counts_as(node: Obj) -> tuple[str | None, bool]:
    return labels_of(node).get(ZONE), condition_is_true(node, "Ready")
