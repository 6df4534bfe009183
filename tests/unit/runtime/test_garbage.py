"""The garbage collector is spared what was there before, and left as it was; in a server what stays is kept out of its
way, and what has become garbage goes in the end."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from podo.runtime import garbage
from podo.runtime.garbage import Sparing


@contextmanager
def settled() -> Iterator[None]:
    """As a server after its start; and back."""
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    garbage.settle()
    try:
        yield
    finally:
        gc.callbacks[:] = callbacks
        gc.set_threshold(*thresholds)
        gc.unfreeze()


class Knot:
    """Refers to itself, so only the collector ends it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_was_made_meanwhile_goes_at_the_end_and_what_was_there_before_is_looked_at_again() -> None:
    before = Knot()
    kept = weakref.ref(before)
    thresholds = gc.get_threshold()
    with Sparing():
        with Sparing():
            assert gc.get_freeze_count() > 0
        del before
        made = weakref.ref(Knot())
        assert gc.get_freeze_count() > 0, "the first and the last count"
    assert made() is None
    assert gc.get_threshold() == thresholds and gc.get_freeze_count() == 0
    gc.collect()
    assert kept() is None


def test_a_collector_that_somebody_has_frozen_stays_as_it_is() -> None:
    gc.freeze()
    try:
        thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
        with Sparing():
            assert gc.get_threshold() == thresholds
        assert gc.get_freeze_count() >= frozen - 100, "not thawed"
    finally:
        gc.unfreeze()


def test_a_server_looks_again_at_what_has_come_only() -> None:
    with settled():
        frozen = gc.get_freeze_count()
        came = [[number] for number in range(1000)]
        gc.collect()
        assert gc.get_freeze_count() >= frozen + 900, "what is in use is kept"
        knot = weakref.ref(Knot())
        gc.collect()
        assert knot() is None
        assert came


def test_what_was_kept_and_is_garbage_goes_when_the_server_has_grown() -> None:
    with settled():
        there = max(gc.get_freeze_count(), garbage.COME)
        knot = Knot()
        gone = weakref.ref(knot)
        gc.collect()
        del knot
        gc.collect()
        assert gone() is not None, "nobody looks at it"
        for _ in range(there * garbage.GROWN // garbage.COME + 2):
            gc.collect()
        assert gone() is None
