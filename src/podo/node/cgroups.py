"""The cgroups of pods: where they are, their limits, and their removal. cgroup v1 hierarchies and v2 (cgroupfs driver).

A pod's group is ``/TOP/[burstable/|besteffort/]podUID``; the runtime makes it with the pod's first container and
leaves it behind, so its limits and its end are the node's work. So are the shares of CPU time that the groups above it
have: the kernel gives each as much as its pods ask for, before it looks at the pods one by one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from podo.api.kind import Obj
from podo.api.meta import uid_of
from podo.node.machine import Usage
from podo.node.resizing import requests_by_spec
from podo.node.resources import LEAST_SHARES, PERIOD_MICROSECONDS, pod_limits, qos_class, shares_of

ROOT = Path("/sys/fs/cgroup")
QUALITIES = ("", "burstable", "besteffort")
#: The most processes of a pod (as most distributions set podPidsLimit).
MOST_PROCESSES = 4096
_POD = re.compile(r"pod([0-9a-fA-F-]{36})")


class Cgroups:
    """The groups of one node's pods, all below ``top``. ``root`` is where the cgroup file systems are mounted."""

    def __init__(self, top: str, root: Path = ROOT) -> None:
        self._top = top
        self._root = root
        self._unified = (root / "cgroup.controllers").exists()
        self._shares: dict[str, int] = {}  # of the groups above the pods, by their path below ``top``

    def parent(self, pod: Obj) -> str:
        """The ``cgroup_parent`` of a pod's sandbox."""
        quality = qos_class(pod).lower()
        middle = "" if quality == "guaranteed" else f"/{quality}"
        return f"/{self._top}{middle}/pod{uid_of(pod)}"

    def limit(self, pod: Obj) -> None:
        """Write the limits of the pod as a whole. What this kernel does not have is left out."""
        shares, quota, memory = pod_limits(pod)
        below = self.parent(pod).lstrip("/")
        for hierarchy in self._hierarchies():
            group = hierarchy / below
            if self._unified:
                _write(group / "cpu.weight", str(_weight(shares)))
                _write(group / "cpu.max", f"{quota or 'max'} {PERIOD_MICROSECONDS}")
                _write(group / "memory.max", str(memory or "max"))
            else:
                _write(group / "cpu.shares", str(shares))
                if quota:
                    _write(group / "cpu.cfs_period_us", str(PERIOD_MICROSECONDS))
                    _write(group / "cpu.cfs_quota_us", str(quota))
                if memory:
                    _write(group / "memory.limit_in_bytes", str(memory))
            _write(group / "pids.max", str(MOST_PROCESSES))
        self._write_shares()  # the groups above may be new, too

    def share(self, pods: Iterable[Obj], cpu_millis: int) -> None:
        """Share CPU time among all pods and the rest of the machine (which has ``cpu_millis``), and among the pods by
        QoS class: these are active. Guaranteed pods need no group that speaks for them."""
        burstable = (requests_by_spec(pod).get("cpu", 0) for pod in pods if qos_class(pod) == "Burstable")
        self._shares = {
            "": shares_of(cpu_millis),
            "burstable": shares_of(sum(burstable)),
            "besteffort": LEAST_SHARES,
        }
        self._write_shares()

    def _write_shares(self) -> None:
        for hierarchy in self._hierarchies():
            for quality, shares in self._shares.items():
                group = hierarchy / self._top / quality
                if self._unified:
                    _write(group / "cpu.weight", str(_weight(shares)))
                else:
                    _write(group / "cpu.shares", str(shares))

    def usage(self, pod: Obj, container_id: str = "") -> Usage | None:
        """What a pod or one of its containers uses; None where its group is gone."""
        below = f"{self.parent(pod)}/{container_id}".strip("/")
        try:
            if self._unified:
                return _usage_v2(self._root / below)
            return _usage_v1(self._root / "cpuacct" / below, self._root / "memory" / below)
        except (OSError, ValueError, KeyError):
            return None

    def _hierarchies(self) -> list[Path]:
        """The directories under which groups live: one in v2, one a controller (or set of them) in v1."""
        if self._unified:
            return [self._root]
        found = {entry.resolve() for entry in self._root.iterdir() if entry.is_dir()} if self._root.exists() else set()
        return sorted(found)

    def _groups(self) -> Iterator[tuple[str, Path]]:
        """All groups of pods of this node: uid, directory."""
        for hierarchy in self._hierarchies():
            for quality in QUALITIES:
                parent = hierarchy / self._top / quality
                for entry in os.scandir(parent) if parent.is_dir() else ():
                    if match := _POD.fullmatch(entry.name):
                        yield match[1], Path(entry.path)

    def pods(self) -> set[str]:
        """The uids of pods that have a group."""
        return {uid for uid, _ in self._groups()}

    def remove(self, uid: str) -> None:
        """Remove a pod's groups. A process that is still in one is an OSError (EBUSY)."""
        for found, group in self._groups():
            if found == uid:
                _remove_tree(group)

    def remove_all(self) -> None:
        """Remove the node's own groups, where no pod is left in them."""
        for hierarchy in self._hierarchies():
            top = hierarchy / self._top
            if top.is_dir():
                _remove_tree(top)


def _usage_v1(cpu: Path, memory: Path) -> Usage:
    used = int((memory / "memory.usage_in_bytes").read_text())
    idle = _table(memory / "memory.stat")["total_inactive_file"]
    return Usage(int((cpu / "cpuacct.usage").read_text()), used, max(0, used - idle))


def _usage_v2(group: Path) -> Usage:
    used = int((group / "memory.current").read_text())
    idle = _table(group / "memory.stat")["inactive_file"]
    return Usage(_table(group / "cpu.stat")["usage_usec"] * 1000, used, max(0, used - idle))


def _table(path: Path) -> dict[str, int]:
    """A file of lines ``name number``."""
    pairs = (line.split() for line in path.read_text().splitlines())
    return {name: int(number) for name, number in pairs}


def _weight(shares: int) -> int:
    """cgroup v2's weight (1 to 10000) for v1's shares (2 to 262144), as runtimes convert them."""
    return 1 + ((min(max(shares, 2), 262144) - 2) * 9999) // 262142


def _write(path: Path, value: str) -> None:
    try:
        path.write_text(value)
    except (FileNotFoundError, PermissionError):
        return  # not in this hierarchy, or not ours to set


def _remove_tree(group: Path) -> None:
    for entry in list(os.scandir(group)):
        if entry.is_dir(follow_symlinks=False):
            _remove_tree(Path(entry.path))
    group.rmdir()
