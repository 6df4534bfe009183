"""What a change of a pod or node means for the scheduler: its columns, its queue, and who should be tried again."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.meta import is_deleting, uid_of
from podo.client.cache import CacheChange
from podo.scheduler import podinfo
from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.queue import Queue
from podo.scheduler.snapshot import NodeInfo, Snapshot

_FINISHED = frozenset({"Succeeded", "Failed"})


class Follower:
    """Applies changes, in the order of the cache, to a snapshot and a queue."""

    def __init__(self, snapshot: Snapshot, queue: Queue, scheduler_name: str) -> None:
        self._snapshot = snapshot
        self._queue = queue
        self._name = scheduler_name

    def changed(self, change: CacheChange, now: float) -> None:
        if change.kind == "Node":
            self._node(change, now)
        elif change.kind == "PersistentVolumeClaim":
            self._claim(change, now)
        else:
            self._pod(change, now)

    def _node(self, change: CacheChange, now: float) -> None:
        if change.new is None:
            self._snapshot.remove_node(change.place.name)
            return
        before, node = self._known(change.place.name), NodeInfo.read(change.new)
        if before is not None and before == node:
            return
        self._snapshot.set_node(node)
        for event in _events(before, node):
            self._queue.wake(event, now)

    def _claim(self, change: CacheChange, now: float) -> None:
        bound = None
        if change.new is not None:
            is_bound = (change.new.get("status") or {}).get("phase") == "Bound"
            bound = is_bound and bool((change.new.get("spec") or {}).get("volumeName"))
        if self._snapshot.claims.get((change.place.namespace, change.place.name)) != bound:
            self._snapshot.set_claim(change.place.namespace, change.place.name, bound)
            self._queue.wake(ClusterEvent.CLAIM_CHANGED, now)

    def _known(self, name: str) -> NodeInfo | None:
        row = self._snapshot.row_of.get(name)
        return None if row is None else self._snapshot.node(row)

    def _pod(self, change: CacheChange, now: float) -> None:
        pod = change.new
        if pod is None or (pod.get("status") or {}).get("phase") in _FINISHED:
            self._gone(uid_of(change.object), now)
        elif pod["spec"].get("nodeName"):
            self._placed(pod)
        elif is_deleting(pod):
            self._queue.remove(uid_of(pod))
        elif self._is_mine(pod) and uid_of(pod) not in self._snapshot.pods():
            self._queue.put(podinfo.read(pod), now)

    def _gone(self, uid: str, now: float) -> None:
        self._queue.remove(uid)
        if self._snapshot.remove_pod(uid):
            self._queue.wake(ClusterEvent.POD_REMOVED, now)

    def _placed(self, pod: Obj) -> None:
        """A pod on its node; status updates, which are most changes, cost nothing."""
        self._queue.remove(uid_of(pod))
        known = self._snapshot.pods().get(uid_of(pod))
        if known is not None and known[1] == pod["spec"]["nodeName"] and known[0].obj["spec"] == pod["spec"]:
            return
        self._snapshot.add_pod(podinfo.read(pod), pod["spec"]["nodeName"])

    def _is_mine(self, pod: Obj) -> bool:
        return bool((pod["spec"].get("schedulerName") or "default-scheduler") == self._name)


def _events(before: NodeInfo | None, node: NodeInfo) -> list[ClusterEvent]:
    if before is None:
        return [ClusterEvent.NODE_ADDED]
    changed = {
        ClusterEvent.NODE_ALLOCATABLE: before.allocatable != node.allocatable,
        ClusterEvent.NODE_LABELS: before.labels != node.labels,
        ClusterEvent.NODE_TAINTS: before.taints != node.taints or before.unschedulable != node.unschedulable,
    }
    return [event for event, is_so in changed.items() if is_so]
