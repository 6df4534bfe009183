"""SchedulingThroughput as upstream's scheduler_perf collects it: pods that got a node, counted once a second, and the
average over the seconds. What comes before the first count with a pod in it, and after the last whole second, is left
out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

#: Seconds between two counts.
INTERVAL = 1.0


def sampled(progress: Sequence[tuple[float, int]], begun: float) -> float | None:
    """Pods a second; None for less than two counts. ``progress``: when how many had a node, rising; counting ``begun``
    at that moment. A second without a pod is joined to the next, and both have the average of the two."""
    if not progress:
        return None
    counts = [
        _at(progress, begun + number * INTERVAL) for number in range(1, int((progress[-1][0] - begun) / INTERVAL) + 1)
    ]
    counts = counts[next((number for number, count in enumerate(counts) if count), len(counts)) :]
    while len(counts) > 1 and counts[-1] == counts[-2]:
        counts.pop()
    return (counts[-1] - counts[0]) / ((len(counts) - 1) * INTERVAL) if len(counts) > 1 else None


def _at(progress: Sequence[tuple[float, int]], moment: float) -> int:
    index = bisect_right(progress, moment, key=lambda each: each[0])
    return progress[index - 1][1] if index else 0
