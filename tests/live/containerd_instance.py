"""A containerd of its own under a temporary directory, in a network namespace of its own, for tests that want real
containers."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from podo.node import containerd
from podo.node.cni import write_conflist
from podo.node.images import debian, oci, pause
from podo.node.runtimes.cri import CriRuntime
from podo.node.volumes import mounting
from podo.runtime.clock import SystemClock
from tests.live import cgroups
from tests.live.waiting import eventually

ROOT = Path(__file__).parents[2]
POD_CIDR = "10.244.250.0/24"


def unavailable() -> str:
    """Why this machine cannot; "" if it can."""
    return "; ".join(containerd.problems(containerd.facts()))


def archives() -> list[Path]:
    """pause, busybox and nginx, made once (as ``make images`` does)."""
    target = ROOT / "build" / "images"
    paths = [target / f"{name}.tar" for name in ("pause", "busybox", "nginx")]
    if not all(path.exists() for path in paths):
        packages = debian.this_machine(target.parent / "cache")
        base = debian.busybox_layer(packages)
        oci.write_archive(paths[0], [pause.image(packages.architecture)])
        oci.write_archive(paths[1], [debian.busybox_image(packages, base)])
        oci.write_archive(paths[2], debian.nginx_images(packages, base))
    return paths


class Instance:
    """Started on construction; ``network`` is the name of its network namespace."""

    def __init__(self, directory: Path, network: str) -> None:
        self.directory = directory
        self.network = network
        self.start()

    @property
    def paths(self) -> containerd.Paths:
        return containerd.Paths(self.directory)

    @property
    def cgroup(self) -> str:
        """The parent for the pods' cgroups."""
        return f"/{self.network}"

    async def runtime(self) -> CriRuntime:
        return await containerd.ready(self.directory, SystemClock())

    def in_network(self, *argv: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command where the pods can be reached."""
        return subprocess.run(
            ["nsenter", f"--net=/run/netns/{self.network}", *argv], capture_output=True, timeout=60, check=False
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        argv = ["nsenter", f"--net=/run/netns/{self.network}", *containerd.command(self.directory)]
        with (self.directory / "log").open("ab") as log:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(argv, stdout=log, stderr=log)


@contextmanager
def containerd_instance(images: Sequence[Path] = ()) -> Iterator[Instance]:
    """Started, with ``images`` loaded. At the end every pod, mount, process, namespace and file of it is gone."""
    directory = Path(tempfile.mkdtemp(prefix="podo-", dir="/tmp"))
    network = directory.name
    subprocess.run(["ip", "netns", "add", network], check=True)
    subprocess.run(["ip", "-n", network, "link", "set", "lo", "up"], check=True)
    paths = containerd.prepare(directory)
    write_conflist(paths.cni_configs, POD_CIDR, paths.cni_data)
    instance = Instance(directory, network)
    try:
        asyncio.run(_load(instance, images))
        yield instance
        asyncio.run(_remove_pods(instance))
    finally:
        instance.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            instance.process.wait(60)
        asyncio.run(containerd.sweep(directory, delete=True))
        subprocess.run(["ip", "netns", "delete", network], check=True)
        _remove_cgroups(network)


async def _load(instance: Instance, images: Sequence[Path]) -> None:
    runtime = await instance.runtime()
    try:
        for archive in images:
            await runtime.load_image(archive)
    finally:
        await runtime.stop()


async def _remove_pods(instance: Instance) -> None:
    runtime = await instance.runtime()
    try:
        await containerd.remove_pods(runtime)
    finally:
        await runtime.stop()


def _remove_cgroups(name: str) -> None:
    for top in cgroups.named(lambda each: each == name):
        for directory, _, _ in os.walk(top, topdown=False):
            eventually(partial(_removed, directory), f"the end of {directory}")


def _removed(directory: str) -> bool:
    """False while processes that have been killed are still on their way out."""
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError as busy:
        if busy.errno != errno.EBUSY:
            raise
        return False
    return True


def leftovers(instance: Instance) -> list[str]:
    """What of ``instance`` is still on the machine."""
    found = [f"process {pid}" for pid in containerd.processes(instance.directory)]
    found += [f"mount {mount}" for mount in mounting.mounts_below(instance.directory)]
    found += [str(path) for path in (instance.directory, Path("/run/netns", instance.network)) if path.exists()]
    found += [str(path) for path in cgroups.named(lambda name: name == instance.network)]
    return found
