"""TTL: for how many seconds kubelets may keep what they have read of Secrets and ConfigMaps, by the number of nodes.
The nodes' annotation node.alpha.kubernetes.io/ttl says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from podo.api.kind import Obj
from podo.api.meta import annotations_of, name_of, uid_of
from podo.reconcile.actions import Action, Patch
from podo.reconcile.declare import Declaration, Key, Later, View

ANNOTATION = "node.alpha.kubernetes.io/ttl"
#: (fewest nodes, most nodes, seconds). They overlap: a cluster of about a hundred nodes does not go to and fro.
STEPS = ((0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, 2**31, 300))
#: Seconds until a node gets another number: as often as kubelets tell of themselves.
SOON = 10.0


def ttl() -> Declaration:
    """The controller. It remembers at which step the cluster is."""
    step = 0

    def wanted(view: View) -> str:
        nonlocal step
        nodes = view.count("Node")
        while nodes > STEPS[step][1]:
            step += 1
        while nodes < STEPS[step][0]:
            step -= 1
        return str(STEPS[step][2])

    def outdated(node: Obj, view: View) -> Iterator[Later]:
        if annotations_of(node).get(ANNOTATION, wanted(view)) != wanted(view):
            yield Later(Key("", name_of(node)), SOON)

    def reconcile(key: Key, view: View) -> Iterator[Action]:
        node = view.get("Node", key.name)
        if node is not None and annotations_of(node).get(ANNOTATION) != wanted(view):
            yield Patch(node, {"metadata": {"uid": uid_of(node), "annotations": {ANNOTATION: wanted(view)}}})

    return Declaration("ttl", "Node", reconcile, watches={"Node": outdated}, minds=_has_none)


def _has_none(node: Obj) -> bool:
    return ANNOTATION not in annotations_of(node)
