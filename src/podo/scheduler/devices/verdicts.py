"""Which nodes can satisfy the claims that a pod's share: kept per set of demands, and made anew only for nodes where
something changed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from podo.scheduler.devices.allocator import Chosen, Search, preference
from podo.scheduler.devices.asking import CannotAllocate, ClaimAsk
from podo.scheduler.devices.extended import on_node
from podo.scheduler.devices.ledger import Devices
from podo.scheduler.devices.matching import matches
from podo.scheduler.devices.reach import ALONE, Nodes, Reach
from podo.scheduler.noderows import Mask, NodeInfo, Numbers

#: Sets of demands remembered; the one not used for longest goes.
LIMIT = 64
NONE_FREE = "cannot allocate all claims"


@dataclass(slots=True)
class Verdict:
    """By row: can the node satisfy the claims, and how well? ``problems``: something went wrong there; in which words,
    depends on the claims (``problem_of``)."""

    fits: Mask
    points: Numbers
    problems: Mask
    character: int
    epoch: int
    moment: int


@dataclass(slots=True)
class Verdicts:
    devices: Devices
    nodes: Nodes
    _reach: Reach = field(init=False)
    _known: OrderedDict[str, Verdict] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self._reach = Reach(self.devices.pools, self.nodes)

    def of(self, key: str, claims: list[ClaimAsk]) -> Verdict:
        """``key``: equal for claims that ask for the same."""
        known, devices, nodes = self._known.get(key), self.devices, self.nodes
        changed = None if known is None else devices.changes.since(known.moment)
        if known is None or changed is None or (known.character, known.epoch) != (nodes.character, devices.epoch):
            capacity = nodes.capacity
            fits, problems = np.zeros((2, capacity), dtype=bool)
            points = np.zeros(capacity, dtype=np.int64)
            known = self._known[key] = Verdict(
                fits, points, problems, nodes.character, devices.epoch, devices.changes.moment
            )
            changed = list(nodes.row_of)
            if len(self._known) > LIMIT:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        self._judge(known, claims, [nodes.row_of[name] for name in set(changed) if name in nodes.row_of])
        known.moment = devices.changes.moment
        return known

    def _judge(self, verdict: Verdict, claims: list[ClaimAsk], changed: list[int]) -> None:
        """One of each group of nodes that are offered the same, and the others one by one. (Which of the extended
        resources that a claim stands for a node has itself is for each node to say.)"""
        rows = np.array(changed, dtype=np.intp)
        groups = self._reach.groups()[rows]
        if any(claim.resources for claim in claims):
            groups = np.full(len(rows), ALONE)
        for row in rows[groups == ALONE].tolist():
            self._judge_like(verdict, claims, row, row)
        for group in np.unique(groups[groups != ALONE]):
            alike = rows[groups == group]
            self._judge_like(verdict, claims, int(alike[0]), alike)

    def _judge_like(
        self, verdict: Verdict, claims: list[ClaimAsk], row: int, alike: int | npt.NDArray[np.intp]
    ) -> None:
        """What holds for ``row`` holds for all that are ``alike``."""
        chosen, problem = None, False
        try:
            chosen = choose(self.devices, claims, self.nodes.node(row))
        except CannotAllocate:
            problem = True
        verdict.problems[alike] = problem
        verdict.fits[alike] = chosen is not None
        verdict.points[alike] = preference(chosen, claims) if chosen is not None else 0


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
