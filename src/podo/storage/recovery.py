"""From the rows of a file to the ledger that they describe; what does not fit together is refused, with the row's
name."""

from __future__ import annotations

from collections.abc import Iterable

from podo.storage.contract import CannotOpen, Change, Record, Stamp
from podo.storage.ledger import FIRST_REVISION, Ledger
from podo.storage.logfile import LogFile, Row
from podo.storage.stamping import restamped


def recovered(file: LogFile, rows: Iterable[Row], stamp: Stamp, history_limit: int) -> Ledger:
    """The state and the history since the last compaction, from the file's rows with plain values. Raises
    CannotOpen."""
    compacted = max(file.compacted(), FIRST_REVISION)
    ledger = Ledger(revision=compacted, history_limit=history_limit)
    for row in rows:
        current = ledger.get(row.key)
        if row.revision <= compacted:
            if current is not None or row.value is None:
                raise _damaged(file, row, "a row that compaction should have deleted")
            ledger.restore(Record(row.key, stamp(row.value, row.revision), row.created, row.revision))
            continue
        if row.revision != ledger.revision + 1:
            raise _damaged(file, row, f"revision {ledger.revision + 1} before it is missing")
        if row.previous != (current.revision if current else 0):
            raise _damaged(file, row, f"revision {row.previous}, which it replaced, is missing")
        ledger.apply((_change(file, row, current, stamp),))
    return ledger


def _change(file: LogFile, row: Row, current: Record | None, stamp: Stamp) -> Change:
    if row.value is not None:
        record = Record(row.key, stamp(row.value, row.revision), row.created, row.revision)
        return Change(row.revision, row.key, record, current)
    if current is None:
        raise _damaged(file, row, "it deletes what is not there")
    return Change(row.revision, row.key, restamped(current, row.revision, stamp), current, deleted=True)


def _damaged(file: LogFile, row: Row, why: str) -> CannotOpen:
    return CannotOpen(
        f"{file.path} is damaged at the row of revision {row.revision} (key {row.key!r}): {why}; restore a backup"
    )
