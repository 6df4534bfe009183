"""Waiting for something to become true, with a deadline and a telling failure."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], what: str, seconds: float = 120, every: float = 0.1) -> T:
    """The first true thing that ``look`` gives; AssertionError with what it gave last. An AssertionError raised by
    ``look`` counts as "not yet"."""
    deadline = time.monotonic() + seconds
    while True:
        last: object
        try:
            if found := look():
                return found
            last = found
        except AssertionError as failure:
            last = failure
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}; last seen: {last!r}"
        time.sleep(every)


def always(look: Callable[[], object], what: str, seconds: float, every: float = 0.1) -> None:
    """``look`` gives something true all the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert look(), f"no longer: {what}"
        time.sleep(every)
