"""Stamping anew: the last value of a deleted object, as of its deletion."""

from __future__ import annotations

from podo.storage.contract import Record, Stamp


def restamped(record: Record, revision: int, stamp: Stamp) -> Record:
    """``record`` as the delete at ``revision`` leaves it."""
    return Record(record.key, stamp(unstamped(record, stamp), revision), record.created, revision)


def unstamped(record: Record, stamp: Stamp) -> bytes:
    """The value as it was written.

    Memory holds each value once, stamped; nothing but ``stamp`` knows what a stamp looks like. Stamping the stamped
    value again puts
    the same text in front of itself, so the two differ in one more copy of it, which ends where they begin to differ
    at the latest.
    """
    once = record.value
    twice = stamp(once, record.revision)
    length = len(twice) - len(once)
    end = _agree(once, twice)
    return once[: end - length] + once[end:]


def _agree(one: bytes, other: bytes) -> int:
    """The length of the longest common start: widening steps first, as stamps are near the start."""
    limit = min(len(one), len(other))
    low, high = 0, min(64, limit)
    while high < limit and one[low:high] == other[low:high]:
        low, high = high, min(2 * high, limit)
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
