"""What only the durable store promises: crashes, bad disks, damage, other owners, compaction on disk."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from podo.runtime import failpoints
from podo.storage.contract import CannotOpen, StoreFailed
from podo.storage.sqlite import SqliteStore
from tests.contracts.test_store import Comparison
from tests.contracts.test_store import stamp as stamp_metadata
from tests.cpu import costs_at_most


def stamp(value: bytes, revision: int) -> bytes:
    return b"%d|" % revision + value


def run(story: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(120):
            await story

    asyncio.run(limited())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture(autouse=True)
def no_failpoints() -> Iterator[None]:
    yield
    failpoints.clear()


def write(path: Path, story: Callable[[SqliteStore], Coroutine[Any, Any, None]], **options: int) -> None:
    """Open, tell the story, close."""

    async def whole() -> None:
        store = SqliteStore(path, stamp, **options)
        await store.open()
        try:
            await story(store)
        finally:
            await store.close()

    run(whole())


async def ten(store: SqliteStore) -> None:
    for n in range(10):
        await store.create(f"/a/b/{n}", b"v%d" % n)


def test_state_history_and_revision_survive_a_restart(path: Path) -> None:
    async def before(store: SqliteStore) -> None:
        await ten(store)
        await store.update("/a/b/1", b"new")
        await store.delete("/a/b/2")

    async def after(store: SqliteStore) -> None:
        page = await store.range("/")
        assert (page.revision, len(page.records)) == (13, 9)
        record = await store.get("/a/b/1")
        assert record and (record.value, record.created, record.revision) == (b"12|new", 3, 12)
        changes = store.watch("/a/", after=11).take()
        assert [(one.revision, one.record.value, one.deleted) for one in changes] == [
            (12, b"12|new", False),
            (13, b"13|v2", True),
        ]
        assert changes[0].previous and changes[0].previous.value == b"3|v1"
        assert len((await store.range("/a/b/", revision=12)).records) == 10
        assert (await store.create("/a/b/2", b"again")).revision == 14

    write(path, before)
    write(path, after)


@pytest.mark.parametrize("seed", range(4))
def test_random_histories_agree_with_a_naive_model_across_restarts(path: Path, seed: int) -> None:
    async def story() -> None:
        comparison: Comparison | None = None
        for _ in range(6):
            store = SqliteStore(path, stamp_metadata, history_limit=120)
            await store.open()
            comparison = comparison or Comparison(store, random.Random(seed))
            comparison.store = store
            await comparison.run(120)
            await store.close()
            comparison.watches.clear()

    run(story())


def test_revisions_are_not_reused_when_nothing_is_left(path: Path) -> None:
    async def before(store: SqliteStore) -> None:
        await store.create("/a/b/1", b"x")
        gone = await store.delete("/a/b/1")
        await store.compact(gone.revision)

    async def after(store: SqliteStore) -> None:
        assert (store.revision, store.oldest, store.count("")) == (3, 3, 0)
        assert (await store.create("/a/b/1", b"x")).revision == 4

    write(path, before)
    assert sqlite3.connect(path).execute("SELECT count(*) FROM log").fetchone() == (0,)
    write(path, after)


def test_compaction_deletes_what_is_superseded(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        await ten(store)
        for n in range(30):
            await store.update("/a/b/1", b"%d" % n)
        await store.delete("/a/b/2")
        await store.compact(store.revision - 5)
        await store.update("/a/b/3", b"later")

    async def check(store: SqliteStore) -> None:
        assert store.oldest == 42 - 5
        assert store.count("/a/b/") == 9
        assert len((await store.range("/", revision=37)).records) == 10
        await store.compact(store.revision)

    write(path, story)
    write(path, check)
    rows = sqlite3.connect(path).execute("SELECT count(*), count(DISTINCT key) FROM log").fetchone()
    assert rows == (9, 9)


def test_the_disk_follows_when_the_history_runs_over(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        await store.create("/a/b/1", b"0")
        for start in range(0, 10_000, 500):
            await asyncio.gather(*(store.update("/a/b/1", b"%d" % n) for n in range(start, start + 500)))

    write(path, story, history_limit=100)
    assert sqlite3.connect(path).execute("SELECT count(*) FROM log").fetchone()[0] < 6000


def test_waiting_writes_share_a_transaction(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        await asyncio.gather(*(store.create(f"/a/b/{n}", b"x") for n in range(500)))
        assert store.stats.writes == 500
        assert store.stats.commits <= 10

    write(path, story)


def test_files_are_private(path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        await ten(store)
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()}
        assert modes == {"store.db": "0o600", "store.db-wal": "0o600", "store.db.lock": "0o600"}

    write(path, story)


CRASHER = """
    import asyncio, sys
    from podo.storage.contract import NEW, Write
    from podo.storage.sqlite import SqliteStore

    def stamp(value, revision):
        return b"%d|" % revision + value

    async def writer(store, name):
        n = 0
        while True:
            record = await store.create(f"/a/b/{sys.argv[2]}-{name}-{n}", b"v" * 500)
            print(record.revision, record.key, flush=True)
            if n % 7 == 6:
                record = await store.delete(f"/a/b/{sys.argv[2]}-{name}-{n - 3}")
                print(record.revision, "-" + record.key, flush=True)
            pair = [Write(f"/a/p/{sys.argv[2]}-{name}-{n}-{part}", b"v", NEW) for part in "ab"]
            await store.write_all(pair)
            n += 1

    async def main():
        store = SqliteStore(sys.argv[1], stamp)
        await store.open()
        await asyncio.gather(*(writer(store, name) for name in range(20)))

    asyncio.run(main())
