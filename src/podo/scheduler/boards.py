"""Boards: for each signature of pods, which nodes are feasible and how they score, kept up to date row by row.

Placing a pod changes one row, so the next pod like it costs the evaluation of one node, not of all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from podo.scheduler.plugins.contract import Filter, Normal
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.profile import Profile
from podo.scheduler.snapshot import EVERY, Mask, Numbers, Rows, Snapshot

#: Boards kept; the one not used for longest goes.
LIMIT = 256
#: Different amounts of nodes remembered, for each board.
AMOUNTS = 4096
#: What an infeasible row has for a score.
INFEASIBLE = -1


def feasible_rows(pod: PodInfo, snapshot: Snapshot, filters: Iterable[Filter], rows: Rows = EVERY) -> Mask:
    """True for those of ``rows`` whose node passes every filter."""
    mask: Mask = snapshot.present[rows].copy()
    for plugin in filters:
        passed = plugin.fits(pod, snapshot, rows)
        if passed is not None:
            mask &= passed
    return mask


def absolute_scores(pod: PodInfo, snapshot: Snapshot, profile: Profile, rows: Rows = EVERY) -> Numbers:
    """The weighted sum of the scores that do not depend on other nodes, for each of ``rows``."""
    total: Numbers = np.zeros(len(snapshot.present[rows]), dtype=np.int64)
    for plugin, weight in profile.scores:
        if plugin.normal is Normal.NONE and (raw := plugin.score(pod, snapshot, rows)) is not None:
            total += weight * raw
    return total


def relative_scores(pod: PodInfo, snapshot: Snapshot, profile: Profile, feasible: Mask) -> Numbers | int:
    """The weighted sum of the scores that are measured by the feasible nodes; a number where it is the same for all."""
    total: Numbers | int = 0
    for plugin, weight in profile.scores:
        if plugin.normal is not Normal.NONE and (raw := plugin.score(pod, snapshot, EVERY)) is not None:
            total = total + weight * normalized(raw, plugin.normal, feasible)
    return total


def normalized(raw: Numbers, normal: Normal, feasible: Mask) -> Numbers | int:
    """Raw scores on the scale of 0 to 100, by the greatest of a feasible node."""
    most = int(raw.max(initial=0, where=feasible))
    if not most:
        return 100 if normal is Normal.DOWN else 0
    shares = raw * 100 // most
    return 100 - shares if normal is Normal.DOWN else shares


@dataclass(slots=True)
class Board:
    """``scores``: the absolute score of every row, ``INFEASIBLE`` where its node refuses the pod. ``by_amounts``: what
    plug-ins that look at amounts only have said of them: most nodes of a cluster are like others."""

    scores: Numbers
    #: Do the relative scores say the same of every node, whichever are feasible?
    uniform: bool
    moment: int
    character: int
    by_amounts: dict[bytes, int] = field(default_factory=dict)


class Boards:
    """The boards of one snapshot and profile."""

    def __init__(self, snapshot: Snapshot, profile: Profile) -> None:
        self.profile = profile
        self._snapshot = snapshot
        self._local, self._wide = profile.local_filters, profile.wide_filters
        self._amounts = tuple(each for each in self._local if each.amounts_only)
        self._others = tuple(each for each in self._local if not each.amounts_only)
        absolute = (each for each, _ in profile.scores if each.normal is Normal.NONE)
        self._memorable = all(each.amounts_only for each in absolute)
        self._boards: OrderedDict[Any, Board] = OrderedDict()

    def scores(self, pod: PodInfo) -> Numbers:
        """Total scores by row, up to a constant; below 0 where the node refuses. Not to be changed."""
        board, snapshot = self._up_to_date(pod), self._snapshot
        scores = board.scores
        masks = [mask for plugin in self._wide if (mask := plugin.fits(pod, snapshot, EVERY)) is not None]
        if masks:
            scores = np.where(np.logical_and.reduce(masks), scores, INFEASIBLE)
        more = self._measured(pod, board, scores)
        return scores if more is None else np.where(scores == INFEASIBLE, INFEASIBLE, scores + more)

    def _measured(self, pod: PodInfo, board: Board, scores: Numbers) -> Numbers | int | None:
        """The scores that depend on which nodes are feasible; None where they are the same for all."""
        snapshot, total = self._snapshot, None
        feasible: Mask = scores != INFEASIBLE
        if not board.uniform:
            total = relative_scores(pod, snapshot, self.profile, feasible)
        for plugin, weight in self.profile.wide_scores:
            if (points := plugin.score(pod, snapshot, feasible)) is not None:
                total = weight * points if total is None else total + weight * points
        return total

    def _up_to_date(self, pod: PodInfo) -> Board:
        board, snapshot = self._boards.get(pod.signature), self._snapshot
        if board is None or board.character != snapshot.character:
            return self._new(pod)
        changed = snapshot.changes.since(board.moment)
        if changed is None or len(changed) > snapshot.capacity // 4:
            return self._new(pod)
        self._boards.move_to_end(pod.signature)
        if changed:
            if len(changed) == 1 and self._memorable:  # the usual case
                board.scores[changed[0]] = self._one(pod, board, changed[0])
            else:
                rows = np.array(changed, dtype=np.intp)
                board.scores[rows] = self._evaluated(pod, rows)
            board.moment = snapshot.changes.moment
        return board

    def _new(self, pod: PodInfo) -> Board:
        snapshot = self._snapshot
        scores = self._evaluated(pod, EVERY)
        uniform = isinstance(relative_scores(pod, snapshot, self.profile, snapshot.present), int)
        board = self._boards[pod.signature] = Board(scores, uniform, snapshot.changes.moment, snapshot.character)
        self._boards.move_to_end(pod.signature)
        if len(self._boards) > LIMIT:
            self._boards.popitem(last=False)
        return board

    def _evaluated(self, pod: PodInfo, rows: Rows) -> Numbers:
        feasible = feasible_rows(pod, self._snapshot, self._local, rows)
        return np.where(feasible, absolute_scores(pod, self._snapshot, self.profile, rows), INFEASIBLE)

    def _one(self, pod: PodInfo, board: Board, row: int) -> int:
        """What ``_evaluated`` gives for a single row, at a tenth of the cost where a node like it has been seen."""
        snapshot, one = self._snapshot, slice(row, row + 1)
        amounts = snapshot.amounts(row)
        score = board.by_amounts.get(amounts)
        if score is None:
            feasible = feasible_rows(pod, snapshot, self._amounts, one)
            points = absolute_scores(pod, snapshot, self.profile, one)
            if len(board.by_amounts) >= AMOUNTS:
                board.by_amounts.clear()
            score = board.by_amounts[amounts] = int(points[0]) if feasible[0] else INFEASIBLE
        if score == INFEASIBLE or not snapshot.present[row]:
            return INFEASIBLE
        for plugin in self._others:
            passed = plugin.fits(pod, snapshot, one)
            if passed is not None and not passed[0]:
                return INFEASIBLE
        return score
