"""NodePorts: a host port can be had by one pod of a node; 0.0.0.0 means every address of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from podo.api.parts.hostports import HostPort, conflicts
from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Rows, Snapshot

_REASON = Reason("NodePorts", "node(s) didn't have free ports for the requested pod ports")


def _taken(wanted: Iterable[HostPort], used: Iterable[HostPort]) -> bool:
    present = list(used)
    return any(conflicts(port, other) for port in wanted for other in present)


NAME = "NodePorts"


class NodePorts:
    name = NAME
    wide = False
    amounts_only = False
    wakes = frozenset({ClusterEvent.NODE_ADDED, ClusterEvent.POD_REMOVED})

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        if not pod.host_ports or not snapshot.ports:
            return None
        mask = np.ones(snapshot.capacity, dtype=bool)
        for row, used in snapshot.ports.items():
            mask[row] = not _taken(pod.host_ports, used)
        return mask[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return (_REASON,)
