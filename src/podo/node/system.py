"""What a Linux machine is and has: the Node's nodeInfo and capacity, and whether memory, disk or process ids run
short.
"""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from podo.node.config import NodeConfig
from podo.node.machine import Capacity, NodeFacts, Usage

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
#: Upstream's hard eviction thresholds.
LEAST_MEMORY = 100 << 20
LEAST_STORAGE_SHARE = 0.10
LEAST_INODES_SHARE = 0.05


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def _meminfo(name: str) -> int:
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _os_image() -> str:
    for line in _read("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "Linux"


def system_info() -> dict[str, str]:
    """nodeInfo without podo's own versions."""
    return {
        "machineID": _read("/etc/machine-id"),
        "systemUUID": _read("/sys/class/dmi/id/product_uuid") or _read("/etc/machine-id"),
        "bootID": _read("/proc/sys/kernel/random/boot_id"),
        "kernelVersion": platform.release(),
        "osImage": _os_image(),
        "operatingSystem": "linux",
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
    }


class System:
    """The facts of one machine; what cannot change is read once."""

    def __init__(self, config: NodeConfig) -> None:
        self._directory = config.data_dir
        self._system = system_info()
        self._capacity = Capacity(
            config.cpus or float(len(os.sched_getaffinity(0))),
            config.memory or _meminfo("MemTotal"),
            shutil.disk_usage(_existing(config.data_dir)).total,
            config.max_pods,
        )

    @property
    def capacity(self) -> Capacity:
        return self._capacity

    def facts(self) -> NodeFacts:
        return NodeFacts(self._capacity, self._system, self._pressure())

    def _pressure(self) -> dict[str, str]:
        pressure = {}
        if _meminfo("MemAvailable") < LEAST_MEMORY:
            pressure["MemoryPressure"] = "kubelet has insufficient memory available"
        disk = os.statvfs(_existing(self._directory))
        few_inodes = disk.f_files and disk.f_favail < disk.f_files * LEAST_INODES_SHARE
        if disk.f_bavail < disk.f_blocks * LEAST_STORAGE_SHARE or few_inodes:
            pressure["DiskPressure"] = "kubelet has disk pressure"
        return pressure


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def machine_usage() -> Usage:
    """What the whole machine uses: CPU time in /proc/stat but for idle and iowait, memory that is not free."""
    words = _read("/proc/stat").partition("\n")[0].split()[1:9]  # user nice system idle iowait irq softirq steal
    ticks = sum(int(word) for index, word in enumerate(words) if index not in (3, 4))
    memory = _meminfo("MemTotal") - _meminfo("MemFree")
    return Usage(ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK"), memory, memory - _meminfo("Inactive(file)"))
