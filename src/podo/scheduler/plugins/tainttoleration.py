"""TaintToleration: a node with a NoSchedule or NoExecute taint takes only pods that tolerate it; fewer
PreferNoSchedule are better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podo.api.parts.tolerations import tolerates
from podo.scheduler.plugins.contract import ClusterEvent, Normal
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, NodeInfo, Numbers, Rows, Snapshot

Taint = Mapping[str, Any]
NAME = "TaintToleration"
_HARD = frozenset({"NoSchedule", "NoExecute"})
#: Which taints is not said: keys and values may be none of the pod's owner's business.
_UNTOLERATED = Reason(NAME, "node(s) had untolerated taint(s)", unresolvable=True)


def untolerated(
    tolerations: Iterable[Mapping[str, Any]], taints: Iterable[Taint], effects: frozenset[str]
) -> list[Taint]:
    """The taints of these effects that no toleration matches."""
    listed = list(tolerations)
    return [
        taint
        for taint in taints
        if taint.get("effect") in effects and not any(tolerates(toleration, taint) for toleration in listed)
    ]


def tolerated(pod: PodInfo, snapshot: Snapshot) -> Mask:
    """The column of nodes whose NoSchedule and NoExecute taints the pod tolerates."""

    def make(node: NodeInfo) -> bool:
        return not node.taints or not untolerated(pod.tolerations, node.taints, _HARD)

    return snapshot.derived(("taints", pod.tolerations_key), make, bool)


class TaintToleration:
    name = NAME
    wide = False
    amounts_only = False
    wakes = frozenset({ClusterEvent.NODE_ADDED, ClusterEvent.NODE_TAINTS})
    normal = Normal.DOWN

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        return tolerated(pod, snapshot)[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return (_UNTOLERATED,)

    def score(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Numbers | None:
        # Only tolerations without an effect or with this one count against PreferNoSchedule.
        mine = [t for t in pod.tolerations if t.get("effect") in (None, "", "PreferNoSchedule")]

        def make(node: NodeInfo) -> int:
            return len(untolerated(mine, node.taints, frozenset({"PreferNoSchedule"}))) if node.taints else 0

        return snapshot.derived(("preferred taints", pod.tolerations_key), make, int)[rows]
