"""Conversion webhooks counted and timed, under upstream's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from podo.runtime.metrics import Counter, Family, Histogram

#: What has failed: the call, or what it answered.
CALL_FAILED, MALFORMED = "conversion_webhook_call_failure", "conversion_webhook_malformed_response_failure"
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 45, 60)
_LABELS = ("result", "failure_type")


class ConversionMetrics:
    """``now``: seconds of a clock that only goes forward."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._calls = Counter("apiserver_conversion_webhook_request_total", "Calls of conversion webhooks.", _LABELS)
        text = "Time of calls of conversion webhooks."
        self._times = Histogram("apiserver_conversion_webhook_duration_seconds", text, _LABELS, _SECONDS)

    def ended(self, began: float, failure: str) -> None:
        """``failure``: what has failed, or ""."""
        labels = ("failure" if failure else "success", failure)
        self._calls.add(labels)
        self._times.of(labels).observe(self.now() - began)

    def families(self) -> Iterable[Family]:
        yield self._calls.family()
        yield self._times.family()
