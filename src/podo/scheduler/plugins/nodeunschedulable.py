"""NodeUnschedulable: a cordoned node takes only pods that tolerate node.kubernetes.io/unschedulable:NoSchedule."""

from __future__ import annotations

from podo.api.parts.tolerations import tolerates
from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, NodeInfo, Rows, Snapshot

_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
_REASON = Reason("NodeUnschedulable", "node(s) were unschedulable", unresolvable=True)


def _is_open(node: NodeInfo) -> bool:
    return not node.unschedulable


class NodeUnschedulable:
    name = "NodeUnschedulable"
    wide = False
    amounts_only = False
    wakes = frozenset({ClusterEvent.NODE_ADDED, ClusterEvent.NODE_TAINTS})

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        if any(tolerates(toleration, _TAINT) for toleration in pod.tolerations):
            return None
        return snapshot.derived("open", _is_open, bool)[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return (_REASON,)
