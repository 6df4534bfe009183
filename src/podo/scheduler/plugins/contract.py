"""What a scheduling plug-in is: a filter says which nodes may take a pod and why others may not, a score says which
are better.

A *local* plug-in judges a node by that node and its pods alone: its verdicts are kept per signature of pods and made
anew only for rows that changed. A *wide* one looks at other nodes, too, and is asked for every pod.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol, runtime_checkable

from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Numbers, Rows, Snapshot


class ClusterEvent(Enum):
    """What may happen in the cluster that makes a place for a pod that had none, by upstream's label in metrics."""

    NODE_ADDED = "NodeAdd"
    NODE_ALLOCATABLE = "NodeUpdateNodeAllocatable"
    NODE_LABELS = "NodeUpdateNodeLabel"
    NODE_TAINTS = "NodeUpdateNodeTaint"  # or it was cordoned or uncordoned
    POD_ADDED = "AssignedPodAdd"  # or a placed pod has other labels
    POD_REMOVED = "AssignedPodDelete"  # or it has ended
    NODE_REMOVED = "NodeDelete"
    # These came or changed:
    CLAIM_CHANGED = "PersistentVolumeClaimUpdate"
    VOLUME_CHANGED = "PersistentVolumeUpdate"
    STORAGE_CLASS_CHANGED = "storage.k8s.io/StorageClassUpdate"
    CSI_NODE_CHANGED = "storage.k8s.io/CSINodeUpdate"
    CSI_DRIVER_CHANGED = "storage.k8s.io/CSIDriverUpdate"
    CAPACITY_CHANGED = "storage.k8s.io/CSIStorageCapacityUpdate"
    ATTACHMENT_REMOVED = "storage.k8s.io/VolumeAttachmentDelete"
    DEVICES_CHANGED = "resource.k8s.io/ResourceClaimUpdate"  # also a device class or slice; or devices became free


class Filter(Protocol):
    name: str
    wide: bool
    #: Does it look at nothing but the amounts of a node (``Snapshot.amounts``)?
    amounts_only: bool
    #: A pod that this plug-in refused is tried again after one of these.
    wakes: frozenset[ClusterEvent]

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        """For each of ``rows``: may its node take the pod? None: all may. Rows without a node may hold anything."""

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        """The reasons of a row that ``fits`` says False for."""


#: The only nodes that a pod may go to, and why it may go to no other.
Only = tuple[frozenset[str], Reason]


@runtime_checkable
class PreFilter(Protocol):
    """A filter that may know something of a pod before any node is looked at."""

    def only(self, pod: PodInfo, snapshot: Snapshot) -> Only | None:
        """No nodes, where something keeps the pod from all of them; None where it may go to any. ``fits`` says False
        for the others, too."""


class Normal(Enum):
    """How raw scores become 0 to 100 over the feasible nodes."""

    NONE = "they are"
    UP = "the greatest becomes 100"
    DOWN = "0 becomes 100, the greatest 0"


class Score(Protocol):
    """A local score."""

    name: str
    amounts_only: bool
    normal: Normal

    def score(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Numbers | None:
        """The raw score of each of ``rows``; None where it is the same for all nodes."""


class WideScore(Protocol):
    name: str

    def score(self, pod: PodInfo, snapshot: Snapshot, feasible: Mask) -> Numbers | None:
        """0 to 100 for each feasible row, anything for others; None where it is the same for all."""
