"""What a change in the cluster means for the scheduler: its columns, its queue, and who should be tried again."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable

from podo.api.kind import Obj
from podo.api.meta import is_deleting, labels_of, uid_of
from podo.api.parts.resources import held_of
from podo.client.cache import CacheChange
from podo.scheduler import budgets, defaultspread, hints, podinfo, storage
from podo.scheduler.devices import ledger, references
from podo.scheduler.devices.podclaims import concerned
from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import DEFAULT_NAME
from podo.scheduler.queue import Queue
from podo.scheduler.snapshot import NodeInfo, Snapshot

_FINISHED = frozenset({"Succeeded", "Failed"})
#: Kinds that must be in the cache. What other kinds refer to comes first, pods and nodes last.
KINDS = (
    *("Namespace", *defaultspread.KINDS, "PodDisruptionBudget", *storage.KINDS),
    *(*ledger.KINDS, "ResourceClaim"),
    *("Pod", "Node"),
)


class Follower:
    """Applies changes, in the order of the cache, to a snapshot and a queue. ``names``: the schedulerNames served;
    ``filters``: finds their plug-ins.
    ``going`` is called with the uid of each pod that is seen to be going, or gone."""

    def __init__(
        self,
        snapshot: Snapshot,
        queue: Queue,
        names: Container[str],
        filters: hints.Filters = lambda pod, name: None,
        going: Callable[[str], None] = lambda uid: None,
    ) -> None:
        self._snapshot = snapshot
        self._queue = queue
        self._names = names
        self._filters = filters
        self._going = going
        #: Pods that have left nodes, until those who wait are told.
        self._roomier: list[tuple[PodInfo, str]] = []
        self._by_kind: dict[str, Callable[[CacheChange, float], None]] = {
            "Pod": self._pod,
            "Node": self._node,
            "Namespace": self._namespace,
            "PodDisruptionBudget": self._budget,
            "ResourceClaim": self._resource_claim,
            **dict.fromkeys(defaultspread.KINDS, self._group),
            **dict.fromkeys(storage.KINDS, self._storage),
            **dict.fromkeys(ledger.KINDS, self._device),
        }

    def changed(self, changes: Iterable[CacheChange], now: float) -> None:
        for change in changes:
            self._by_kind[change.kind](change, now)
        if self._roomier:
            left, self._roomier = self._roomier, []
            self._left(left, now)

    # Nodes

    def _node(self, change: CacheChange, now: float) -> None:
        if change.new is None:
            self._snapshot.remove_node(change.place.name)
            self._queue.wake(ClusterEvent.NODE_REMOVED, now)
            return
        before, node = self._known(change.place.name), NodeInfo.read(change.new)
        if before is not None and before == node:
            return
        self._snapshot.set_node(node)
        hint = hints.node_changed(self._snapshot, self._snapshot.row_of[node.name], self._filters)
        for event in _events(before, node):
            self._queue.wake(event, now, hint=hint)

    def _known(self, name: str) -> NodeInfo | None:
        row = self._snapshot.row_of.get(name)
        return None if row is None else self._snapshot.node(row)

    # What pods refer to

    def _namespace(self, change: CacheChange, now: float) -> None:
        labels = None if change.new is None else labels_of(change.new)
        self._snapshot.tallies.set_namespace(change.place.name, labels)

    def _group(self, change: CacheChange, now: float) -> None:
        self._snapshot.groups.set(change.kind, change.place.namespace, change.place.name, change.new)

    def _budget(self, change: CacheChange, now: float) -> None:
        budget = None if change.new is None else budgets.read(change.new)
        self._snapshot.set_budget(change.place.namespace, change.place.name, budget)

    def _storage(self, change: CacheChange, now: float) -> None:
        self._snapshot.storage.set(change.kind, change.place.namespace, change.place.name, change.new)
        if (change.new is None) != (change.kind == "VolumeAttachment"):
            return  # what has gone helps nobody, but for an attachment
        is_claim = change.kind == "PersistentVolumeClaim"
        hint = hints.claim_changed(change.place.namespace, change.place.name) if is_claim else None
        self._queue.wake(hints.STORAGE_EVENTS[change.kind], now, hint=hint)

    def _device(self, change: CacheChange, now: float) -> None:
        if self._snapshot.devices.set(change.kind, change.place.name, change.new):
            self._snapshot.character += 1  # nodes have other resources than before
            self._queue.wake(ClusterEvent.NODE_ALLOCATABLE, now)
        self._queue.wake(ClusterEvent.DEVICES_CHANGED, now)

    def _resource_claim(self, change: CacheChange, now: float) -> None:
        """Devices that became free may be for any pod; else a claim concerns the pods that use it."""
        namespace, name = key = (change.place.namespace, change.place.name)
        devices = self._snapshot.devices
        freed = devices.set_claim(key, change.new)
        if freed:
            self._queue.wake(ClusterEvent.DEVICES_CHANGED, now, lambda pod: concerned(pod, devices))
        elif change.new is not None:
            self._queue.wake(ClusterEvent.DEVICES_CHANGED, now, lambda pod: _uses(pod, namespace, name))

    # Pods

    def _pod(self, change: CacheChange, now: float) -> None:
        pod = change.new
        if pod is None or (pod.get("status") or {}).get("phase") in _FINISHED:
            self._gone(uid_of(change.object), now)
        elif pod["spec"].get("nodeName"):
            self._placed(pod, change.old, now)
        elif is_deleting(pod):
            self._gone(uid_of(pod), now)
        elif self._is_mine(pod) and uid_of(pod) not in self._snapshot.pods():
            self._waits(podinfo.read(pod), now)

    def _waits(self, pod: PodInfo, now: float) -> None:
        self._queue.put(pod, now)
        if pod.nominated and not self._snapshot.nominated(pod.uid):
            self._snapshot.nominate(pod, pod.nominated)

    def _gone(self, uid: str, now: float) -> None:
        self._going(uid)
        self._queue.remove(uid)
        released = self._snapshot.nominated(uid)
        kept = self._snapshot.release(uid)
        pod, node_name = self._snapshot.pods().get(uid) or (kept, released)
        if pod is not None and (self._snapshot.remove_pod(uid) or released):
            self._roomier.append((pod, node_name))

    def left(self, pod: PodInfo, node_name: str, now: float) -> None:
        """A pod that counted on the node does so no more: there may be room for others."""
        self._left([(pod, node_name)], now)

    def _left(self, gone: list[tuple[PodInfo, str]], now: float) -> None:
        """There is room on nodes. Pods that another one is being cleared for have no use for it."""
        nominated, useful = self._snapshot.nominated, {"", *(node_name for _, node_name in gone)}
        hint = hints.pods_left((pod for pod, _ in gone), self._snapshot.tallies.namespaces)
        self._queue.wake(ClusterEvent.POD_REMOVED, now, lambda pod: nominated(pod.uid) in useful, hint)

    def _placed(self, pod: Obj, old: Obj | None, now: float) -> None:
        """A pod on its node; status updates, which are most changes, cost nothing."""
        uid = uid_of(pod)
        self._queue.remove(uid)
        self._snapshot.release(uid)
        known = self._snapshot.pods().get(uid)
        if known is not None and known[1] == pod["spec"]["nodeName"] and _same(known[0], pod):
            known[0].obj = pod
            return
        added = podinfo.read(pod)
        self._snapshot.add_pod(added, pod["spec"]["nodeName"])
        self.added(added, now)
        if added.deleting:
            self._going(uid)
        if known is not None and (known[0].requests, labels_of(known[0].obj)) != (added.requests, labels_of(pod)):
            self._roomier.append((known[0], known[1]))  # it may ask for less than before

    def added(self, pod: PodInfo, now: float) -> None:
        """A pod was placed: those that want to be near pods like it, or are spread with them, may fit now."""
        hint = hints.pod_placed(pod, self._snapshot.tallies.namespaces)
        self._queue.wake(ClusterEvent.POD_ADDED, now, hint=hint)

    def _is_mine(self, pod: Obj) -> bool:
        return (pod["spec"].get("schedulerName") or DEFAULT_NAME) in self._names


def _uses(pod: PodInfo, namespace: str, claim: str) -> bool:
    return pod.namespace == namespace and any(name == claim for name, _ in references.names(pod.obj))


def _same(known: PodInfo, pod: Obj) -> bool:
    """Is the pod, for others, what it was? (Its own spec, when it was decided for, had no node yet.)"""
    if known.deleting != is_deleting(pod) or labels_of(known.obj) != labels_of(pod):
        return False
    if held_of(known.obj) != held_of(pod):  # a resize has come to its end
        return False
    before = known.obj["spec"]
    return bool(before == pod["spec"] or {**before, "nodeName": pod["spec"]["nodeName"]} == pod["spec"])


def _events(before: NodeInfo | None, node: NodeInfo) -> list[ClusterEvent]:
    if before is None:
        return [ClusterEvent.NODE_ADDED]
    changed = {
        ClusterEvent.NODE_ALLOCATABLE: before.allocatable != node.allocatable,
        ClusterEvent.NODE_LABELS: before.labels != node.labels,
        ClusterEvent.NODE_TAINTS: before.taints != node.taints or before.unschedulable != node.unschedulable,
    }
    return [event for event, is_so in changed.items() if is_so]