"""


def test_acknowledged_writes_survive_kill_9(path: Path) -> None:
    highest = 0
    for round_, lines in enumerate((50, 400, 1500)):
        said = _write_until_killed(path, lines, round_)
        gone = {key[1:] for _, key in said if key.startswith("-")}
        kept = {key: revision for revision, key in said if not key.startswith("-") and key not in gone}
        assert min(revision for revision, _ in said) > highest
        highest = asyncio.run(_holds(path, kept, gone, max(revision for revision, _ in said)))


def _write_until_killed(path: Path, lines: int, round_: int) -> list[tuple[int, str]]:
    script = textwrap.dedent(CRASHER)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path), str(round_)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    said = [process.stdout.readline().split() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    rest = [line.split() for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    process.wait()
    return [(int(revision), key) for revision, key in said + rest]


async def _holds(path: Path, kept: dict[str, int], gone: set[str], highest: int) -> int:
    """Opens the store anew; its revision at the end."""
    store = SqliteStore(path, stamp)
    await store.open()
    try:
        assert store.revision >= highest
        pairs = [record.key.rpartition("-")[0] for record in (await store.range("/a/p/")).records]
        assert pairs
        assert pairs[::2] == pairs[1::2]  # both of two writes, or neither
        for key, revision in kept.items():
            record = await store.get(key)
            # a delete that was not acknowledged may have happened all the same
            assert record is None or record.value == b"%d|" % revision + b"v" * 500
            if record is None:
                changes = store.watch(key, after=revision).take()
                assert any(one.deleted and one.key == key for one in changes)
        for key in gone:
            assert await store.get(key) is None
        return store.revision
    finally:
        await store.close()


def test_a_failing_disk_fails_every_waiter_and_refuses_until_opened_again(path: Path) -> None:
    def full() -> None:
        raise apsw.FullError("database or disk is full")

    async def story() -> None:
        store = SqliteStore(path, stamp)
        await store.open()
        await store.create("/a/b/1", b"1")
        failpoints.activate("storage.sqlite.commit", full)
        results = await asyncio.gather(*(store.create(f"/a/c/{n}", b"x") for n in range(30)), return_exceptions=True)
        assert all(isinstance(one, StoreFailed) for one in results)
        assert "full" in str(results[0]) and str(path) in str(results[0])
        failpoints.clear()
        with pytest.raises(StoreFailed, match="opened again"):
            await store.update("/a/b/1", b"2")
        with pytest.raises(StoreFailed):
            await store.compact(1)
        assert (await store.get("/a/b/1")) is not None  # what is committed can be read
        assert (store.count("/a/c/"), store.revision) == (0, 2)
        await store.close()
        await store.open()
        assert (await store.update("/a/b/1", b"2")).revision == 3
        assert store.count("/a/c/") == 0
        await store.close()

    run(story())


def test_any_failure_of_the_writer_is_told(path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("a bug")

    async def story() -> None:
        store = SqliteStore(path, stamp)
        await store.open()
        failpoints.activate("storage.sqlite.commit", broken)
        with pytest.raises(StoreFailed, match="a bug"):
            await store.create("/a/b/1", b"1")
        await store.close()

    run(story())


def test_a_full_disk(path: Path) -> None:
    """A real one: a database that may not grow."""

    async def story() -> None:
        store = SqliteStore(path, stamp)
        await store.open()
        assert store._file
        store._file._db.pragma("max_page_count", 60)
        kept = []
        with pytest.raises(StoreFailed, match="full"):
            while len(kept) < 1000:
                kept.append((await store.create(f"/a/b/{len(kept)}", b"x" * 5000)).key)
        await store.close()
        await store.open()
        assert [one.key for one in (await store.range("/")).records] == sorted(kept)
        await store.close()

    run(story())


def test_a_closed_store_says_so(path: Path) -> None:
    async def story() -> None:
        store = SqliteStore(path, stamp)
        with pytest.raises(StoreFailed, match="not open"):
            await store.create("/a/b/1", b"1")
        await store.open()
        watch = store.watch("")
        waiting = asyncio.create_task(watch.wait())
        await asyncio.sleep(0)
        await store.close()
        await asyncio.wait_for(waiting, 60)
        with pytest.raises(StoreFailed, match="closed"):
            await store.create("/a/b/1", b"1")
        await store.close()

    run(story())


def refused(path: Path) -> str:
    async def story() -> str:
        store = SqliteStore(path, stamp)
        with pytest.raises(CannotOpen) as refusal:
            await store.open()
        await store.close()
        return str(refusal.value)

    return asyncio.run(story())


def test_a_damaged_row_is_named(path: Path) -> None:
    write(path, ten)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE log SET value = x'65' WHERE key = '/a/b/4'")
    message = refused(path)
    assert "'/a/b/4'" in message and "revision 6" in message and "checksum" in message


def test_a_missing_row_is_noticed(path: Path) -> None:
    write(path, ten)
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM log WHERE key = '/a/b/4'")
    assert "revision 6 before it is missing" in refused(path)


def test_a_torn_file_is_noticed(path: Path) -> None:
    async def many(store: SqliteStore) -> None:
        await asyncio.gather(*(store.create(f"/a/b/{n}", b"x" * 3000) for n in range(200)))

    write(path, many)
    content = bytearray(path.read_bytes())
    for at in range(8192, len(content) - 4096, 4096):
        content[at : at + 64] = os.urandom(64)
    path.write_bytes(content)
    assert "damaged" in refused(path)


def test_what_is_not_a_store_is_refused_and_left_alone(path: Path) -> None:
    text = b"This is a letter, long enough to be taken for a page of something else.\n" * 100
    path.write_bytes(text)
    assert "not a database" in refused(path)
    assert path.read_bytes() == text
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE friends (name)")
    assert "another program" in refused(path)


def test_a_newer_format_is_refused(path: Path) -> None:
    write(path, ten)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 7")
    assert "format 7" in refused(path)


def test_an_absent_or_unwritable_directory_is_named(path: Path) -> None:
    absent = path.parent / "no" / "store.db"
    assert str(absent) in refused(absent)
    file = path.parent / "file"
    file.write_text("")
    assert "Not a directory" in refused(file / "store.db")


def test_a_second_owner_is_told_the_first_ones_pid(path: Path) -> None:
    script = textwrap.dedent(
        """
        import asyncio, sys
        from podo.storage.sqlite import SqliteStore

        async def main():
            store = SqliteStore(sys.argv[1], lambda value, revision: value)
            await store.open()
            print("open", flush=True)
            await asyncio.to_thread(sys.stdin.read)

        asyncio.run(main())
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout and process.stdout.readline() == "open\n"
        assert f"in use by process {process.pid}" in refused(path)
    finally:
        process.kill()
        process.communicate()
    write(path, ten)  # the lock died with its owner


def test_the_writer_sleeps_while_nothing_is_written(path: Path) -> None:
    """The voluntary context switches of its thread stand still, once it has come to wait."""

    async def story(store: SqliteStore) -> None:
        await ten(store)
        (writer,) = (each.native_id for each in threading.enumerate() if each.name == "podo-store-writer")

        def switches() -> list[str]:
            lines = Path(f"/proc/self/task/{writer}/status").read_text().splitlines()
            return [line for line in lines if line.startswith("voluntary")]

        async def still() -> bool:
            before = switches()
            await asyncio.sleep(0.3)
            return switches() == before

        assert await still() or await still()  # on a busy machine it may be on its way to sleep at first

    write(path, story)


def test_ten_thousand_objects_open_quickly(path: Path) -> None:
    value = json.dumps({"data": "x" * 4000}).encode()

    async def fill(store: SqliteStore) -> None:
        for start in range(0, 10_000, 1000):
            await asyncio.gather(*(store.create(f"/core/pods/d/{n}", value) for n in range(start, start + 1000)))

    async def check() -> None:
        store = SqliteStore(path, stamp)
        with costs_at_most(0.5):
            await store.open()
        assert store.count("/core/pods/") == 10_000
        await store.close()

    write(path, fill)
    run(check())
