"""The cluster as the scheduler sees it: a row a node, a numpy column a fact.

Kept up to date row by row, never rebuilt.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from podo.api.kind import Obj
from podo.api.meta import labels_of, name_of
from podo.scheduler.podinfo import HostPort, PodInfo, amount_of

Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
#: Some rows of the columns: a slice, or their numbers.
Rows = slice | npt.NDArray[np.intp]
EVERY = slice(None)

#: Resources that every snapshot has a column for, in this order.
CPU, MEMORY, STORAGE, PODS = range(4)
_FIRST = ("cpu", "memory", "ephemeral-storage", "pods")
#: The most derived columns kept; the one not used for longest goes.
DERIVED_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What plug-ins read of a node that changes seldom."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, Any], ...]
    unschedulable: bool
    allocatable: Mapping[str, int]

    @staticmethod
    def read(node: Obj) -> NodeInfo:
        spec, listed = node.get("spec") or {}, (node.get("status") or {}).get("allocatable") or {}
        return NodeInfo(
            name_of(node),
            labels_of(node),
            tuple(spec.get("taints") or ()),
            bool(spec.get("unschedulable")),
            {name: amount_of(name, value) for name, value in listed.items()},
        )

    def same_character(self, other: NodeInfo) -> bool:
        """Equal in all that derived columns are made from."""
        return (self.labels, self.taints, self.unschedulable) == (other.labels, other.taints, other.unschedulable)


@dataclass(slots=True)
class _Derived:
    make: Callable[[NodeInfo], Any]
    values: npt.NDArray[Any]


class Snapshot:
    """Rows are numbered from 0 and reused. ``free`` and the other columns are read by plug-ins, changed only here."""

    def __init__(self, capacity: int = 64) -> None:
        self.nodes: list[NodeInfo | None] = [None] * capacity
        self.row_of: dict[str, int] = {}
        self._vacant = list(range(capacity - 1, -1, -1))  # rows without a node, the lowest last
        self.present: Mask = np.zeros(capacity, dtype=bool)
        self.resources: dict[str, int] = {name: index for index, name in enumerate(_FIRST)}
        self.allocatable: Numbers = np.zeros((len(_FIRST), capacity), dtype=np.int64)
        self.requested: Numbers = np.zeros((len(_FIRST), capacity), dtype=np.int64)
        self.scored: Numbers = np.zeros(
            (2, capacity), dtype=np.int64
        )  # cpu, memory with defaults for those that ask none
        self.ports: dict[int, dict[HostPort, int]] = {}  # row -> host port -> pods that have it
        self._pods: dict[str, tuple[PodInfo, str]] = {}  # uid -> pod, node name
        self._on: dict[str, dict[str, PodInfo]] = {}  # node name -> uid -> pod, also of nodes not known yet
        self._derived: OrderedDict[Hashable, _Derived] = OrderedDict()
        #: Rows in the order in which their amounts or ports changed; an index into it is a moment. See
        #: ``changed_since``.
        self._changed: list[int] = []
        self._forgotten = 0
        #: Grows when what nodes are (not what runs on them) changes: all that was derived from them is then out of
        #: date.
        self.character = 0
        #: (namespace, name) of each claim to storage -> is it bound?
        self.claims: dict[tuple[str, str], bool] = {}

    def set_claim(self, namespace: str, name: str, bound: bool | None) -> None:
        """A claim is bound, or not yet, or (None) is gone."""
        if self.claims.get((namespace, name)) == bound:
            return
        if bound is None:
            del self.claims[namespace, name]
        else:
            self.claims[namespace, name] = bound
        self.character += 1

    def __len__(self) -> int:
        return len(self.row_of)

    @property
    def capacity(self) -> int:
        return len(self.nodes)

    def node(self, row: int) -> NodeInfo:
        found = self.nodes[row]
        if found is None:
            raise LookupError(f"row {row} has no node")
        return found

    def pods(self) -> Mapping[str, tuple[PodInfo, str]]:
        """All placed pods by uid: the pod and the name of its node."""
        return self._pods

    # Nodes

    def set_node(self, node: NodeInfo) -> None:
        """Adds the node, or brings its row up to date."""
        row = self.row_of.get(node.name)
        before = self.nodes[row] if row is not None else None
        if row is None:
            row = self._new_row()
            self.row_of[node.name] = row
            self.present[row] = True
            self.nodes[row] = node
            for pod in self._on.get(node.name, {}).values():
                self._count(row, pod, 1)
        self.nodes[row] = node
        self._set_allocatable(row, node)
        if before is None or not before.same_character(node):
            self._derive_again(row, node)
        self._note(row)

    def remove_node(self, name: str) -> None:
        row = self.row_of.pop(name, None)
        if row is None:
            return
        self.nodes[row] = None
        self._vacant.append(row)
        self.present[row] = False
        for column in (self.allocatable, self.requested, self.scored):
            column[:, row] = 0
        self.ports.pop(row, None)
        self.character += 1
        self._note(row)

    def _new_row(self) -> int:
        if self._vacant:
            return self._vacant.pop()
        row, more = self.capacity, max(64, self.capacity)
        self._vacant = list(range(row + more - 1, row, -1))
        self.nodes.extend([None] * more)
        self.present = np.concatenate([self.present, np.zeros(more, dtype=bool)])
        self.allocatable, self.requested, self.scored = (
            np.concatenate([column, np.zeros((len(column), more), dtype=np.int64)], axis=1)
            for column in (self.allocatable, self.requested, self.scored)
        )
        self._derived.clear()
        self.character += 1
        return row

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
        row = self.row_of.get(node_name)
        if row is not None:
            self._count(row, pod, 1)
            self._note(row)

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
        row = self.row_of.get(node_name)
        if row is not None:
            self._count(row, pod, -1)
            self._note(row)
        return True

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

    # Derived columns

    def derived(self, key: Hashable, make: Callable[[NodeInfo], Any], dtype: type) -> npt.NDArray[Any]:
        """A column of ``make(node)``, remembered by ``key`` and kept up to date as nodes change."""
        found = self._derived.get(key)
        if found is None:
            values: npt.NDArray[Any] = np.zeros(self.capacity, dtype=dtype)
            for row in self.row_of.values():
                values[row] = make(self.node(row))
            found = self._derived[key] = _Derived(make, values)
            if len(self._derived) > DERIVED_LIMIT:
                self._derived.popitem(last=False)
        else:
            self._derived.move_to_end(key)
        return found.values

    def _derive_again(self, row: int, node: NodeInfo) -> None:
        for column in self._derived.values():
            column.values[row] = column.make(node)
        self.character += 1

    # What changed

    @property
    def moment(self) -> int:
        return self._forgotten + len(self._changed)

    def changed_since(self, moment: int) -> list[int] | None:
        """The rows whose amounts or ports changed since ``moment``; None where that is no longer known."""
        start = moment - self._forgotten
        return self._changed[start:] if start >= 0 else None

    def _note(self, row: int) -> None:
        self._changed.append(row)
        if len(self._changed) > 4096:
            del self._changed[:2048]
            self._forgotten += 2048
