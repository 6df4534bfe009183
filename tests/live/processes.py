"""Processes of containers and of clusters, found the way an administrator finds them: by cgroup and command line."""

from __future__ import annotations

from pathlib import Path

from tests.live import cgroups


def in_container(cluster: str, container_id: str) -> list[int]:
    """Pids of a container's processes, the first one first."""
    identity = container_id.removeprefix("containerd://")
    for directory in cgroups.named(lambda name: identity in name, lambda path: f"/kubepods-{cluster}-" in path):
        if found := cgroups.pids(directory):
            return found
    raise AssertionError(f"no process of container {identity}")


def mentioning(text: str) -> dict[int, str]:
    """Pid -> command line, of every process that has ``text`` in its command line."""
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            line = directory.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if text in line:
            found[int(directory.name)] = line
    return found
