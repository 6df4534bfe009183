"""Queueing hints: may a pod that a plug-in refused fit after what has happened? What helps nobody wakes nobody.

Pure. Source: KEP-4247; what upstream's plug-ins register as their events, and their hints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from podo.scheduler.plugins import interpodaffinity, nodeports, nodevolumelimits, podtopologyspread, volumerestrictions
from podo.scheduler.plugins.contract import ClusterEvent, Filter
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.podterms import Labels
from podo.scheduler.snapshot import Snapshot

#: Given the plug-in's name and a pod that it refused.
Hint = Callable[[str, PodInfo], bool]
#: The plug-in of this name in the pod's profile.
Filters = Callable[[PodInfo, str], Filter | None]

#: By kind, what it means that an object of it came or changed; an attachment means something when it goes.
STORAGE_EVENTS = {
    "PersistentVolumeClaim": ClusterEvent.CLAIM_CHANGED,
    "PersistentVolume": ClusterEvent.VOLUME_CHANGED,
    "StorageClass": ClusterEvent.STORAGE_CLASS_CHANGED,
    "CSINode": ClusterEvent.CSI_NODE_CHANGED,
    "CSIDriver": ClusterEvent.CSI_DRIVER_CHANGED,
    "CSIStorageCapacity": ClusterEvent.CAPACITY_CHANGED,
    "VolumeAttachment": ClusterEvent.ATTACHMENT_REMOVED,
}


def node_changed(snapshot: Snapshot, row: int, filters: Filters) -> Hint:
    """A node came or changed: it helps where the plug-in that refused lets the pod onto this node now. Those that look
    at other nodes, too, are tried."""

    def hint(name: str, pod: PodInfo) -> bool:
        plugin = filters(pod, name)
        if plugin is None or plugin.wide:
            return True
        passed = plugin.fits(pod, snapshot, slice(row, row + 1))
        return passed is None or bool(passed[0])

    return hint


def pods_left(gone: Iterable[PodInfo], spaces: Mapping[str, Labels]) -> Hint:
    """Pods have left nodes: it helps where they had something that the waiting pod wants, or kept it away."""
    left = tuple(gone)
    ports = frozenset((protocol, port) for pod in left for protocol, _, port in pod.host_ports)
    claims = any(pod.claims for pod in left)

    def hint(name: str, pod: PodInfo) -> bool:
        if name == nodeports.NAME:
            return any((protocol, port) in ports for protocol, _, port in pod.host_ports)
        if name == nodevolumelimits.NAME:
            return claims
        if name == volumerestrictions.NAME:
            return claims or any(volumerestrictions.want_one_disk(pod.obj, other.obj) for other in left)
        if name == podtopologyspread.NAME:
            return any(_spread_with(pod, other, spaces) for other in left)
        if name == interpodaffinity.NAME:
            return any(_kept_apart(pod, other, spaces) for other in left)
        return True

    return hint


def pod_placed(newcomer: PodInfo, spaces: Mapping[str, Labels]) -> Hint:
    """A pod came to a node: it helps those that want to be near pods like it, or are spread with them."""

    def hint(name: str, pod: PodInfo) -> bool:
        if name == podtopologyspread.NAME:
            return _spread_with(pod, newcomer, spaces)
        together = pod.terms.all_affinity
        return name != interpodaffinity.NAME or (together is not None and together.matches(newcomer.pod_class, spaces))

    return hint


def _spread_with(pod: PodInfo, other: PodInfo, spaces: Mapping[str, Labels]) -> bool:
    """A pod without constraints of its own was refused for the default ones, over pods of its namespace."""
    hard = [each for each in pod.terms.spread if each.hard]
    return any(each.query.matches(other.pod_class, spaces) for each in hard) or (
        not pod.terms.spread and pod.namespace == other.namespace
    )


def _kept_apart(pod: PodInfo, other: PodInfo, spaces: Mapping[str, Labels]) -> bool:
    return any(term.query.matches(other.pod_class, spaces) for term in pod.terms.anti) or any(
        term.query.matches(pod.pod_class, spaces) for term in other.terms.anti
    )


def claim_changed(namespace: str, name: str) -> Hint:
    """A claim concerns the pods that use it."""
    return lambda _, pod: pod.namespace == namespace and name in pod.claims
