"""``/metrics``: what the API server has recorded, what can be read off the store and the watches, and what other parts
of the process have to say."""

from __future__ import annotations

import platform
from collections.abc import Iterable

from podo import version
from podo.admission.metrics import AdmissionMetrics
from podo.api.kind import Kind
from podo.apiserver.fanout import FanOut
from podo.apiserver.metrics.conversions import ConversionMetrics
from podo.apiserver.metrics.requests import RequestMetrics
from podo.http.message import Response
from podo.runtime import process
from podo.runtime.clock import Clock
from podo.runtime.metrics import CONTENT_TYPE, Collector, Family, counter, exposition, gauge
from podo.storage.contract import Store


class ApiMetrics:
    """``collectors``: append to it what gives more families. ``pages``: by path, what gives those of a page of its own.
    ``sent``: of each watched kind, the events that were sent."""

    def __init__(self, clock: Clock) -> None:
        self.requests = RequestMetrics(clock)
        self.admission = AdmissionMetrics(clock.monotonic)
        self.conversions = ConversionMetrics(clock.monotonic)
        self.sent: dict[tuple[str, str, str], Tally] = {}
        self.collectors: list[Collector] = [process.families, self.admission.families, self.conversions.families]

        self.pages: dict[str, Collector] = {}

    def tally(self, group: str, kind_version: str, resource: str) -> Tally:
        """Where a watch counts the events it sends."""
        return self.sent.setdefault((group, kind_version, resource), Tally())

    def page(self, store: Store, fanout: FanOut, kinds: Iterable[Kind]) -> Response:
        families = [*self.requests.families(), *self._watching(fanout), *_stored(store, kinds), _build()]
        for collect in self.collectors:
            families.extend(collect())
        return Response(200, exposition(families), CONTENT_TYPE)

    def page_of_its_own(self, path: str) -> Response | None:
        collect = self.pages.get(path)
        return None if collect is None else Response(200, exposition(collect()), CONTENT_TYPE)

    def _watching(self, fanout: FanOut) -> Iterable[Family]:
        labels = ("group", "version", "resource")
        sent = [(key, float(tally.events)) for key, tally in self.sent.items()]
        yield counter("apiserver_watch_events_total", "Events sent to watches.", labels, sent)
        registered = ("group", "version", "kind")
        text = "Watches that run now."
        yield gauge("apiserver_registered_watchers", text, registered, fanout.watchers().items())


class Tally:
    """A number that many count on."""

    __slots__ = ("events",)

    def __init__(self) -> None:
        self.events = 0


def _stored(store: Store, kinds: Iterable[Kind]) -> Iterable[Family]:
    """Objects by resource: versions and groups that share what is stored are one."""
    by_prefix: dict[str, Kind] = {}
    for kind in kinds:
        if "create" in kind.verbs and "list" in kind.verbs:  # others are not stored
            by_prefix.setdefault(kind.prefix, kind.stored_as or kind)
    counted = [(kind, float(store.count(prefix))) for prefix, kind in by_prefix.items()]
    text = "Objects in the store."
    old = [((kind.resource,), count) for kind, count in counted]
    yield gauge("apiserver_storage_objects", text, ("resource",), old)
    new = [((kind.group, kind.plural), count) for kind, count in counted]
    yield gauge("apiserver_resource_objects", text, ("group", "resource"), new)
    revisions = [(("current",), float(store.revision)), (("oldest",), float(store.oldest))]
    yield gauge("podo_storage_revision", "The store's newest and oldest readable revision.", ("which",), revisions)


def _build() -> Family:
    labels = ("major", "minor", "git_version", "platform")
    machine = f"{platform.system().lower()}/{platform.machine()}"
    values = (version.KUBERNETES_MAJOR, version.KUBERNETES_MINOR, version.GIT_VERSION, machine)
    return gauge("kubernetes_build_info", "What is running: always 1.", labels, [(values, 1.0)])
