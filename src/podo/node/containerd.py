"""podo's own containerd: its configuration from the facts of the machine, its command line, and what is left to
remove after it.

Everything of it is under one directory; another containerd on the machine is not touched. The process is started by
the supervisor:
``prepare(directory)``, then ``command(directory)``, then ``await ready(directory)``; ``sweep(directory)`` after it has
ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podo.node.runtimes.contract import RuntimeFailure
from podo.node.runtimes.cri import CriRuntime
from podo.runtime.clock import Clock
from podo.runtime.tasks import sleep

SANDBOX_IMAGE = "podo.local/pause:1"
#: A unix socket's path must be shorter (sun_path).
SOCKET_PATH_LIMIT = 108
CAP_SYS_RESOURCE = 24
CNI_DIRECTORIES = ("/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni")
NEEDED_PLUGINS = ("ptp", "host-local", "loopback")
#: Debian's packages of what is needed.
PACKAGES = "containerd runc containernetworking-plugins"

_DISABLED = (
    "snapshotter.v1.aufs",
    "snapshotter.v1.btrfs",
    "snapshotter.v1.devmapper",
    "snapshotter.v1.zfs",
    "internal.v1.restart",
)


class CannotRun(Exception):
    """The machine lacks something that containerd needs; the message says what, and the command that mends it."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where an instance keeps what."""

    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "config.toml"

    @property
    def socket(self) -> Path:
        return self.directory / "c.sock"

    @property
    def state(self) -> Path:
        return self.directory / "state"

    @property
    def cni_configs(self) -> Path:
        """Where the node writes its conflist (``podo.node.cni``)."""
        return self.directory / "cni"

    @property
    def cni_data(self) -> Path:
        """The addresses that host-local gave out."""
        return self.directory / "ipam"

    @property
    def registries(self) -> Path:
        """A directory a registry with a ``hosts.toml``; read at each pull."""
        return self.directory / "certs.d"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the configuration depends on. Paths are empty where a program is absent."""

    containerd: str
    runc: str
    crun: str
    cni_directory: str
    may_raise_priority: bool  # lower an oom_score_adj: CAP_SYS_RESOURCE
    hybrid_cgroups: bool  # cgroup v1 with a v2 hierarchy beside it, which crun refuses


def facts() -> Facts:
    """Look at this machine."""
    status = Path("/proc/self/status").read_text()
    capabilities = int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), 16)
    kinds = {line.split()[2] for line in Path("/proc/mounts").read_text().splitlines()}
    return Facts(
        containerd=shutil.which("containerd") or "",
        runc=_program("runc"),
        crun=_program("crun"),
        cni_directory=next((one for one in CNI_DIRECTORIES if _has_plugins(one)), ""),
        may_raise_priority=bool(capabilities >> CAP_SYS_RESOURCE & 1),
        hybrid_cgroups={"cgroup", "cgroup2"} <= kinds,
    )


def problems(found: Facts) -> list[str]:
    """Why containerd cannot run here; [] if it can."""
    mend = f"apt-get install {PACKAGES}"
    missing = [name for name in ("containerd", "runc") if not getattr(found, name)]
    told = [f"{name} is not installed: {mend}" for name in missing]
    if not found.cni_directory:
        told.append(f"the CNI plug-ins {', '.join(NEEDED_PLUGINS)} are in none of {', '.join(CNI_DIRECTORIES)}: {mend}")
    if os.geteuid() != 0:
        told.append("containers need root: run as root, or take simulated nodes (--runtime simulated)")
    return told


def prepare(directory: Path, *, mirrors: Mapping[str, str] | None = None, found: Facts | None = None) -> Paths:
    """Write the configuration. ``mirrors``: registry host (or ``_default``) -> URL of its mirror. Raises CannotRun."""
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
        _write_mirror(paths.registries / registry, url)
    paths.config.write_text(config_text(paths, found))
    return paths


def command(directory: Path) -> list[str]:
    """What the supervisor runs."""
    return ["containerd", "--config", str(Paths(directory).config), "--log-level", "warn"]


def socket_path(directory: Path) -> Path:
    """Where it listens."""
    return Paths(directory).socket


async def ready(directory: Path, clock: Clock, deadline_seconds: float = 30.0) -> CriRuntime:
    """A started runtime once containerd answers; RuntimeFailure ``deadline`` if it does not in time."""
    runtime = CriRuntime(Paths(directory).socket, clock)
    await runtime.start()
    end = clock.monotonic() + deadline_seconds
    while True:
        try:
            await runtime.info()
            return runtime
        except RuntimeFailure as failure:
            if clock.monotonic() >= end:
                await runtime.stop()
                why = f"containerd did not answer within {deadline_seconds:.0f} s: {failure.message}"
                raise RuntimeFailure("deadline", why) from failure
        await sleep(0.02)


def config_text(paths: Paths, found: Facts) -> str:
    """config.toml, version 2 of its format: containerd 1.6 to 2.x read it."""
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    place = paths.directory
    tables: list[tuple[str, dict[str, object]]] = [
        (
            "",
            {
                "version": 2,
                "root": str(place / "root"),
                "state": str(paths.state),
                "oom_score": -999 if found.may_raise_priority else 0,
                "disabled_plugins": ["io.containerd." + name for name in _DISABLED],
            },
        ),
        ("grpc", {"address": str(paths.socket)}),
        ("ttrpc", {"address": str(place / "c.ttrpc")}),
        ('plugins."io.containerd.internal.v1.opt"', {"path": str(place / "opt")}),
        (
            cri,
            {
                "sandbox_image": SANDBOX_IMAGE,
                "stream_server_address": "127.0.0.1",
                "stream_server_port": "0",
                "netns_mounts_under_state_dir": True,
                "restrict_oom_score_adj": not found.may_raise_priority,
                "disable_hugetlb_controller": True,
                "tolerate_missing_hugetlb_controller": True,
                "disable_apparmor": not Path("/sys/kernel/security/apparmor").exists(),
            },
        ),
        (cri + ".cni", {"bin_dir": found.cni_directory, "conf_dir": str(paths.cni_configs), "max_conf_num": 1}),
        (cri + ".containerd", {"snapshotter": "overlayfs", "default_runtime_name": "runc"}),
        (cri + ".registry", {"config_path": str(paths.registries)}),
    ]
    handlers = {"runc": found.runc}
    if found.crun and not found.hybrid_cgroups:
        handlers["crun"] = found.crun
    for handler, binary in handlers.items():
        table = f"{cri}.containerd.runtimes.{handler}"
        options = {"SystemdCgroup": False, "BinaryName": binary, "Root": str(place / handler)}
        tables += [(table, {"runtime_type": "io.containerd.runc.v2"}), (table + ".options", options)]
    return "\n".join(_table(name, values) for name, values in tables)


def _table(name: str, values: dict[str, object]) -> str:
    # what is a number, a boolean, a string or a list of strings is written the same in TOML and JSON
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([f"[{name}]", *lines] if name else lines) + "\n"


def _write_mirror(directory: Path, url: str) -> None:
    """``server`` too: without it what the mirror lacks is asked of the registry itself."""
    directory.mkdir(parents=True, exist_ok=True)
    quoted = json.dumps(url)
    text = f'server = {quoted}\n[host.{quoted}]\n  capabilities = ["pull", "resolve"]\n'
    (directory / "hosts.toml").write_text(text)


def _program(name: str) -> str:
    """Also where a user's PATH does not look."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin") or ""


