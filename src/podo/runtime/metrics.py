"""Metrics in the text form of Prometheus: counters and histograms that are cheap to record, families that are read when
they are asked for.

    asked = Counter("apiserver_request_total", "Requests by verb and code.", ("verb", "code"))
    asked.add(("get", "200"))
    text = exposition([asked.family()])

Source: "Exposition formats" of the Prometheus documentation, text format 0.0.4. Our own because prometheus_client takes
a lock and several calls a sample.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One line. ``suffix``: ``_bucket``, ``_sum`` or ``_count`` of a histogram."""

    labels: Labels
    value: float
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one metric. ``type``: counter, gauge or histogram."""

    name: str
    help: str
    type: str
    label_names: Labels
    samples: Sequence[Sample]


#: Gives families when metrics are read: for what is known anyway and need not be recorded.
Collector = Callable[[], Iterable[Family]]


def gauge(name: str, text: str, label_names: Labels, values: Iterable[tuple[Labels, float]]) -> Family:
    return Family(name, text, "gauge", label_names, [Sample(labels, value) for labels, value in values])


def counter(name: str, text: str, label_names: Labels, values: Iterable[tuple[Labels, float]]) -> Family:
    """Counts that somebody else keeps."""
    return Family(name, text, "counter", label_names, [Sample(labels, value) for labels, value in values])


class Counter:
    """Counts that only grow; the labels of a sample stand in the order of ``label_names``.

    ``most``: series that are kept at most, the oldest are dropped (0: no limit, for labels of a known few)."""

    __slots__ = ("_help", "_label_names", "_most", "_name", "values")

    def __init__(self, name: str, text: str, label_names: Labels = (), most: int = 0) -> None:
        self._name, self._help, self._label_names, self._most = name, text, label_names, most
        self.values: dict[Labels, float] = {}

    def add(self, labels: Labels = (), amount: float = 1) -> None:
        found = self.values.get(labels)
        if found is None and 0 < self._most <= len(self.values):
            del self.values[next(iter(self.values))]
        self.values[labels] = (found or 0) + amount

    def family(self) -> Family:
        return counter(self._name, self._help, self._label_names, self.values.items())


class Distribution:
    """One series of a histogram. ``observe`` is all that costs anything."""

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def observe_all(self, value: float, times: int) -> None:
        """The same value, ``times`` times."""
        self._counts[bisect_left(self._bounds, value)] += times
        self.total += value * times

    @property
    def count(self) -> int:
        return sum(self._counts)

    def samples(self, labels: Labels) -> Iterable[Sample]:
        """Cumulative buckets, with the label ``le`` behind the others; then sum and count."""
        below = 0
        for bound, count in zip(self._bounds, self._counts, strict=False):
            below += count
            yield Sample((*labels, _number(bound)), below, "_bucket")
        whole = below + self._counts[-1]
        yield Sample((*labels, "+Inf"), whole, "_bucket")
        yield Sample(labels, self.total, "_sum")
        yield Sample(labels, whole, "_count")


class Histogram:
    """Distributions by labels. Keep what ``of`` gives where the labels are known before. ``most``: as of Counter."""

    __slots__ = ("_bounds", "_help", "_label_names", "_most", "_name", "_series")

    def __init__(self, name: str, text: str, label_names: Labels, bounds: Sequence[float], most: int = 0) -> None:
        self._name, self._help, self._label_names, self._most = name, text, label_names, most
        self._bounds = tuple(bounds)
        self._series: dict[Labels, Distribution] = {}

    def of(self, labels: Labels = ()) -> Distribution:
        found = self._series.get(labels)
        if found is None:
            if 0 < self._most <= len(self._series):
                del self._series[next(iter(self._series))]
            found = self._series[labels] = Distribution(self._bounds)
        return found

    def counts(self) -> Iterable[tuple[Labels, float]]:
        """How many values each series has."""
        return ((labels, float(one.count)) for labels, one in self._series.items())

    def family(self) -> Family:
        samples = [sample for labels, one in self._series.items() for sample in one.samples(labels)]
        return Family(self._name, self._help, "histogram", self._label_names, samples)


def exposition(families: Iterable[Family]) -> bytes:
    """The page, families in the order of their names."""
    lines: list[str] = []
    for family in sorted(families, key=lambda family: family.name):
        lines.append(f"# HELP {family.name} {_escaped(family.help, quotes=False)}")
        lines.append(f"# TYPE {family.name} {family.type}")
        names, bucketed = family.label_names, (*family.label_names, "le")
        for sample in family.samples:
            labels = _labels(bucketed if sample.suffix == "_bucket" else names, sample.labels)
            lines.append(f"{family.name}{sample.suffix}{labels} {_number(sample.value)}")
    lines.append("")
    return "\n".join(lines).encode()


def _labels(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return f"{{{pairs}}}"


def _escaped(text: str, *, quotes: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quotes else text


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))
