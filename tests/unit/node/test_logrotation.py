"""Rotating logs: at what size, how many are kept, and what happens when the runtime refuses."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from podo.lab.virtualtime import START, run
from podo.node.logrotation import LogRotation, rotated_name, surplus
from podo.node.runtimes.contract import Container, RuntimeFailure
from podo.node.runtimes.simulated import SimulatedRuntime
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock


class Logging(SimulatedRuntime):
    """Opens a log anew when it is told to, as containerd does."""

    path: Path
    refuses = False

    async def reopen_log(self, container_id: str) -> None:
        if self.refuses:
            raise RuntimeFailure("failed", "cannot")
        self.path.touch()


def rotate(path: Path, times: int, state: str = "running", refuses: bool = False) -> None:
    async def whole() -> None:
        clock = LoopClock(START, asyncio.get_running_loop())
        runtime = Logging(clock, Chance(1))
        runtime.path, runtime.refuses = path, refuses
        container = Container("c", "s", "web", 0, state, log_path=str(path))
        rotation = LogRotation(runtime, lambda: [container], clock, most_bytes=10, most_files=3)
        for turn in range(times):
            path.write_text(f"{turn} is long enough")
            await rotation.look()
            await asyncio.sleep(1)

    run(whole())


def test_the_newest_logs_are_kept(tmp_path: Path) -> None:
    rotate(tmp_path / "0.log", 5)
    texts = [path.read_text() for path in sorted(tmp_path.iterdir())]
    assert texts == ["", "3 is long enough", "4 is long enough"]


def test_a_short_log_and_one_that_nobody_writes_stay(tmp_path: Path) -> None:
    (tmp_path / "0.log").write_text("short")
    rotate(tmp_path / "0.log", 0)
    rotate(tmp_path / "1.log", 2, "exited")
    assert {path.name for path in tmp_path.iterdir()} == {"0.log", "1.log"}


def test_where_the_runtime_refuses_the_log_keeps_its_name(tmp_path: Path) -> None:
    rotate(tmp_path / "0.log", 2, refuses=True)
    assert [path.name for path in tmp_path.iterdir()] == ["0.log"]


@given(st.integers(2, 6), st.integers(0, 9))
def test_no_more_files_than_allowed(most: int, rotations: int) -> None:
    path, names, now = Path("/logs/0.log"), {"0.log", "0.log.tmp", "10.log"}, START
    for turn in range(rotations):
        names -= set(surplus(path, names, most))
        here = frozenset(names)
        names.add(rotated_name(path, now + turn // 2, lambda taken, here=here: taken.name in here).name)
    assert len([name for name in names if name.startswith("0.log") and name != "0.log.tmp"]) <= max(most, 2)
