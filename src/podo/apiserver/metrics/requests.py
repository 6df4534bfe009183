"""Requests counted and timed, under the names of upstream's API server: what was asked, how it was answered, how long
it took, and what is under way.

One turn is one request: ``begin`` it, name its call once that is known, ``leave`` when the handler is done, and say
what was ``answered``. Together they cost two microseconds a request at most.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from podo.api.kind import Kind
from podo.apiserver.audit.auditor import Trail
from podo.apiserver.call import Call
from podo.apiserver.fairness.control import Flow
from podo.http.body import size_of
from podo.http.message import Request, Response, Streaming, Tunnel, Upgrade, Writer
from podo.runtime.clock import Clock
from podo.runtime.metrics import Counter, Distribution, Family, Histogram, Labels, Sample, gauge

#: Seconds; upstream's.
DURATIONS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60)
_ASKED: Labels = ("verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component")
_RUNNING: Labels = ("verb", "group", "version", "resource", "subresource", "scope", "component")
_COMPONENT = "apiserver"
#: Whose answers' sizes are told, and the bounds: upstream's.
_SIZED = frozenset({"GET", "LIST"})
_SIZES = tuple(1000.0 * 10**power for power in range(7))
_VERBS = {"create": "POST", "update": "PUT"}
_CONNECTED = frozenset({"attach", "exec", "portforward", "proxy"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
#: Paths that are no resources and are counted all the same.
_COUNTED_PATHS = frozenset({"healthz", "livez", "readyz", "metrics"})

#: Kinds of requests whose series are found at once.
REMEMBERED = 8192

#: Verb, kind, subresource; no name? no namespace? a dry run?
Key = tuple[str, Kind, str, bool, bool, bool]
Answer = Response | Streaming | Upgrade
End = TypeVar("End", Writer, Tunnel)


class Turn:
    """One request on its way. ``call`` for resources; ``root``: the first part of any other path; ``flow``: how it was
    let in."""

    __slots__ = ("begun", "call", "flow", "request", "root", "trail")

    def __init__(self, request: Request, begun: float) -> None:
        self.request = request
        self.begun = begun
        self.call: Call | None = None
        self.root = ""
        self.flow: Flow | None = None
        self.trail: Trail | None = None  # of the audit log, where there is one


class _Series:
    """Requests that differ in nothing but their answers."""

    __slots__ = ("codes", "durations", "labels", "running", "sizes")

    def __init__(self, labels: Labels, durations: Distribution, sizes: Distribution | None) -> None:
        self.labels = labels
        self.durations = durations
        self.sizes = sizes  # of what is read
        self.codes: dict[int, int] = {}
        self.running = 0  # streams and tunnels under way


class RequestMetrics:
    def __init__(self, clock: Clock) -> None:
        self._monotonic = clock.monotonic
        self._durations = Histogram(
            "apiserver_request_duration_seconds",
            "Time from a request's head to its answer; of streams to their beginning.",
            _ASKED,
            DURATIONS,
        )
        self._sizes = Histogram("apiserver_response_sizes", "Bytes of the answers to reads.", _RUNNING, _SIZES)
        #: Of APIs that are deprecated; the last label is the release without them, where that is known.
        self._deprecated: dict[Labels, float] = {}
        self._series: dict[Labels, _Series] = {}
        self._found: dict[Key, _Series] = {}
        self._reading = self._mutating = 0
        self.terminations = Counter(
            "apiserver_request_terminations_total",
            "Requests that were refused to protect the server.",
            ("verb", "group", "version", "resource", "subresource", "scope", "component", "code"),
        )

    def begin(self, request: Request) -> Turn:
        if request.method in _READING:
            self._reading += 1
        else:
            self._mutating += 1
        return Turn(request, self._monotonic())

    def leave(self, turn: Turn) -> None:
        """The handler is done: a stream that it gave is no request in flight, but a long-running one."""
        if turn.request.method in _READING:
            self._reading -= 1
        else:
            self._mutating -= 1

    def answered(self, turn: Turn, answer: Answer) -> Answer:
        """Count the answer. Of a stream or a tunnel, what is given back also counts how long it runs."""
        series = self._series_of(turn)
        if series is None:
            return answer
        series.durations.observe(self._monotonic() - turn.begun)
        codes, code = series.codes, 101 if isinstance(answer, Upgrade) else answer.status
        codes[code] = codes.get(code, 0) + 1
        if isinstance(answer, Response):
            if series.sizes is not None:
                series.sizes.observe(size_of(answer.body))
            return answer
        if isinstance(answer, Streaming):
            return Streaming(_running(series, answer.produce), answer.status, answer.content_type, answer.headers)
        return Upgrade(_running(series, answer.run))

    def _series_of(self, turn: Turn) -> _Series | None:
        call = turn.call
        if call is None:
            if turn.root not in _COUNTED_PATHS:
                return None
            return self._labelled("GET", False, ("", "", "", f"/{turn.root}", ""))
        verb = call.verb
        if verb == "patch" and "apply-patch" in turn.request.headers.get("content-type", ""):
            verb = "apply"
        key = (verb, call.kind, call.subresource, not call.name, not call.namespace, call.dry_run)
        return self._found.get(key) or self._find(key, call)

    def _find(self, key: Key, call: Call) -> _Series:
        kind, subresource = call.kind, call.subresource
        what = (kind.group, kind.version, kind.plural, subresource, scope_of(call))
        if len(self._found) >= REMEMBERED:  # custom kinds come and go
            self._found.clear()
        if kind.warning:
            self._deprecated[kind.group, kind.version, kind.plural, subresource, ""] = 1.0
        series = self._found[key] = self._labelled(named(key[0], subresource), call.dry_run, what)
        return series

    def _labelled(self, verb: str, dry: bool, what: tuple[str, str, str, str, str]) -> _Series:
        labels = (verb, "All" if dry else "", *what, _COMPONENT)
        series = self._series.get(labels)
        if series is None:
            sizes = self._sizes.of((verb, *what, _COMPONENT)) if verb in _SIZED else None
            series = self._series[labels] = _Series(labels, self._durations.of(labels), sizes)
        return series

    def terminated(self, call: Call, code: int) -> None:
        kind = call.kind
        verb, place = named(call.verb, call.subresource), (call.subresource, scope_of(call), _COMPONENT)
        self.terminations.add((verb, kind.group, kind.version, kind.plural, *place, str(code)))

    def families(self) -> Iterable[Family]:
        every = list(self._series.values())
        totals = [Sample((*s.labels, str(code)), count) for s in every for code, count in sorted(s.codes.items())]
        yield Family("apiserver_request_total", "Requests.", "counter", (*_ASKED, "code"), totals)
        yield self._durations.family()
        yield self._sizes.family()
        yield self.terminations.family()
        names = ("group", "version", "resource", "subresource", "removed_release")
        text = "Deprecated APIs that were asked for."
        yield gauge("apiserver_requested_deprecated_apis", text, names, self._deprecated.items())
        flying = [(("mutating",), float(self._mutating)), (("readOnly",), float(self._reading))]
        text = "Requests that are worked on now, but for streams."
        yield gauge("apiserver_current_inflight_requests", text, ("request_kind",), flying)
        running = [((s.labels[0], *s.labels[2:]), float(s.running)) for s in every if s.running]
        yield gauge("apiserver_longrunning_requests", "Streams and tunnels that run now.", _RUNNING, running)


def scope_of(call: Call) -> str:
    if call.name or call.verb == "create":
        return "resource"
    return "namespace" if call.namespace else "cluster"


def named(verb: str, subresource: str) -> str:
    """The label of a verb."""
    return "CONNECT" if subresource in _CONNECTED else _VERBS.get(verb, verb.upper())


def _running(series: _Series, run: Callable[[End], Awaitable[None]]) -> Callable[[End], Awaitable[None]]:
    async def counted(end: End) -> None:
        series.running += 1
        try:
            await run(end)
        finally:
            series.running -= 1

    return counted
