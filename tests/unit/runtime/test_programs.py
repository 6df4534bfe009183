"""Programs end: by themselves, at their deadline, or with who waits for them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from podo.runtime.programs import Ended, run_program
from podo.runtime.tasks import within


def test_what_it_wrote_and_how_it_ended() -> None:
    assert asyncio.run(run_program(60, "sh", "-c", "echo out; echo no >&2; exit 3")) == Ended(3, "out\n", "no\n")
    assert asyncio.run(run_program(60, "sh", "-c", "echo out", heard=False)) == Ended(0, "", "")


def test_one_that_is_not_there_is_told() -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(run_program(60, "no-such-program"))


def test_it_is_killed_at_its_deadline(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    with pytest.raises(TimeoutError):
        asyncio.run(run_program(1, "sh", "-c", f"echo $$ > {left}.new; mv {left}.new {left}; exec sleep 300"))
    assert not left.exists() or not is_alive(left)


def test_it_is_killed_with_who_waits_for_it(tmp_path: Path) -> None:
    left = tmp_path / "pid"
    os.mkfifo(left)

    async def run() -> int:
        running = asyncio.ensure_future(run_program(300, "sh", "-c", f"echo $$ > {left}; exec sleep 300"))
        pid = int(await within(60, asyncio.to_thread(left.read_text)))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return pid

    with pytest.raises(ProcessLookupError):
        os.kill(asyncio.run(run()), 0)


def is_alive(written: Path) -> bool:
    try:
        os.kill(int(written.read_text()), 0)
    except ProcessLookupError:
        return False
    return True
