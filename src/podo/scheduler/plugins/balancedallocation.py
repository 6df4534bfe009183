"""NodeResourcesBalancedAllocation: better where cpu and memory would be used to the same fraction.

Pods that ask for nothing are left out.
"""

from __future__ import annotations

import numpy as np

from podo.scheduler.plugins.contract import Normal
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.snapshot import CPU, MEMORY, Numbers, Rows, Snapshot


class BalancedAllocation:
    name = "NodeResourcesBalancedAllocation"
    normal = Normal.NONE

    def score(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Numbers | None:
        cpu, memory = pod.requests.get("cpu", 0), pod.requests.get("memory", 0)
        if not cpu and not memory:
            return None
        whole_cpu, whole_memory = snapshot.allocatable[CPU, rows], snapshot.allocatable[MEMORY, rows]
        used_cpu = np.minimum((snapshot.requested[CPU, rows] + cpu) / np.maximum(whole_cpu, 1), 1.0)
        used_memory = np.minimum((snapshot.requested[MEMORY, rows] + memory) / np.maximum(whole_memory, 1), 1.0)
        deviation = np.abs((used_cpu - used_memory) / 2)
        # A node that has only one of the two cannot be out of balance.
        deviation[(whole_cpu == 0) | (whole_memory == 0)] = 0.0
        return ((1 - deviation) * 100).astype(np.int64)
