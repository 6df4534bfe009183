"""The cluster as the scheduler sees it: a row a node, a numpy column a fact, and which pods are where.

Kept up to date row by row, never rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from podo.api.parts.hostports import HostPort
from podo.scheduler.budgets import Budget
from podo.scheduler.changelog import Changelog
from podo.scheduler.defaultspread import Groups
from podo.scheduler.devices.ledger import Devices
from podo.scheduler.devices.verdicts import Verdicts
from podo.scheduler.noderows import EVERY, Mask, NodeInfo, NodeRows, Numbers, Rows
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.storage import Storage
from podo.scheduler.tallies import Tallies

__all__ = ["CPU", "EVERY", "MEMORY", "PODS", "STORAGE", "Mask", "NodeInfo", "Numbers", "Rows", "Snapshot"]

#: Resources that every snapshot has a column for, in this order.
CPU, MEMORY, STORAGE, PODS = range(4)
_FIRST = ("cpu", "memory", "ephemeral-storage", "pods")


#: Before the uid of a pod that is not there yet.
_NOMINATED = "nominated/"


def awaited(pod: PodInfo) -> str:
    """The uid of the pod that this one keeps room for; "" for a pod that is really there."""
    return pod.uid.removeprefix(_NOMINATED) if pod.uid.startswith(_NOMINATED) else ""


class Snapshot(NodeRows):
    """``free`` and the other columns are read by plug-ins, changed only here."""

    def __init__(self, capacity: int = 64) -> None:
        super().__init__(capacity)
        self.resources: dict[str, int] = {name: index for index, name in enumerate(_FIRST)}
        self.allocatable: Numbers = np.zeros((len(_FIRST), capacity), dtype=np.int64)
        self.requested: Numbers = np.zeros((len(_FIRST), capacity), dtype=np.int64)
        #: cpu and memory, with defaults for pods that ask for none
        self.scored: Numbers = np.zeros((2, capacity), dtype=np.int64)
        self.ports: dict[int, dict[HostPort, int]] = {}  # row -> host port -> pods that have it
        self.tallies = Tallies(self)
        self.groups = Groups()
        self.storage = Storage(self)
        self.budgets: dict[tuple[str, str], Budget] = {}  # (namespace, name)
        self.budgets_version = 0
        self._pods: dict[str, tuple[PodInfo, str]] = {}  # uid -> pod, node name
        self._on: dict[str, dict[str, PodInfo]] = {}  # node name -> uid -> pod, also of nodes not known yet
        self._nominated: dict[str, str] = {}  # uid -> node name
        #: Rows whose amounts or ports changed.
        self.changes: Changelog[int] = Changelog()
        self.devices = Devices()
        self.verdicts = Verdicts(self.devices, self)

    def set_budget(self, namespace: str, name: str, budget: Budget | None) -> None:
        """A disruption budget came, changed, or (None) is gone."""
        if self.budgets.get((namespace, name)) == budget:
            return
        if budget is None:
            del self.budgets[namespace, name]
        else:
            self.budgets[namespace, name] = budget
        self.budgets_version += 1

    def pods(self) -> Mapping[str, tuple[PodInfo, str]]:
        """All placed pods by uid: the pod and the name of its node."""
        return self._pods

    def pods_on(self, node_name: str) -> Mapping[str, PodInfo]:
        """The pods placed on a node, by uid."""
        return self._on.get(node_name) or {}

    # Nodes

    def set_node(self, node: NodeInfo) -> None:
        """Adds the node, or brings its row up to date."""
        row, is_new = self.enter(node)
        if is_new:
            for pod in self._on.get(node.name, {}).values():
                self._count(row, pod, 1)
        self._set_allocatable(row, node)
        self.changes.note((row,))

    def remove_node(self, name: str) -> None:
        row = self.leave(name)
        if row is None:
            return
        for column in (self.allocatable, self.requested, self.scored):
            column[:, row] = 0
        self.ports.pop(row, None)
        self.changes.note((row,))

    def _grow(self, more: int) -> None:
        super()._grow(more)
        self.allocatable, self.requested, self.scored = (
            np.concatenate([column, np.zeros((len(column), more), dtype=np.int64)], axis=1)
            for column in (self.allocatable, self.requested, self.scored)
        )

    def _set_allocatable(self, row: int, node: NodeInfo) -> None:
        self.allocatable[:, row] = 0
        for name, amount in node.allocatable.items():
            index = self.resource(name)
            self.allocatable[index, row] = amount

    def resource(self, name: str) -> int:
        """The index of a resource's column, made where it is new."""
        index = self.resources.get(name)
        if index is None:
            index = self.resources[name] = len(self.resources)
            empty = np.zeros((1, self.capacity), dtype=np.int64)
            self.allocatable = np.concatenate([self.allocatable, empty])
            self.requested = np.concatenate([self.requested, empty])
        return index

    # Pods

    def add_pod(self, pod: PodInfo, node_name: str) -> None:
        """Counts the pod on the node; a pod that is there already is counted anew (its requests may have changed)."""
        self.remove_pod(pod.uid)
        self._pods[pod.uid] = (pod, node_name)
        self._on.setdefault(node_name, {})[pod.uid] = pod
        self.weigh(pod, node_name, 1)
        if (row := self.row_of.get(node_name)) is not None:
            self.changes.note((row,))

    def remove_pod(self, uid: str) -> bool:
        """Takes the pod off its node; False where it was on none."""
        found = self._pods.pop(uid, None)
        if found is None:
            return False
        pod, node_name = found
        there = self._on[node_name]
        del there[uid]
        if not there:
            del self._on[node_name]
        self.weigh(pod, node_name, -1)
        if (row := self.row_of.get(node_name)) is not None:
            self.changes.note((row,))
        return True

    def amounts(self, row: int) -> bytes:
        """What there is of each resource on a node and what of it is taken; equal for nodes where these are equal."""
        columns = (self.allocatable, self.requested, self.scored)
        return b"".join(column[:, row].tobytes() for column in columns)

    # Pods that room is being made for: they count on their node already

    def nominate(self, pod: PodInfo, node_name: str) -> None:
        """Keeps the room for the pod on a node that others are leaving for it."""
        self.release(pod.uid)
        self._nominated[pod.uid] = node_name
        self.add_pod(replace(pod, uid=_NOMINATED + pod.uid), node_name)

    def release(self, uid: str) -> PodInfo | None:
        """Gives the room up; what kept it, None where there was none."""
        if self._nominated.pop(uid, None) is None:
            return None
        kept, _ = self._pods.get(_NOMINATED + uid) or (None, "")
        self.remove_pod(_NOMINATED + uid)
        return kept

    def nominated(self, uid: str) -> str:
        """The node where room is kept for a pod; "" where there is none."""
        return self._nominated.get(uid, "")

    @contextmanager
    def without_less_important(self, priority: int) -> Iterator[None]:
        """Meanwhile no room is kept for pods of a lower priority than this; what was given up meanwhile stays so."""
        aside = [
            (uid, pod, node_name)
            for uid, node_name in self._nominated.items()
            if (pod := self._pods[_NOMINATED + uid][0]).priority < priority
        ]
        for _, pod, _ in aside:
            self.remove_pod(pod.uid)
        try:
            yield
        finally:
            for uid, pod, node_name in aside:
                if self._nominated.get(uid) == node_name and pod.uid not in self._pods:
                    self.add_pod(pod, node_name)

    def weigh(self, pod: PodInfo, node_name: str, sign: int) -> None:
        """Adds the pod to all sums of the node, or takes it off, and nothing more: how preemption tries. What is
        taken off must be put back before anything else happens."""
        row = self.row_of.get(node_name)
        if row is not None:
            self._count(row, pod, sign)
        self.tallies.add(pod.pod_class, pod.terms, node_name, row, sign)
        for claim in set(pod.claims):
            self.storage.use((pod.namespace, claim), node_name, row, sign)

    def _count(self, row: int, pod: PodInfo, sign: int) -> None:
        for name, amount in pod.requests.items():
            index = self.resource(name)
            self.requested[index, row] += sign * amount
        self.requested[PODS, row] += sign
        self.scored[0, row] += sign * pod.scored[0]
        self.scored[1, row] += sign * pod.scored[1]
        if pod.host_ports:
            used = self.ports.setdefault(row, {})
            for port in pod.host_ports:
                used[port] = used.get(port, 0) + sign
                if not used[port]:
                    del used[port]
            if not used:
                del self.ports[row]
