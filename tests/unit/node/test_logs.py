"""Reading the runtime's log files: tails, times, limits, streams, partial lines, following and rotation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podo.node.logs import LogFile, LogOptions, Selection, send_log, tail_start, wall_seconds

T = "2026-11-21T10:00:0{}.123456789Z"


class Collected:
    """A Writer that keeps all."""

    def __init__(self) -> None:
        self.data = b""
        self.closed = False
        self.arrived = asyncio.Event()

    buffered = 0
    together = None

    def write(self, data: bytes) -> None:
        self.write_all([data])

    def write_all(self, parts: Sequence[bytes]) -> None:
        self.data += b"".join(parts)
        self.arrived.set()

    async def drain(self) -> None: ...

    async def wait_closed(self) -> None: ...

    async def until(self, end: bytes) -> None:
        async with asyncio.timeout(60):
            while not self.data.endswith(end):
                self.arrived.clear()
                await self.arrived.wait()


def line(second: int, text: str, stream: str = "stdout", tag: str = "F") -> str:
    return f"{T.format(second)} {stream} {tag} {text}\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "0.log"
    path.write_text(
        line(1, "one")
        + line(2, "oops", "stderr")
        + line(3, "par", tag="P")
        + line(3, "tial")
        + line(4, "")
        + line(5, "a b")
    )
    return path


def read(path: Path, options: LogOptions) -> bytes:
    writer = Collected()
    asyncio.run(send_log(LogFile(path, options.tail_lines), options, writer, lambda: False))
    return writer.data


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (LogOptions(), b"one\noops\npartial\n\na b\n"),
        (LogOptions(tail_lines=2), b"\na b\n"),
        (LogOptions(tail_lines=0), b""),
        (LogOptions(tail_lines=100), b"one\noops\npartial\n\na b\n"),
        (LogOptions(limit_bytes=6), b"one\noo"),
        (LogOptions(limit_bytes=0), b""),
        (LogOptions(stream="Stderr"), b"oops\n"),
        (LogOptions(stream="Stdout", tail_lines=1), b"a b\n"),
        (LogOptions(since=wall_seconds("2026-11-21T10:00:03Z")), b"partial\n\na b\n"),
        (LogOptions(since=wall_seconds("2027-01-01T00:00:00Z")), b""),
        (LogOptions(timestamps=True, tail_lines=1), b"2026-11-21T10:00:05.123456789Z a b\n"),
    ],
)
def test_options(log: Path, options: LogOptions, expected: bytes) -> None:
    assert read(log, options) == expected


def test_a_time_is_put_before_a_line_and_not_before_its_continuation(log: Path) -> None:
    text = read(log, LogOptions(timestamps=True))
    assert b"2026-11-21T10:00:03.123456789Z partial\n" in text


def test_lines_that_no_runtime_wrote_are_left_out() -> None:
    selection = Selection(LogOptions())
    assert [selection.text(raw) for raw in (b"", b"garbage", b"a b")] == [b"", b"", b""]


@given(st.lists(st.text("ab", max_size=40), max_size=60), st.integers(0, 70), st.booleans())
def test_a_tail_is_the_last_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], count: int, open_end: bool
) -> None:
    path = tmp_path_factory.mktemp("tail") / "log"
    content = "".join(f"{text}x\n" for text in lines)
    content = content[:-1] if open_end and content else content
    path.write_text(content)
    with path.open("rb") as file:
        expected = "".join(content.splitlines(keepends=True)[-count:] if count else [])
        assert content[tail_start(file, count) :] == expected


def test_a_tail_of_a_long_file_is_found_from_behind(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(line(n % 10, f"{n} " + "x" * 300) for n in range(5000)))
    found = read(path, LogOptions(tail_lines=1000)).splitlines()
    assert len(found) == 1000 and found[0].startswith(b"4000 ") and found[-1].startswith(b"4999 ")


def test_following_sees_new_lines_rotation_and_the_end(log: Path) -> None:
    async def main() -> None:
        writer, alive = Collected(), True
        options = LogOptions(follow=True, tail_lines=1)
        task = asyncio.ensure_future(send_log(LogFile(log, 1), options, writer, lambda: alive))
        await writer.until(b"a b\n")
        with log.open("a") as file:
            file.write(line(6, "six")[:-3])
            file.flush()
            await asyncio.sleep(0.15)
            assert writer.data == b"a b\n"  # not half a line
            file.write(line(6, "six")[-3:])
        await writer.until(b"six\n")
        with log.open("a") as file:
            file.write(line(7, "seven"))
            log.rename(log.with_suffix(".old"))
            log.write_text(line(8, "eight"))
        await writer.until(b"seven\neight\n")
        with log.open("a") as file:
            file.write(line(9, "last"))
        alive = False
        await asyncio.wait_for(task, 60)
        assert writer.data == b"a b\nsix\nseven\neight\nlast\n"

    asyncio.run(main())


def test_following_ends_at_the_limit_and_when_the_client_goes(log: Path) -> None:
    async def main() -> None:
        writer = Collected()
        sending = send_log(LogFile(log), LogOptions(follow=True, limit_bytes=5), writer, lambda: True)
        await asyncio.wait_for(sending, 60)
        assert writer.data == b"one\no"
        gone = Collected()
        task = asyncio.ensure_future(send_log(LogFile(log), LogOptions(follow=True), gone, lambda: True))
        await gone.until(b"a b\n")
        gone.closed = True
        await asyncio.wait_for(task, 60)

    asyncio.run(main())
