"""The controllers' queues as metrics, under the names of client-go's work queues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from podo.reconcile.queue import KeyQueue
from podo.runtime.metrics import Family, counter, gauge

_NAME = ("name",)


def families(queues: Mapping[str, KeyQueue[Any]]) -> Iterable[Family]:
    """``queues``: by the controller's name."""
    rows = queues.items()
    depth = [((name,), float(len(queue) - queue.in_work)) for name, queue in rows]
    yield gauge("workqueue_depth", "Keys that are ready for work.", _NAME, depth)
    yield counter("workqueue_adds_total", "Keys that became ready.", _NAME, [((n,), float(q.adds)) for n, q in rows])
    retries = [((name,), float(queue.retries)) for name, queue in rows]
    yield counter("workqueue_retries_total", "Keys that failed and are tried again.", _NAME, retries)
