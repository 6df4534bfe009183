"""Folds repeated Events into few: equal ones are counted, similar ones combined, and a source that floods is cut short.

Figures and texts as client-go's event correlator has them. Pure: the time is given.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TypeVar

from podo.api.kind import Obj

V = TypeVar("V")

#: So many similar Events (same but for the message) within ``SIMILAR_SECONDS`` are combined.
SIMILAR, SIMILAR_SECONDS = 10, 600.0
COMBINED = "(combined from similar events): "
#: A source may say so much about one object at once, and then one more in so many seconds.
BURST, SECONDS_A_TOKEN = 25, 300.0
#: How many groups, recent Events and buckets are remembered, each.
REMEMBERED = 4096


@dataclass(slots=True)
class _Similar:
    messages: set[str]
    last: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


@dataclass(slots=True)
class Correlation:
    """What became of an Event: ``event`` is to be created; with a ``patch`` it is there already and to be patched."""

    event: Obj
    key: tuple[str, ...]
    patch: dict[str, object] | None = None


@dataclass(slots=True)
class Correlator:
    _similar: OrderedDict[tuple[str, ...], _Similar] = field(default_factory=OrderedDict)
    _recent: OrderedDict[tuple[str, ...], Obj] = field(default_factory=OrderedDict)
    _buckets: OrderedDict[tuple[str, ...], _Bucket] = field(default_factory=OrderedDict)

    def correlate(self, event: Obj, now: float) -> Correlation | None:
        """What to do about ``event``; None: drop it."""
        if not self._allowed(event, now):
            return None
        key = self._combine(event, now)
        known = self._recent.get(key)
        if known is None:
            _remember(self._recent, key, event)
            return Correlation(event, key)
        count = known["count"] + 1
        patch = {"count": count, "lastTimestamp": event["lastTimestamp"], "message": event["message"]}
        _remember(self._recent, key, {**known, **patch})
        return Correlation(known, key, patch)

    def forget(self, correlation: Correlation) -> None:
        """The Event is not in the store: the next like it is a new one."""
        self._recent.pop(correlation.key, None)

    def _combine(self, event: Obj, now: float) -> tuple[str, ...]:
        """The key under which equal Events are counted. Changes the message where there are too many similar ones."""
        group = _group(event)
        message = event["message"]
        similar = self._similar.get(group)
        if similar is None or now - similar.last > SIMILAR_SECONDS:
            similar = _Similar(set(), now)
        similar.last = now
        if len(similar.messages) < SIMILAR:
            similar.messages.add(message)
        _remember(self._similar, group, similar)
        if message in similar.messages and len(similar.messages) < SIMILAR:
            return (*group, message)
        event["message"] = COMBINED + message
        return (*group, COMBINED)

    def _allowed(self, event: Obj, now: float) -> bool:
        involved, source = event["involvedObject"], event["source"]
        key = (source.get("component", ""), source.get("host", ""), involved.get("uid", ""), involved["name"])
        bucket = self._buckets.get(key) or _Bucket(BURST, now)
        bucket.tokens = min(BURST, bucket.tokens + (now - bucket.filled) / SECONDS_A_TOKEN)
        bucket.filled = now
        _remember(self._buckets, key, bucket)
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


def _group(event: Obj) -> tuple[str, ...]:
    """All that makes Events similar: everything but the message and the times."""
    involved, source = event["involvedObject"], event["source"]
    about = tuple(
        str(involved.get(name, "")) for name in ("kind", "namespace", "name", "uid", "apiVersion", "fieldPath")
    )
    return (source.get("component", ""), source.get("host", ""), *about, event["type"], event["reason"])


def _remember(memory: OrderedDict[tuple[str, ...], V], key: tuple[str, ...], value: V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
