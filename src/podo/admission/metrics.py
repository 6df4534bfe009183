"""Admission counted and timed, under upstream's names: steps, plug-ins, webhooks and policies.

A step is timed in every write. Plug-ins take microseconds, about what timing them takes, so they are timed in one write
of ``SAMPLE`` and stand for the others, which are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from podo.admission.request import AdmissionRequest, Plugin
from podo.api.errors import ApiError
from podo.api.kind import Kind
from podo.runtime.metrics import Counter, Distribution, Family, Histogram, Labels

#: Writes of one kind of which the plug-ins are timed in one.
SAMPLE = 16
#: Series of a metric at most: names of kinds, webhooks and policies come and go.
MOST_SERIES = 4096
#: Steps; the quota is the end of validation.
ADMIT, VALIDATE, LAST = "admit", "validate", "last"
#: What upstream's metrics of webhooks call the two kinds of them.
WEBHOOK_TYPES = {True: "admit", False: "validating"}
CALLING_FAILED, DENIED, INTERNAL = "calling_webhook_error", "no_error", "apiserver_internal_error"

_SECONDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5)
_WEBHOOK_SECONDS = (*_SECONDS, 10, 25)
_POLICY_SECONDS = (0.0000005, 0.001, 0.01, 0.1, 1.0)
_NAMED: Labels = ("name", "type", "operation", "rejected")
#: What became of an evaluation of a policy; one that does not hold is an invalid_error too.
NO_ERROR, INVALID, COMPILATION, OUT_OF_BUDGET = "no_error", "invalid_error", "compile_error", "out_of_budget"
_CHECKED: dict[str, Labels] = {
    "validating": ("policy", "policy_binding", "error_type", "enforcement_action"),
    "mutating": ("policy", "policy_binding", "error_type"),
}
_PREFIX = "apiserver_admission_"


class _Chain:
    """The plug-ins of one step of one kind of write. ``untold``: writes that no timed one has stood for yet; ``due``:
    how many more before the next is timed."""

    __slots__ = ("due", "last", "times", "untold")

    def __init__(self, times: list[Distribution]) -> None:
        self.times = times
        self.last = [0.0] * len(times)  # seconds
        self.untold = self.due = 0

    def tell(self) -> None:
        for one, seconds in zip(self.times, self.last, strict=True):
            one.observe_all(seconds, self.untold)
        self.untold = 0


class AdmissionMetrics:
    """``now``: seconds of a clock that only goes forward."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._chains: dict[tuple[Kind, str, str, str], _Chain] = {}
        self._plugins = _histogram("controller", "Time in each plug-in.", _NAMED, _SECONDS)
        self._steps = _histogram("step", "Time in each step.", ("type", "operation", "rejected"), _SECONDS)
        self._webhooks = _histogram("webhook", "Time in each webhook.", _NAMED, _WEBHOOK_SECONDS)
        self._requests = Counter(
            f"{_PREFIX}webhook_request_total", "Calls of webhooks.", (*_NAMED, "code"), most=MOST_SERIES
        )
        rejections = ("name", "type", "operation", "error_type", "rejection_code")
        self._rejections = Counter(
            f"{_PREFIX}webhook_rejection_count", "Writes that webhooks refused.", rejections, MOST_SERIES
        )
        text = "Failures of webhooks that were ignored."
        self._fail_open = Counter(f"{_PREFIX}webhook_fail_open_count", text, ("name", "type"), MOST_SERIES)
        self._checks = {what: _checks(what) for what in _CHECKED}
        self._check_times = {what: _check_times(what) for what in _CHECKED}

    def stepped(self, step: str, operation: str, began: float, rejected: bool = False) -> None:
        self._steps.of((step, operation, "true" if rejected else "false")).observe(self.now() - began)

    async def run(self, plugins: tuple[Plugin, ...], request: AdmissionRequest, step: str) -> None:
        """Let the plug-ins look at a write; the first refusal is raised."""
        key = (request.kind, request.operation, request.subresource, step)
        chain = self._chains.get(key) or self._chain(key, plugins)
        chain.untold += 1
        plugin = None
        try:
            if chain.due:
                chain.due -= 1
                for plugin in plugins:
                    await plugin.admit(request)
                return
            chain.due = SAMPLE - 1
            before = self.now()
            for index, plugin in enumerate(plugins):
                await plugin.admit(request)
                chain.last[index] = (now := self.now()) - before
                before = now
        except ApiError:
            if plugin is not None:
                self._refused(plugins, plugin, chain, (plugin.name, _type_of(step), request.operation, "true"))
            raise
        chain.tell()

    def _chain(self, key: tuple[Kind, str, str, str], plugins: tuple[Plugin, ...]) -> _Chain:
        if len(self._chains) >= MOST_SERIES:
            self._tell_waiting()
            self._chains.clear()
        _, operation, _, step = key
        labels = [(plugin.name, _type_of(step), operation, "false") for plugin in plugins]
        chain = self._chains[key] = _Chain([self._plugins.of(one) for one in labels])
        return chain

    def _refused(self, plugins: tuple[Plugin, ...], refusing: Plugin, chain: _Chain, labels: Labels) -> None:
        """Those before it have looked at the write, those behind it have not."""
        chain.untold -= 1
        at = plugins.index(refusing)
        for one, seconds in zip(chain.times[:at], chain.last, strict=False):
            one.observe(seconds)
        self._plugins.of(labels).observe(chain.last[at])

    def _tell_waiting(self) -> None:
        for chain in self._chains.values():
            chain.tell()

    def asked(self, name: str, mutating: bool, operation: str, began: float, code: int, *, rejected: bool) -> None:
        """A webhook has answered, or failed to."""
        labels = (name, WEBHOOK_TYPES[mutating], operation, "true" if rejected else "false")
        self._webhooks.of(labels).observe(self.now() - began)
        self._requests.add((*labels, str(code)))

    def rejected(self, name: str, mutating: bool, operation: str, why: str, code: int) -> None:
        self._rejections.add((name, WEBHOOK_TYPES[mutating], operation, why, str(code)))

    def failed_open(self, name: str, mutating: bool) -> None:
        self._fail_open.add((name, WEBHOOK_TYPES[mutating]))

    def checked(self, what: str, labels: Labels, began: float) -> None:
        """A policy ("validating" or "mutating") was evaluated; ``labels``: policy, binding, error and, of those that
        validate, what was done for it."""
        self._checks[what].add(labels)
        self._check_times[what].of(labels).observe(self.now() - began)

    def families(self) -> Iterable[Family]:
        self._tell_waiting()
        for histogram in (self._steps, self._plugins, self._webhooks, *self._check_times.values()):
            yield histogram.family()
        for counter in (self._requests, self._rejections, self._fail_open, *self._checks.values()):
            yield counter.family()


def _type_of(step: str) -> str:
    return ADMIT if step == ADMIT else VALIDATE


def _histogram(what: str, text: str, labels: Labels, bounds: tuple[float, ...]) -> Histogram:
    return Histogram(f"{_PREFIX}{what}_admission_duration_seconds", text, labels, bounds, most=MOST_SERIES)


def _checks(what: str) -> Counter:
    name = f"apiserver_{what}_admission_policy_check_total"
    return Counter(name, "Evaluations of policies.", _CHECKED[what], most=MOST_SERIES)


def _check_times(what: str) -> Histogram:
    name = f"apiserver_{what}_admission_policy_check_duration_seconds"
    return Histogram(name, "Time in each policy.", _CHECKED[what], _POLICY_SECONDS, most=MOST_SERIES)