def _has_plugins(directory: str) -> bool:
    return all(os.access(f"{directory}/{plugin}", os.X_OK) for plugin in NEEDED_PLUGINS)


# What is left behind


async def remove_pods(runtime: CriRuntime) -> None:
    """Stop and remove every pod, their networks with them. Raises RuntimeFailure."""
    sandboxes = await runtime.list_sandboxes()

    async def remove(sandbox_id: str) -> None:
        await runtime.stop_sandbox(sandbox_id)
        await runtime.remove_sandbox(sandbox_id)

    limit = asyncio.Semaphore(4)

    async def one(sandbox_id: str) -> None:
        async with limit:
            await remove(sandbox_id)

    await asyncio.gather(*(one(sandbox.id) for sandbox in sandboxes))


async def sweep(directory: Path, *, delete: bool = False, deadline_seconds: float = 10.0) -> None:
    """After containerd has ended: kill its shims and what runs under them, take its mounts down; ``delete`` the
    directory too.

    Networks of pods that were still there keep their addresses in ``Paths.cni_data``; their links go with the
    namespaces.
    """
    rounds = max(int(deadline_seconds / 0.05), 1)
    for _ in range(rounds):
        left = processes(directory)
        for pid in left:
            _kill(pid)
        if not left:
            break
        await sleep(0.05)
    for mount in reversed(mounts(directory)):
        process = await asyncio.create_subprocess_exec("umount", "--lazy", mount, stderr=subprocess.DEVNULL)
        await process.wait()
    if delete:
        await asyncio.to_thread(shutil.rmtree, directory, True)


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


def mounts(directory: Path) -> list[str]:
    """The mount points under ``directory``, in the order of mounting."""
    inside = str(directory).rstrip("/") + "/"
    points = [line.split()[1].replace("\\040", " ") for line in Path("/proc/mounts").read_text().splitlines()]
    return [point for point in points if point.startswith(inside)]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
