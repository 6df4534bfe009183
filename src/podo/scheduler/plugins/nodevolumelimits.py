"""NodeVolumeLimits: a node takes no more volumes of a CSI driver than its CSINode says can be attached. Those count
that pods there use, and those that are attached though none does."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from podo.scheduler.plugins.contract import ClusterEvent
from podo.scheduler.podinfo import PodInfo
from podo.scheduler.reasons import Reason
from podo.scheduler.snapshot import Mask, Numbers, Rows, Snapshot
from podo.scheduler.storage import ClaimKey

NAME = "NodeVolumeLimits"
_FULL = Reason(NAME, "node(s) exceed max volume count")
_NO_LIMIT = 2**31


class NodeVolumeLimits:
    name = NAME
    wide = True
    amounts_only = False
    wakes = frozenset(
        {ClusterEvent.POD_REMOVED, ClusterEvent.NODE_ADDED, ClusterEvent.CSI_NODE_CHANGED}
        | {ClusterEvent.CLAIM_CHANGED, ClusterEvent.ATTACHMENT_REMOVED}
    )

    def fits(self, pod: PodInfo, snapshot: Snapshot, rows: Rows) -> Mask | None:
        masks = [
            snapshot.storage.attached(driver) + _new(claims, snapshot) <= limits
            for driver, claims, limits in _limited(pod, snapshot)
        ]
        if not masks:
            return None
        whole: Mask = np.logical_and.reduce(masks)
        return whole[rows]

    def why(self, pod: PodInfo, snapshot: Snapshot, row: int) -> tuple[Reason, ...]:
        return (_FULL,)


def _limited(pod: PodInfo, snapshot: Snapshot) -> Iterator[tuple[str, list[ClaimKey], Numbers]]:
    """The pod's claims by driver, with the limits of each row, where there are any."""
    storage = snapshot.storage
    by_driver: dict[str, list[ClaimKey]] = {}
    for name in set(pod.claims):
        if driver := storage.driver_of((pod.namespace, name)):
            by_driver.setdefault(driver, []).append((pod.namespace, name))
    for driver, claims in by_driver.items():
        version = (storage.version_of("CSINode"), snapshot.character)
        limits = snapshot.remembered((NAME, driver), version, partial(_limits, driver, snapshot))
        if limits is not None:
            yield driver, claims, limits


def _limits(driver: str, snapshot: Snapshot) -> Numbers | None:
    found = snapshot.storage.limits(driver)
    if not found:
        return None
    column: Numbers = np.full(snapshot.capacity, _NO_LIMIT, dtype=np.int64)
    for name, limit in found.items():
        if (row := snapshot.row_of.get(name)) is not None:
            column[row] = limit
    return column


def _new(claims: list[ClaimKey], snapshot: Snapshot) -> Numbers:
    """For each row, how many of the claims are neither in use nor attached there yet."""
    found: Numbers = np.full(snapshot.capacity, len(claims), dtype=np.int64)
    for claim in claims:
        for name in (*snapshot.storage.users(claim), *snapshot.storage.lies_on(claim)):
            if (row := snapshot.row_of.get(name)) is not None:
                found[row] -= 1
    return found
