"""The garbage collector is spared what was there before, and left as it was."""

from __future__ import annotations

import gc
import weakref

from podo.runtime.garbage import Sparing


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
