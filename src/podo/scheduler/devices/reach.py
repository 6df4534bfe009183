"""Which nodes are offered the same devices: no pool of their own sets them apart, and the same selectors of pools that
several nodes reach choose them. What a claim gets on one of them it gets on all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from podo.api.kind import Obj
from podo.api.parts.nodeselector import term_allows
from podo.scheduler.devices.pools import Pools
from podo.scheduler.noderows import NodeInfo, Numbers

#: The group of a node that is like no other.
ALONE = -1
#: With more different selectors than so many each node is looked at alone.
SELECTORS = 256


class Nodes(Protocol):
    """What is needed of the rows of nodes (see ``noderows``)."""

    row_of: dict[str, int]
    character: int

    @property
    def capacity(self) -> int: ...

    def node(self, row: int) -> NodeInfo: ...

    def derived(self, key: Hashable, make: Callable[[NodeInfo], Any], dtype: type) -> npt.NDArray[Any]: ...


@dataclass(slots=True)
class Reach:
    pools: Pools
    nodes: Nodes
    _groups: Numbers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    _version: tuple[int, int] = (-1, -1)

    def groups(self) -> Numbers:
        """By row the number of its node's group, or ``ALONE``. Not to be changed."""
        version = (self.pools.version, self.nodes.character)
        if self._version != version:
            self._groups, self._version = self._made(), version
        return self._groups

    def _made(self) -> Numbers:
        selectors = self.pools.selectors()
        if len(selectors) > SELECTORS:
            return np.full(self.nodes.capacity, ALONE, dtype=np.int64)
        groups: Numbers = np.zeros(self.nodes.capacity, dtype=np.int64)
        if selectors:
            chosen = [
                self.nodes.derived(("devices", text), partial(selected, it), bool) for text, it in selectors.items()
            ]
            groups = np.unique(np.packbits(chosen, axis=0), axis=1, return_inverse=True)[1].reshape(-1)
        rows = [self.nodes.row_of[name] for name in self.pools.set_apart() if name in self.nodes.row_of]
        groups[rows] = ALONE
        return groups


def selected(selector: Obj, node: NodeInfo) -> bool:
    """Does a node selector choose the node?"""
    return any(term_allows(term, node.labels, node.name) for term in selector.get("nodeSelectorTerms") or ())
