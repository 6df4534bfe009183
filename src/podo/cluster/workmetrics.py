"""What controllers have brought about, as metrics under upstream's names, read off the changes that the cache sees:
Jobs and their pods that finished, how late CronJobs were, and nodes that lose their pods.

Nothing is counted twice by another look at the cache, nor what was so before the cache began.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from podo.api.kind import Obj
from podo.api.meta import annotations_of, condition_is_true, labels_of
from podo.api.parts.nodelabels import REGION, ZONE
from podo.client.cache import Cache, CacheChange, Changes
from podo.runtime.clock import Clock
from podo.runtime.metrics import Counter, Family, Histogram
from podo.values import timestamp

_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_LOST = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
#: Seconds; upstream's.
_SKEWS = tuple(float(2**power) for power in range(10))
_RESULTS = {"succeeded": "Complete", "failed": "Failed"}


class WorkMetrics:
    def __init__(self, cache: Cache, clock: Clock) -> None:
        self._began = clock.now()
        text = "Jobs that finished."
        labels = ("completion_mode", "result", "reason")
        self._jobs = Counter("job_controller_jobs_finished_total", text, labels, most=256)
        text = "Pods of Jobs that finished, each once."
        self._pods = Counter("job_controller_job_pods_finished_total", text, ("completion_mode", "result"))
        name = "cronjob_controller_job_creation_skew_duration_seconds"
        self._skews = Histogram(name, "From when a CronJob was due to when its Job was made.", (), _SKEWS)
        text = "Nodes that were found lost, so that their pods are evicted."
        self._evictions = Counter("node_collector_evictions_total", text, ("zone",), most=256)
        cache.subscribe(self._changed)

    def families(self) -> Iterable[Family]:
        for metric in (self._jobs, self._pods, self._skews, self._evictions):
            yield metric.family()

    def _changed(self, kind: str, revision: int, changes: Changes) -> None:
        if kind == "Job":
            for change in changes:
                self._job(change)
        elif kind == "Node":
            for change in changes:
                if change.old is not None and change.new is not None and _is_lost(change.new) > _is_lost(change.old):
                    self._evictions.add((_zone_of(change.new),))

    def _job(self, change: CacheChange) -> None:
        old, new = change.old, change.new
        if new is None:
            return
        if old is None:
            self._made(new)
            return
        mode = new["spec"].get("completionMode") or "NonIndexed"
        for result, condition in _RESULTS.items():
            more = _finished(new, result) - _finished(old, result)
            if more > 0:
                self._pods.add((mode, result), more)
            if condition_is_true(new, condition) and not condition_is_true(old, condition):
                self._jobs.add((mode, result, _reason(new, condition)))

    def _made(self, job: Obj) -> None:
        """By a CronJob, since the cache began?"""
        due = annotations_of(job).get(_SCHEDULED)
        made = timestamp.parse(job["metadata"]["creationTimestamp"])
        if due is None or made < self._began:
            return
        try:
            skew = made - datetime.fromisoformat(due).timestamp()
        except (ValueError, OverflowError):
            return
        self._skews.of().observe(max(0.0, skew))


def _finished(job: Obj, result: str) -> int:
    return int((job.get("status") or {}).get(result) or 0)


def _reason(job: Obj, condition: str) -> str:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return next((str(one.get("reason") or "") for one in conditions if one.get("type") == condition), "")


def _is_lost(node: Obj) -> bool:
    taints = (node.get("spec") or {}).get("taints") or ()
    return any(one.get("key") in _LOST and one.get("effect") == "NoExecute" for one in taints)


def _zone_of(node: Obj) -> str:
    labels = labels_of(node)
    region, zone = labels.get(REGION, ""), labels.get(ZONE, "")
    return f"{region}:\x00:{zone}" if region or zone else ""
