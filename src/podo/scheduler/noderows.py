"""The nodes as the scheduler sees them: a row a node; columns derived from what nodes are; the topology domains that
their labels put them into.

Rows are numbered from 0 and reused. Nothing here knows of pods.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from podo.api.kind import Obj
from podo.api.meta import labels_of, name_of
from podo.scheduler.podinfo import amount_of

T = TypeVar("T")
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
#: Some rows of the columns: a slice, or their numbers.
Rows = slice | npt.NDArray[np.intp]
EVERY = slice(None)
#: The most derived columns kept; the one not used for longest goes.
DERIVED_LIMIT = 1024
#: The domain of a node without the topology's label.
NOWHERE = -1


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """What plug-ins read of a node that changes seldom. ``images``: size in bytes by name."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, Any], ...]
    unschedulable: bool
    allocatable: Mapping[str, int]
    images: Mapping[str, int] = field(default_factory=dict)

    @staticmethod
    def read(node: Obj) -> NodeInfo:
        spec, status = node.get("spec") or {}, node.get("status") or {}
        return NodeInfo(
            name_of(node),
            labels_of(node),
            tuple(spec.get("taints") or ()),
            bool(spec.get("unschedulable")),
            {name: amount_of(name, value) for name, value in (status.get("allocatable") or {}).items()},
            {name: int(i.get("sizeBytes") or 0) for i in status.get("images") or () for name in i.get("names") or ()},
        )

    def same_character(self, other: NodeInfo) -> bool:
        """Equal in all that derived columns are made from."""
        return (self.labels, self.taints, self.unschedulable) == (other.labels, other.taints, other.unschedulable)


@dataclass(slots=True)
class _Derived:
    make: Callable[[NodeInfo], Any]
    values: npt.NDArray[Any]


@dataclass(slots=True)
class Domains:
    """The values of one topology key: ``of_row`` numbers the value of each row, ``NOWHERE`` where it has none.

    Without a key every node is a domain of its own.
    """

    key: str | None
    of_row: Numbers
    ids: dict[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.of_row) if self.key is None else len(self.ids)

    def enter(self, row: int, labels: Mapping[str, str]) -> None:
        value = None if self.key is None else labels.get(self.key)
        if self.key is None:
            self.of_row[row] = row
        else:
            self.of_row[row] = NOWHERE if value is None else self.ids.setdefault(value, len(self.ids))


class NodeRows:
    """``character`` grows when what nodes are (not what runs on them) changes: all that was derived from them is then
    out of date. ``images_version``: the same for the images that they have."""

    def __init__(self, capacity: int) -> None:
        self.nodes: list[NodeInfo | None] = [None] * capacity
        self.row_of: dict[str, int] = {}
        self._vacant = list(range(capacity - 1, -1, -1))  # rows without a node, the lowest last
        self.present: Mask = np.zeros(capacity, dtype=bool)
        self.character = 0
        self.images: dict[str, dict[int, int]] = {}  # name -> row -> bytes
        self.images_version = 0
        self._derived: OrderedDict[Hashable, _Derived] = OrderedDict()
        self._domains: dict[str | None, Domains] = {}
        self._remembered: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()

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

    def enter(self, node: NodeInfo) -> tuple[int, bool]:
        """Puts the node into its row, or a new one: the row, and whether it is new."""
        row = self.row_of.get(node.name)
        before = self.nodes[row] if row is not None else None
        if row is None:
            row = self.row_of[node.name] = self._new_row()
            self.present[row] = True
        self.nodes[row] = node
        self._set_images(row, before, node)
        if before is None or not before.same_character(node):
            for column in self._derived.values():
                column.values[row] = column.make(node)
            for domains in self._domains.values():
                domains.enter(row, node.labels)
            self.character += 1
        return row, before is None

    def leave(self, name: str) -> int | None:
        """Takes the node out; the row that it had."""
        row = self.row_of.pop(name, None)
        if row is None:
            return None
        self._set_images(row, self.nodes[row], None)
        self.nodes[row] = None
        self._vacant.append(row)
        self.present[row] = False
        for domains in self._domains.values():
            domains.of_row[row] = NOWHERE
        self.character += 1
        return row

    def _new_row(self) -> int:
        if not self._vacant:
            self._grow(max(64, self.capacity))
        return self._vacant.pop()

    def _grow(self, more: int) -> None:
        first = self.capacity
        self._vacant = list(range(first + more - 1, first - 1, -1))
        self.nodes.extend([None] * more)
        self.present = np.concatenate([self.present, np.zeros(more, dtype=bool)])
        self._derived.clear()
        self._domains.clear()
        self.character += 1

    def _set_images(self, row: int, before: NodeInfo | None, node: NodeInfo | None) -> None:
        old, new = before.images if before else {}, node.images if node else {}
        if old == new:
            return
        for name in old:
            rows = self.images[name]
            del rows[row]
            if not rows:
                del self.images[name]
        for name, size in new.items():
            self.images.setdefault(name, {})[row] = size
        self.images_version += 1

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

    def domains(self, key: str | None) -> Domains:
        """The domains of a topology key, kept up to date as nodes change until rows are added; None: each node."""
        found = self._domains.get(key)
        if found is None:
            found = self._domains[key] = Domains(key, np.full(self.capacity, NOWHERE, dtype=np.int64))
            for row in self.row_of.values():
                found.enter(row, self.node(row).labels)
        return found

    def remembered(self, key: Hashable, version: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gave for this key, as long as the version is the same."""
        found = self._remembered.get(key)
        if found is None or found[0] != version:
            found = self._remembered[key] = (version, make())
            if len(self._remembered) > DERIVED_LIMIT:
                self._remembered.popitem(last=False)
        result: T = found[1]
        return result
