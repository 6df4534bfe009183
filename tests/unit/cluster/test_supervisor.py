"""The supervisor with real processes: order, readiness, restarts, adoption after it was killed, stop in reverse."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from podo.cluster import state
from podo.cluster.process import ProcessId
from podo.runtime.clock import SystemClock, pause

READY = "import podo.cluster.component as c, signal, sys; c.say_ready(); "
LIVE = READY + "signal.pause()"
WAITS = (
    "from podo.runtime import log; import time\ndef wait_for_ever(): time.sleep(60)\nlog.configure(); wait_for_ever()"
)
#: Runs a program that outlives it and has its readiness pipe, then dies before it is ready.
LEAVES_A_PROGRAM = """
import os, pathlib, time
if left := os.fork():
    pathlib.Path({pid!r}).write_text(str(left))
    os._exit(7)
if {leaves_session}:
    os.setsid()
for _ in range(2000):
    time.sleep(0.05)
    if os.path.exists({done!r}):
        break
"""
SUPERVISE = """
import sys
from pathlib import Path
from podo.cluster.component import Component
from podo.cluster.supervisor import Supervisor
from podo.runtime.clock import SystemClock
root = Path({root!r})
components = [
    Component("first", [sys.executable, "-c", {first!r}], root / "first.log", start_seconds={seconds}),
    Component("second", [sys.executable, "-c", {second!r}], root / "second.log", needs=("first",),
    survives={survives!r}),
]
Supervisor(components, root / "state.json", SystemClock()).run()
"""


class Cluster:
    """A supervisor of two components, run as ``podo up`` runs one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(
        self, first: str = LIVE, second: str = LIVE, *, survives: bool = False, seconds: float = 60.0
    ) -> subprocess.Popen[bytes]:
        text = textwrap.dedent(SUPERVISE).format(
            root=str(self.root), first=first, second=second, survives=survives, seconds=seconds
        )
        process = subprocess.Popen([sys.executable, "-c", text], start_new_session=True, stderr=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def state(self) -> state.State:
        return state.load(self.root / "state.json")

    def component(self, name: str) -> state.ComponentState:
        return self.state().component(name) or state.ComponentState(name)

    def wait(self, true: Callable[[], bool], seconds: float = 60.0) -> None:
        clock = SystemClock()
        deadline = clock.monotonic() + seconds
        while not true():
            assert clock.monotonic() < deadline, self.state()
            pause(0.01)

    def wait_ready(self) -> None:
        self.wait(lambda: self.state().ready and len(self.state().components) == 2)

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        for component in self.state().components:
            if component.process:
                component.process.signal(signal.SIGKILL)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path)
    yield found
    found.end()


def test_starts_in_order_and_stops_in_reverse(cluster: Cluster) -> None:
    supervisor = cluster.start()
    cluster.wait_ready()
    first, second = cluster.component("first"), cluster.component("second")
    assert first.since <= second.since
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0
    assert not first.process or not first.process.alive
    assert not second.process or not second.process.alive
    assert [c.state for c in cluster.state().components] == ["stopped", "stopped"]


def test_a_killed_component_is_started_again(cluster: Cluster) -> None:
    cluster.start()
    cluster.wait_ready()
    former = cluster.component("first")
    os.kill(former.pid, signal.SIGKILL)
    cluster.wait(lambda: cluster.component("first").restarts == 1 and cluster.state().ready)
    now = cluster.component("first")
    assert now.pid != former.pid
    assert now.exit == "signal SIGKILL"


def test_a_component_that_cannot_run_backs_off_and_says_why(cluster: Cluster) -> None:
    cluster.start(first="raise SystemExit(7)")
    cluster.wait(lambda: cluster.component("first").restarts >= 3)
    assert cluster.component("first").exit == "exit code 7"
    assert cluster.component("second").state == "waiting"


def test_a_component_that_is_too_late_says_where_it_stands_and_is_started_again(cluster: Cluster) -> None:
    cluster.start(first=WAITS, seconds=3)
    path = cluster.root / "first.log"
    cluster.wait(lambda: path.exists() and "in wait_for_ever" in path.read_text())
    cluster.wait(lambda: cluster.component("first").restarts >= 1)
    assert cluster.component("first").exit == "signal SIGABRT"


@pytest.mark.parametrize("leaves_session", [False, True])
def test_a_component_whose_program_outlives_it_is_started_again(cluster: Cluster, leaves_session: bool) -> None:
    done, pid = cluster.root / "done", cluster.root / "pid"
    cluster.start(first=LEAVES_A_PROGRAM.format(done=str(done), pid=str(pid), leaves_session=leaves_session))
    try:
        cluster.wait(lambda: cluster.component("first").restarts >= 1)
        assert cluster.component("first").exit == "exit code 7"
        if not leaves_session:
            left = ProcessId.of(int(pid.read_text()))
            cluster.wait(lambda: left is None or not left.alive)
    finally:
        done.touch()


def test_components_of_a_killed_supervisor_are_adopted(cluster: Cluster) -> None:
    supervisor = cluster.start()
    cluster.wait_ready()
    former = [c.process for c in cluster.state().components]
    supervisor.kill()
    supervisor.wait()
    assert all(p and p.alive for p in former)
    again = cluster.start()
    cluster.wait(lambda: cluster.state().pid == again.pid and cluster.state().ready)
    assert [c.process for c in cluster.state().components] == former
    os.kill(cluster.component("second").pid, signal.SIGKILL)  # an adopted one is watched like any other
    cluster.wait(lambda: cluster.component("second").restarts == 1 and cluster.state().ready)


def test_what_survives_is_left_running(cluster: Cluster) -> None:
    supervisor = cluster.start(survives=True)
    cluster.wait_ready()
    second = cluster.component("second").process
    supervisor.send_signal(signal.SIGTERM)
    supervisor.wait(60)
    assert second
    assert second.alive


def test_a_pid_that_belongs_to_another_process_is_not_ours() -> None:
    me = ProcessId.of(os.getpid())
    assert me
    assert me.alive
    assert not ProcessId(me.pid, me.started + 1).alive
    assert ProcessId(me.pid, me.started + 1).watch() is None
