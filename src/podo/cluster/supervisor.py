"""The supervisor: starts components in order, waits for each to be ready, restarts what ends, stops in reverse.

A plain loop over ``poll``: one wait for process ends (pidfds), readiness (pipes), signals and the nearest timer. It
imports as
little as it can, because it lives as long as the cluster and has nothing to do. Components that were started by an
earlier
supervisor (one that was killed) are adopted: their pidfds can be watched although they are not children.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from podo.cluster.component import Component
from podo.cluster.process import ProcessId
from podo.cluster.state import ComponentState, State, load, save
from podo.runtime.clock import Clock
from podo.runtime.log import Logger

log = Logger("podo.supervisor")

BACKOFF_FIRST, BACKOFF_MOST = 0.1, 10.0
#: After so long in service a component's back-off starts again from the first step.
STEADY_SECONDS = 30.0
STOP_SECONDS = 10.0
#: How often a component's socket is tried while it starts.
SOCKET_SECONDS = 0.02


class _Unit:
    """One component and what has become of it."""

    def __init__(self, component: Component, clock: Clock) -> None:
        self.component = component
        self.state = ComponentState(component.name, since=clock.now(), argv=tuple(component.argv))
        self._clock = clock
        self.process_end: int | None = None  # pidfd
        self.readiness: int | None = None  # pipe
        self.due = (
            0.0  # monotonic: the next start (failed), the end of patience (starting) or the next try of the socket
        )
        self._deadline = 0.0
        self._backoff = BACKOFF_FIRST

    def become(self, state: str, **changes: object) -> None:
        self.state = replace(self.state, state=state, since=self._clock.now(), **changes)  # type: ignore[arg-type]
        log.info("component", name=self.component.name, state=state, pid=self.state.pid)

    def adopt(self, former: ComponentState) -> bool:
        """Take over a process that an earlier supervisor started and saw ready, if it is what would be started now."""
        process = former.process
        if process is None or former.argv != self.state.argv or former.state not in ("ready", "starting"):
            return False
        self.process_end = process.watch()
        if self.process_end is None:
            return False
        self.state = former
        log.info("adopted", name=self.component.name, pid=former.pid)
        if former.state == "starting":  # its readiness pipe died with its supervisor: begin again
            process.end(STOP_SECONDS)
            self.ended("adopted before it was ready")
        return True

    def start(self) -> None:
        try:
            process, self.readiness = self.component.spawn()
        except OSError as failure:
            self.become("failed", pid=0, exit=str(failure))
            self._wait_longer()
            return
        self.become("starting", pid=process.pid, started=process.started)
        self.process_end = process.watch()
        if self.process_end is None:  # so soon that there is no end left to wait for
            self.ended()
            return
        self._deadline = self._clock.monotonic() + self.component.start_seconds
        self.due = self._clock.monotonic() + SOCKET_SECONDS if self.component.socket else self._deadline

    def check(self) -> None:
        """The timer of a starting component: is it ready, is it too late?"""
        now = self._clock.monotonic()
        if self.component.socket and self.component.listens():
            self.become("ready")
        elif now >= self._deadline:
            log.error("not ready in time", name=self.component.name, seconds=self.component.start_seconds)
            # Python and Go answer the first with where every thread stands, in the log, and end
            self.signal(signal.SIGABRT if now < self._deadline + STOP_SECONDS else signal.SIGKILL)
            self.due = now + STOP_SECONDS
        else:
            self.due = min(now + SOCKET_SECONDS, self._deadline)

    def said_ready(self) -> None:
        """The readiness pipe has something: a word, or its end when the process died first."""
        if self.readiness is None:  # the process has ended in the same moment
            return
        word = os.read(self.readiness, 64)
        os.close(self.readiness)
        self.readiness = None
        if word:
            self.become("ready")

    def ended(self, how: str = "") -> None:
        for descriptor in (self.process_end, self.readiness):
            if descriptor is not None:
                os.close(descriptor)
        self.process_end = self.readiness = None
        if self._clock.now() - self.state.since > STEADY_SECONDS and self.state.state == "ready":
            self._backoff = BACKOFF_FIRST
        self._end_programs()
        self.become("failed", pid=0, exit=how or _reap(self.state.pid), restarts=self.state.restarts + 1)
        log.warning("component ended", name=self.component.name, exit=self.state.exit)
        self._wait_longer()

    def _wait_longer(self) -> None:
        self.due = self._clock.monotonic() + self._backoff
        self._backoff = min(self._backoff * 2, BACKOFF_MOST)

    def signal(self, number: signal.Signals) -> None:
        if process := self.state.process:
            process.signal(number)

    def stop(self) -> None:
        """End the process and wait for it."""
        if process := self.state.process:
            process.end(STOP_SECONDS)
            self._end_programs()
            _reap(process.pid)
        self.become("stopped", pid=0)

    def _end_programs(self) -> None:
        """What the process ran and left behind, in its session: it would hold ports that the next one needs. Before it
        is reaped, while its pid cannot be another's; one that was adopted is reaped by others."""
        if self.component.survives:
            return
        with contextlib.suppress(ChildProcessError, ProcessLookupError):
            os.waitid(os.P_PID, self.state.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
            os.killpg(self.state.pid, signal.SIGKILL)


class Supervisor:
    def __init__(self, components: Sequence[Component], state_path: Path, clock: Clock) -> None:
        self._units = [_Unit(component, clock) for component in components]
        self._path = state_path
        self._clock = clock
        self._stopping = False
        me = ProcessId.of(os.getpid())
        self._state = State(os.getpid(), me.started if me else 0, clock.now())

    def run(self) -> None:
        """Until SIGTERM or SIGINT; then stop in reverse order everything that does not survive podo."""
        with _wake_on_signals(self._stop_soon) as wake:
            self._adopt()
            while not self._stopping:
                self._start_what_may()
                self._write()
                self._wait(wake)
        for unit in reversed(self._units):
            if not unit.component.survives:
                unit.stop()
                self._write()
        save(self._path, replace(self._state, pid=0, started=0))

    def _stop_soon(self) -> None:
        self._stopping = True

    def _adopt(self) -> None:
        former = load(self._path)
        for unit in self._units:
            if state := former.component(unit.component.name):
                unit.adopt(state)

    def _start_what_may(self) -> None:
        ready = {unit.component.name for unit in self._units if unit.state.state == "ready"}
        now = self._clock.monotonic()
        for unit in self._units:
            state = unit.state.state
            if state == "waiting" and ready.issuperset(unit.component.needs):
                unit.start()
            elif state == "failed" and now >= unit.due:
                unit.become("waiting")
                if ready.issuperset(unit.component.needs):
                    unit.start()
            elif state == "starting" and now >= unit.due:
                unit.check()

    def _wait(self, wake: int) -> None:
        """Sleep until a process ends, one says it is ready, a signal comes, or a timer is due."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        calls: dict[int, Callable[[], None]] = {}
        for unit in self._units:
            if unit.readiness is not None:
                calls[unit.readiness] = unit.said_ready
            if unit.process_end is not None:  # not after the pipe's end: a program that it ran may have that still
                calls[unit.process_end] = unit.ended
        for descriptor in calls:
            poll.register(descriptor, select.POLLIN)
        for descriptor, _ in poll.poll(self._milliseconds()):
            if descriptor == wake:
                os.read(wake, 512)
            else:
                calls[descriptor]()

    def _milliseconds(self) -> float | None:
        """Until the nearest timer; None is for ever."""
        ready = {unit.component.name for unit in self._units if unit.state.state == "ready"}
        if any(unit.state.state == "waiting" and ready.issuperset(unit.component.needs) for unit in self._units):
            return 0
        due = [unit.due for unit in self._units if unit.state.state in ("failed", "starting")]
        return max(0.0, (min(due) - self._clock.monotonic()) * 1000 + 1) if due else None

    def _write(self) -> None:
        state = replace(self._state, components=[unit.state for unit in self._units])
        if state != self._state:
            self._state = state
            save(self._path, state)


def _reap(pid: int) -> str:
    """How our child ended; nothing is known of an adopted process."""
    try:
        reaped, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return "ended (adopted: its exit code is not known)"
    if not reaped:
        return "ended"
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit code {os.waitstatus_to_exitcode(status)}"


@contextlib.contextmanager
def _wake_on_signals(stop: Callable[[], None]):  # type: ignore[no-untyped-def]
    """A descriptor that is readable when a signal came; SIGTERM and SIGINT call ``stop``."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    former = signal.set_wakeup_fd(writer)
    handlers = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield reader
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(former)
        os.close(reader)
        os.close(writer)
