"""Upstream's formulas by numbers worked out by hand: where the columns and their oracle share a mistake, nothing else
would show it."""

from __future__ import annotations

from typing import Any

import pytest

from podo.scheduler.plugins.balancedallocation import BalancedAllocation
from podo.scheduler.podinfo import PodInfo
from tests.unit.scheduler.clusters import node, pod, snapshot


@pytest.mark.parametrize(
    ("there", "asked", "points"),
    [
        ({}, {"cpu": "2"}, 62),  # (50 + 75 - 100) / 2 more than 50: from balanced to a half and nothing
        ({}, {"cpu": "4"}, 50),  # from balanced to all and nothing: the worst
        ({}, {"cpu": "1", "memory": "2Gi"}, 75),  # it stays as it is
        ({"cpu": "4"}, {"memory": "8Gi"}, 100),  # from all and nothing to balanced: the best
        ({"cpu": "2"}, {"memory": "2Gi"}, 81),  # (50 + 87 - 75) / 2: some of the difference is made good
    ],
)
def test_balanced_allocation_counts_what_the_pod_changes(
    there: dict[str, Any], asked: dict[str, Any], points: int
) -> None:
    cluster = snapshot(node("n", cpu="4", memory="8Gi"))
    if there:
        cluster.add_pod(pod("there", there), "n")
    newcomer: PodInfo = pod("p", asked)
    scores = BalancedAllocation().score(newcomer, cluster, slice(0, 1))
    assert scores is not None and scores.tolist() == [points]
