"""What the scheduler has tried, under the names of upstream's scheduler.

Source: the "Kubernetes Metrics Reference", stable and beta metrics of kube-scheduler.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence

from podo.runtime.metrics import Counter, Family, Histogram, counter, gauge
from podo.scheduler.queue import Waiting

_RESULTS = ("result", "profile")
_POINTS = ("extension_point", "status", "profile")
#: The label of so many attempts.
_ATTEMPTS = (*((str(count),) for count in range(15)), ("15+",))


def _doubled(first: float, count: int) -> tuple[float, ...]:
    return tuple(first * 2**power for power in range(count))


class SchedulerMetrics:
    """Times are seconds. Of upstream's extension points PreFilter is told of pods whose claims had devices asked, and
    PreBind of those whose volumes or devices had to be made ready: others have nothing there. Filter includes PreScore
    and Score: all are kept on one board and decided on together. Permit and PostBind have no plug-in."""

    def __init__(self) -> None:
        text = "From when a pod was taken up until it was bound, refused or failed."
        name = "scheduler_scheduling_attempt_duration_seconds"
        self._attempts = Histogram(name, text, _RESULTS, _doubled(0.001, 15))
        name = "scheduler_pod_scheduling_sli_duration_seconds"
        text = "From when a pod was first taken up until it was bound, by the attempts that it took."
        self._whole = Histogram(name, text, ("attempts",), _doubled(0.01, 20))
        text = "Attempts that it took to place a pod."
        self._tries = Histogram("scheduler_pod_scheduling_attempts", text, (), _doubled(1, 5))
        text = "Time of all plug-ins of an extension point; Filter includes Score."
        name = "scheduler_framework_extension_point_duration_seconds"
        self._points = Histogram(name, text, _POINTS, _doubled(0.0001, 12))
        self._preemptions = Counter("scheduler_preemption_attempts_total", "Attempts to make room for a pod.")
        text = "Pods that had to go for one pod."
        self._victims = Histogram("scheduler_preemption_victims", text, (), _doubled(1, 7))
        for histogram in (self._tries, self._victims):  # without labels: there from the beginning
            histogram.of()
        self._preemptions.add(amount=0)

    def decided(self, profile: str, seconds: float, found: bool) -> None:
        """About one pod: has it a node?"""
        self._points.of(("Filter", "Success" if found else "Unschedulable", profile)).observe(seconds)

    def acquainted(self, profile: str, seconds: float) -> None:
        """The devices were asked that a pod's claims may have."""
        self._points.of(("PreFilter", "Success", profile)).observe(seconds)

    def reserved(self, profile: str, seconds: float, failed: bool) -> None:
        """A pod was counted on its node, with its volumes and devices."""
        self._points.of(("Reserve", "Error" if failed else "Success", profile)).observe(seconds)

    def refused(self, profile: str, seconds: float) -> None:
        """An attempt ended so."""
        self._attempts.of(("unschedulable", profile)).observe(seconds)

    def failed(self, profile: str, seconds: float) -> None:
        """An attempt ended by what is no refusal."""
        self._attempts.of(("error", profile)).observe(seconds)

    def posted(self, entries: Sequence[Waiting], failures: Sequence[Exception | None], seconds: float) -> None:
        """Bindings that were made together."""
        batch = Tally([(entry.profile, failure is None) for entry, failure in zip(entries, failures, strict=True)])
        for (profile, is_bound), count in batch.items():
            self._points.of(("Bind", "Success" if is_bound else "Error", profile)).observe_all(seconds, count)

    def bound(self, entries: Sequence[Waiting], now: float) -> None:
        """``now``: by the monotonic clock."""
        series = {profile: self._attempts.of(("scheduled", profile)) for profile in {each.profile for each in entries}}
        for entry in entries:
            series[entry.profile].observe(now - entry.begun)
            self._whole.of(_ATTEMPTS[min(entry.attempts, 15)]).observe(now - entry.first_begun)
        for attempts, count in Tally([entry.attempts for entry in entries]).items():
            self._tries.of().observe_all(attempts, count)

    def prepared(self, profile: str, seconds: float, failed: bool) -> None:
        """A pod's volumes and devices."""
        self._points.of(("PreBind", "Error" if failed else "Success", profile)).observe(seconds)

    def made_room(self, profile: str, seconds: float, victims: int) -> None:
        """Room was looked for; ``victims``: how many have to go, 0 where that helps nowhere."""
        self._preemptions.add()
        self._points.of(("PostFilter", "Success" if victims else "Unschedulable", profile)).observe(seconds)
        if victims:
            self._victims.of().observe(victims)

    def families(self, pending: Mapping[str, int], entered: Mapping[tuple[str, str], int]) -> Iterable[Family]:
        """``pending``: how many pods wait, by the part of the queue; ``entered``: how many came into it, and why."""
        text = "Attempts to place a pod."
        yield counter("scheduler_schedule_attempts_total", text, _RESULTS, self._attempts.counts())
        for metric in (self._attempts, self._whole, self._tries, self._points, self._preemptions, self._victims):
            yield metric.family()
        rows = [((queue,), float(count)) for queue, count in pending.items()]
        yield gauge("scheduler_pending_pods", "Pods that wait for a node.", ("queue",), rows)
        text = "Pods that came into a part of the queue, by what brought them."
        came = [(labels, float(count)) for labels, count in entered.items()]
        yield counter("scheduler_queue_incoming_pods_total", text, ("queue", "event"), came)
