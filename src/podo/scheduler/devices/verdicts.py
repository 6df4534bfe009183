"""Which nodes can satisfy the claims that a pod's share: kept per set of demands, and made anew only for nodes where
something changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from podo.scheduler.devices.allocator import Chosen, Search, preference
from podo.scheduler.devices.asking import CannotAllocate, ClaimAsk
from podo.scheduler.devices.extended import on_node
from podo.scheduler.devices.ledger import Devices
from podo.scheduler.devices.matching import matches
from podo.scheduler.noderows import Mask, NodeInfo, Numbers

#: Sets of demands remembered; the one not used for longest goes.
LIMIT = 64
NONE_FREE = "cannot allocate all claims"


class Nodes(Protocol):
    """What is needed of the rows of nodes (see ``noderows``)."""

    row_of: dict[str, int]
    character: int

    @property
    def capacity(self) -> int: ...

    def node(self, row: int) -> NodeInfo: ...


@dataclass(slots=True)
class Verdict:
    """By row: can the node satisfy the claims, and how well? ``problems``: rows where something went wrong; in which
    words, depends on the claims (``problem_of``)."""

    fits: Mask
    points: Numbers
    problems: set[int]
    character: int
    epoch: int
    moment: int


@dataclass(slots=True)
class Verdicts:
    devices: Devices
    nodes: Nodes
    _known: OrderedDict[str, Verdict] = field(default_factory=OrderedDict)

    def of(self, key: str, claims: list[ClaimAsk]) -> Verdict:
        """``key``: equal for claims that ask for the same."""
        known, devices, nodes = self._known.get(key), self.devices, self.nodes
        changed = None if known is None else devices.changed_since(known.moment)
        if known is None or changed is None or (known.character, known.epoch) != (nodes.character, devices.epoch):
            capacity = nodes.capacity
            empty, zeros = np.zeros(capacity, dtype=bool), np.zeros(capacity, dtype=np.int64)
            known = self._known[key] = Verdict(empty, zeros, set(), nodes.character, devices.epoch, devices.moment)
            changed = list(nodes.row_of)
            if len(self._known) > LIMIT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        self._judge(known, claims, set(changed))
        known.moment = devices.moment
        return known

    def _judge(self, verdict: Verdict, claims: list[ClaimAsk], names: Iterable[str]) -> None:
        for name in names:
            row = self.nodes.row_of.get(name)
            if row is None:
                continue
            verdict.problems.discard(row)
            try:
                chosen = choose(self.devices, claims, self.nodes.node(row))
            except CannotAllocate:
                chosen = None
                verdict.problems.add(row)
            verdict.fits[row] = chosen is not None
            verdict.points[row] = preference(chosen, claims) if chosen is not None else 0


def choose(devices: Devices, claims: list[ClaimAsk], node: NodeInfo) -> list[list[Chosen]] | None:
    """The devices that claims get on a node; None where there are not enough. Raises CannotAllocate."""
    try:
        asked = [on_node(each, node) for each in claims]
        return Search(asked, devices.offer(node.name, node.labels), matches, devices.tolerated).run()
    except RecursionError:
        raise CannotAllocate("too many devices are asked for at once") from None


def problem_of(devices: Devices, claims: list[ClaimAsk], node: NodeInfo) -> str:
    """What goes wrong on a node, in words; that there are too few where nothing does."""
    try:
        choose(devices, claims, node)
    except CannotAllocate as problem:
        return str(problem)
    return NONE_FREE
