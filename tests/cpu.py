"""What a piece of work may cost, in CPU seconds. Those of a machine that is slower than the usual one, or whose cores
others use as well, are worth less; how much less is measured there and then."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from podo.runtime.garbage import Sparing

#: CPU seconds of ``_known_work`` on the usual machine (CPython 3.11 on a virtual core of 2023 that nobody shares).
USUAL_SECONDS = 0.0018


@contextmanager
def costs_at_most(seconds: float) -> Iterator[None]:
    """Fails where its block takes more CPU than that of the usual machine. What other processes do is not counted, and
    the garbage collector does not look at what earlier tests have left."""
    with Sparing():
        began = time.process_time()
        yield
        took = time.process_time() - began
    assert took <= seconds or usual(took) <= seconds, f"{took:.3f} s of CPU where {seconds} s are allowed"


def usual(seconds: float) -> float:
    """What took so much CPU a moment ago would take on the usual machine; no more than it took."""
    return seconds / max(1.0, min(_known_work() for _ in range(3)) / USUAL_SECONDS)


def _known_work() -> float:
    """The CPU seconds of what Python programs do: calls, strings, dictionaries, lists."""
    began = time.thread_time()
    found: dict[str, list[int]] = {}
    for number in range(10_000):
        found.setdefault(str(number % 500), []).append(number)
    assert sum(map(len, found.values())) == 10_000
    return time.thread_time() - began
