"""Fail points: named places where a test can make the code fail. Off, a point costs one empty-dict check."""

from __future__ import annotations

from collections.abc import Callable

_active: dict[str, Callable[[], None]] = {}


def reach(name: str) -> None:
    """Say that the running code is at ``name``; raises what a test asked for there."""
    if _active and (act := _active.get(name)):
        act()


def activate(name: str, act: Callable[[], None]) -> None:
    _active[name] = act


def clear() -> None:
    _active.clear()
