"""One supervised process: what to run, when it may start, and how it is known to be ready."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from podo.cluster.process import ProcessId

#: A log longer than this is moved to ``.log.1`` when its component starts.
LOG_LIMIT = 16 * 1024 * 1024
#: The environment variable with the descriptor on which a component says that it is ready.
READY_DESCRIPTOR = "PODO_READY_FD"


@dataclass(frozen=True, slots=True)
class Component:
    """``socket``: ready when something listens on this Unix socket; without one, when the process calls
    ``say_ready``."""

    name: str
    argv: Sequence[str]
    log: Path
    needs: Sequence[str] = ()
    socket: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Left running when the supervisor stops: containers do not end because podo does.
    survives: bool = False
    start_seconds: float = 30.0

    def spawn(self) -> tuple[ProcessId, int | None]:
        """Start it in a session of its own; its identity and, where it will say so itself, the descriptor to read
        readiness from."""
        _rotate(self.log)
        reader, writer = os.pipe() if self.socket is None else (None, None)
        environment = {**os.environ, **self.environment}
        if writer is not None:
            environment[READY_DESCRIPTOR] = str(writer)
        try:
            with open(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
                child = subprocess.Popen(
                    list(self.argv),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    pass_fds=[writer] if writer is not None else [],
                    start_new_session=True,
                )
        except BaseException:
            if reader is not None:
                os.close(reader)
            raise
        finally:
            if writer is not None:
                os.close(writer)
        child.returncode = 0  # the supervisor reaps by pid; Popen must not
        identity = ProcessId.of(child.pid) or ProcessId(child.pid, 0)
        return identity, reader

    def listens(self) -> bool:
        """Does something answer on the socket?"""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(0.2)
            try:
                probe.connect(str(self.socket))
            except OSError:
                return False
        return True


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        os.replace(log, log.with_name(f"{log.name}.1"))


def say_ready() -> None:
    """Called by a component's process, once, when it is ready."""
    if descriptor := os.environ.pop(READY_DESCRIPTOR, ""):
        os.write(int(descriptor), b"ready\n")
        os.close(int(descriptor))


def python(*arguments: str) -> list[str]:
    """The command line that runs this podo."""
    return [sys.executable, "-m", "podo", *arguments]
