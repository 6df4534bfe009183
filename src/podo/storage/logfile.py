"""The SQLite file of a store: a table of revisions, each row with a checksum. Blocking; used by one thread at a time.

A row names the revision that it replaced (``previous``), so compaction finds what is superseded by reading only the
rows that are new
since the last one, without an index by key that each write would pay for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import apsw

from podo.runtime.failpoints import reach
from podo.storage.contract import CannotOpen
from podo.storage.filelock import FileLock

APPLICATION_ID = 0x706F646F  # "podo"
FORMAT = 1
#: A commit copies at most this many pages of the log back into the file, and the log is cut to this size when it
#: restarts.
WAL_PAGES = 500
WAL_BYTES = 16 << 20
#: Rows of one transaction at most.
BATCH = 1024
COLUMNS = 6

_SCHEMA = f"""
CREATE TABLE log (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL, previous INTEGER NOT NULL,
                  value BLOB, checksum INTEGER NOT NULL) STRICT;
CREATE TABLE compaction (revision INTEGER NOT NULL) STRICT;
INSERT INTO compaction VALUES (0);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};
"""


@cache
def insert(size: int) -> str:
    """One statement for up to ``size`` rows; the places that are not needed are bound to NULL.

    One statement is a transaction by itself, and one hand-over of the interpreter lock, which a busy event loop gives
    back
    after 5 ms at the earliest: a statement for each row would make a commit wait for many of them.
    """
    row = f"({','.join('?' * COLUMNS)})"
    return f"INSERT INTO log SELECT * FROM (VALUES {','.join([row] * size)}) WHERE column1 IS NOT NULL"


class Row(NamedTuple):
    """One write. ``value`` is unstamped, None for a delete; ``previous`` is the revision it replaced, 0 for a
    create."""

    revision: int
    key: str
    created: int
    previous: int
    value: bytes | None


class JoinedRow(Row):
    """One that the next row belongs to: both are committed, or neither is."""

    __slots__ = ()


def checksum(row: Row) -> int:
    head = f"{row.revision} {row.created} {row.previous} {'-' if row.value is None else '+'} {row.key}"
    return zlib.crc32(row.value or b"", zlib.crc32(head.encode()))


class LogFile:
    """An open file, locked against other processes. The constructor raises CannotOpen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        try:
            self._create_private()
            self._db = self._connect()
        except BaseException:
            self._lock.release()
            raise

    def _create_private(self) -> None:
        try:
            self.path.touch(mode=0o600)
            self.path.chmod(0o600)
        except OSError as failure:
            raise CannotOpen(f"cannot write {self.path}: {failure.strerror}") from failure

    def _connect(self) -> apsw.Connection:
        try:
            db = apsw.Connection(str(self.path))
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._check_identity(db)
            if db.pragma("journal_mode", "wal") != "wal":
                raise CannotOpen(f"{self.path}: this file system cannot keep a write-ahead log")
            db.pragma("synchronous", "full")
            db.pragma("wal_autocheckpoint", WAL_PAGES)
            db.pragma("journal_size_limit", WAL_BYTES)
            if db.pragma("user_version") == 0:
                db.execute(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT")
        except apsw.NotADBError as failure:
            raise CannotOpen(f"{self.path} is not a database: move it away, or restore a backup") from failure
        except apsw.BusyError as failure:
            raise CannotOpen(f"{self.path} is in use by another SQLite program") from failure
        except apsw.Error as failure:
            raise CannotOpen(f"cannot open {self.path}: {failure}") from failure
        return db

    def _check_identity(self, db: apsw.Connection) -> None:
        version, application = db.pragma("user_version"), db.pragma("application_id")
        tables = db.execute("SELECT count(*) FROM sqlite_schema").get
        if application != APPLICATION_ID and (tables or version or application):
            raise CannotOpen(f"{self.path} is a database of another program, not a podo store")
        if version > FORMAT:
            raise CannotOpen(
                f"{self.path} has format {version}, written by a newer podo; "
                f"this one reads up to format {FORMAT}: use the newer podo"
            )

    def compacted(self) -> int:
        """Superseded rows up to this revision are gone."""
        try:
            revision: int | None = self._db.execute("SELECT revision FROM compaction").get
        except apsw.Error as failure:
            raise self._damaged(str(failure)) from failure
        if revision is None:
            raise self._damaged("it does not say up to where it is compacted")
        return revision

    def rows(self) -> Iterator[Row]:
        """Every row by revision, its checksum verified; raises CannotOpen naming the first that is wrong."""
        try:
            for *columns, stored in self._db.execute("SELECT * FROM log ORDER BY revision"):
                row = Row(*columns)
                if not isinstance(row.value, bytes | None) or checksum(row) != stored:
                    raise self._damaged(f"the row of revision {row.revision} (key {row.key!r}) has a wrong checksum")
                yield row
        except apsw.Error as failure:
            raise self._damaged(str(failure)) from failure

    def _damaged(self, why: str) -> CannotOpen:
        return CannotOpen(f"{self.path} is damaged: {why}; restore a backup")

    def append(self, rows: Sequence[Row]) -> None:
        """Commit 1 to ``BATCH`` rows in one transaction, on disk when this returns. Raises apsw.Error."""
        size = 1 << (len(rows) - 1).bit_length()  # few different statements, so that each is compiled once
        reach("storage.sqlite.commit")
        self._db.execute(insert(size), _bindings(rows, size))

    def compact(self, start: int, end: int) -> None:
        """Delete what the revisions after ``start`` up to ``end`` superseded; ``start`` is what ``compacted`` says.
        Raises apsw.Error."""
        with self._db:
            self._db.execute(
                "DELETE FROM log WHERE revision IN"
                " (SELECT previous FROM log WHERE revision > ? AND revision <= ? AND previous > 0)",
                (start, end),
            )
            self._db.execute("DELETE FROM log WHERE revision > ? AND revision <= ? AND value IS NULL", (start, end))
            self._db.execute("UPDATE compaction SET revision = ?", (end,))
            reach("storage.sqlite.compact")

    def scrub(self) -> None:
        """Write the file anew, so that nothing is left of deleted rows, in its free pages or in the log beside it.
        Takes as long as the file is large. Raises apsw.Error."""
        self._db.execute("VACUUM")
        self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def close(self) -> None:
        """Also after a failure; what was committed is on disk already."""
        try:
            self._db.close(True)
        finally:
            self._lock.release()


def _bindings(rows: Sequence[Row], size: int) -> list[object]:
    flat: list[object] = []
    for row in rows:
        flat += row
        flat.append(checksum(row))
    flat += [None] * (COLUMNS * (size - len(rows)))
    return flat
