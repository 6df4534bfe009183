"""What a write must find before it may happen. Pure: from the newest record of a key to the change, or a refusal."""

from __future__ import annotations

from podo.storage.contract import NEW, Change, KeyExists, KeyNotFound, Record, RevisionMismatch, Stamp, Write
from podo.storage.stamping import restamped


def created(key: str, value: bytes, newest: Record | None, revision: int, stamp: Stamp) -> Change:
    """The change that creates ``key``; KeyExists."""
    if newest is not None:
        raise KeyExists(key)
    return Change(revision, key, Record(key, stamp(value, revision), revision, revision))


def updated(key: str, value: bytes, newest: Record | None, expected: int, revision: int, stamp: Stamp) -> Change:
    """The change that replaces ``newest``; KeyNotFound, RevisionMismatch."""
    previous = _found(key, newest, expected)
    return Change(revision, key, Record(key, stamp(value, revision), previous.created, revision), previous)


def deleted(key: str, newest: Record | None, expected: int, revision: int, stamp: Stamp) -> Change:
    """The change that removes ``newest``; KeyNotFound, RevisionMismatch."""
    previous = _found(key, newest, expected)
    return Change(revision, key, restamped(previous, revision, stamp), previous, deleted=True)


def decided(write: Write, newest: Record | None, revision: int, stamp: Stamp) -> Change:
    """The change that one of several writes makes; what the above raise."""
    if write.value is None:
        return deleted(write.key, newest, write.expected, revision, stamp)
    if write.expected == NEW:
        return created(write.key, write.value, newest, revision, stamp)
    return updated(write.key, write.value, newest, write.expected, revision, stamp)


def _found(key: str, newest: Record | None, expected: int) -> Record:
    if newest is None:
        raise KeyNotFound(key)
    if expected and newest.revision != expected:
        raise RevisionMismatch(newest)
    return newest
