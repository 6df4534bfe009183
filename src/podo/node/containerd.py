"""podo's own containerd: its configuration from the facts of the machine, its command line, and what is left to
remove after it.

Everything of it is under one directory; another containerd on the machine is not touched. The process is started by
the supervisor: ``prepare(directory)``, then ``command(directory)``, then ``await ready(directory)``;
``sweep(directory)`` after it has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

from podo.node.containerd_config import (
    SANDBOX_IMAGE,
    SOCKET_PATH_LIMIT,
    CannotRun,
    Facts,
    Paths,
    command,
    config_text,
    facts,
    problems,
    write_mirror,
)
from podo.node.runtimes.contract import RuntimeFailure
from podo.node.runtimes.cri import CriRuntime
from podo.node.volumes import mounting
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import sleep

__all__ = [
    "SANDBOX_IMAGE",
    "CannotRun",
    "Facts",
    "Paths",
    "command",
    "config_text",
    "facts",
    "prepare",
    "problems",
    "processes",
    "ready",
    "remove_pods",
    "socket_path",
    "sweep",
    "write_mirror",
]

log = Logger("podo.node.containerd")

#: Where the CNI library, inside containerd, keeps what it did, for every containerd of the machine.
CNI_RESULTS = Path("/var/lib/cni/results")
#: Pods removed at once.
REMOVALS_AT_ONCE = 4
SWEEP_ROUND = 0.05  # seconds


def prepare(
    directory: Path,
    *,
    mirrors: Mapping[str, str] | None = None,
    fallback: bool = True,
    found: Facts | None = None,
) -> Paths:
    """Write the configuration. ``mirrors``: registry host (or ``_default``) -> URL of its mirror; ``fallback``: what
    the mirror lacks is asked of the registry itself. Raises CannotRun."""
    found = found or facts()
    if told := problems(found):
        raise CannotRun("; ".join(told))
    paths = Paths(directory)
    if len(str(paths.socket)) >= SOCKET_PATH_LIMIT:
        raise CannotRun(
            f"the data directory {directory} is too deep: the socket in it may have {SOCKET_PATH_LIMIT - 1} characters"
            "; choose a shorter --data-dir"
        )
    for one in (paths.directory, paths.cni_configs, paths.cni_data, paths.registries):
        one.mkdir(mode=0o700, parents=True, exist_ok=True)
    for registry, url in (mirrors or {}).items():
        write_mirror(paths.registries / registry, url, fallback=fallback)
    paths.config.write_text(config_text(paths, found))
    return paths


def socket_path(directory: Path) -> Path:
    """Where it listens."""
    return Paths(directory).socket


async def ready(directory: Path, clock: Clock, deadline_seconds: float = 30.0) -> CriRuntime:
    """A started runtime once containerd answers; RuntimeFailure ``deadline`` if it does not in time."""
    runtime = CriRuntime(Paths(directory).socket, clock)
    await runtime.start()
    end = clock.monotonic() + deadline_seconds
    told = ""
    while True:
        try:
            await runtime.info()
            return runtime
        except RuntimeFailure as failure:
            if failure.message != told:
                told = failure.message
                log.info("containerd does not answer yet", why=told)
            if clock.monotonic() >= end:
                await runtime.stop()
                why = f"containerd did not answer within {deadline_seconds:.0f} s: {failure.message}"
                raise RuntimeFailure("deadline", why) from failure
        await sleep(0.02)


async def remove_pods(runtime: CriRuntime) -> None:
    """Stop and remove every pod, their networks with them. Raises RuntimeFailure."""
    limit = asyncio.Semaphore(REMOVALS_AT_ONCE)

    async def remove(sandbox_id: str) -> None:
        async with limit:
            await runtime.stop_sandbox(sandbox_id)
            await runtime.remove_sandbox(sandbox_id)

    await asyncio.gather(*(remove(sandbox.id) for sandbox in await runtime.list_sandboxes()))


async def sweep(directory: Path, *, delete: bool = False, deadline_seconds: float = 10.0) -> None:
    """After containerd has ended: kill its shims and what runs under them, take its mounts down, with them the
    namespaces and links of its pods, and remove its files elsewhere; ``delete`` the directory too.
    """
    for _ in range(max(int(deadline_seconds / SWEEP_ROUND), 1)):
        left = processes(directory)
        for pid in left:
            _kill(pid)
        if not left:
            break
        await sleep(SWEEP_ROUND)
    _unmount_in(directory)
    for path in _files_elsewhere(directory):
        path.unlink(missing_ok=True)
    if delete:
        await asyncio.to_thread(shutil.rmtree, directory, True)


def _unmount_in(directory: Path) -> None:
    """Where the directory is a disk of its own, that stays."""
    itself = directory.resolve()
    for mount in mounting.mounts_below(directory):
        if mount != itself:
            with contextlib.suppress(OSError):  # gone meanwhile
                mounting.unmount(mount)


def _files_elsewhere(directory: Path) -> list[Path]:
    """The sockets of its shims and the CNI results of its pods: their places are built into containerd."""
    state = Paths(directory).state
    addresses = [_read(path) for path in state.glob("io.containerd.runtime.v2.task/*/*/address")]
    sockets = [Path(address.decode().removeprefix("unix://")) for address in addresses if address]
    return sockets + [path for path in CNI_RESULTS.glob("*") if f'"{state}/'.encode() in _read(path)]


def _read(path: Path) -> bytes:
    """Nothing of one that has gone since it was listed: its shim has ended, or it was another containerd's."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def processes(directory: Path) -> list[int]:
    """The shims of this instance and every process under them."""
    marks = {str(Paths(directory).socket).encode()}
    parents: dict[int, int] = {}
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if stat[0] != "Z":
            parents[int(entry.name)] = int(stat[1])
            if b"containerd-shim" in argv[0] and marks & set(argv):
                found.add(int(entry.name))
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
