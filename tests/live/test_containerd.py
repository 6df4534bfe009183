"""podo's own containerd after the worst: killed with pods running, nothing of it may stay on the machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from podo.node import containerd
from podo.node.runtimes.contract import ContainerSpec, SandboxSpec
from tests.live.containerd_instance import Instance, archives, containerd_instance, leftovers, unavailable

pytestmark = [pytest.mark.live, pytest.mark.skipif(bool(unavailable()), reason=unavailable())]


def test_a_sweep_after_kill_9_leaves_nothing() -> None:
    with containerd_instance(archives()[:2]) as instance:
        asyncio.run(_run_pod(instance))
        assert len(containerd.processes(instance.directory)) == 3  # shim, pause, container
        assert len(containerd.mounts(instance.directory)) >= 4
        results = _cni_results(instance)
        assert results
        instance.kill()
        assert len(containerd.processes(instance.directory)) == 3  # they do not depend on it
        asyncio.run(containerd.sweep(instance.directory))
        assert containerd.processes(instance.directory) == []
        assert containerd.mounts(instance.directory) == []
        assert _cni_results(instance) == []
        assert instance.in_network("ip", "-j", "link", "show", "type", "veth").stdout.strip() in (b"", b"[]")
        instance.start()  # and what is on disk is still good
        asyncio.run(_sandboxes_are_not_ready(instance))
    assert leftovers(instance) == []


async def _run_pod(instance: Instance) -> None:
    runtime = await instance.runtime()
    try:
        image = await runtime.find_image("busybox")
        assert image is not None
        sandbox = SandboxSpec(
            "web", "default", "uid", 0, "web", str(instance.directory / "logs"), cgroup_parent=instance.cgroup
        )
        sandbox_id = await runtime.run_sandbox(sandbox)
        spec = ContainerSpec("main", 0, image.id, "busybox", "main.log", command=["sleep", "1000"])
        await runtime.start_container(await runtime.create_container(sandbox_id, spec, sandbox))
    finally:
        await runtime.stop()


async def _sandboxes_are_not_ready(instance: Instance) -> None:
    runtime = await instance.runtime()
    try:
        assert [one.ready for one in await runtime.list_sandboxes()] == [False]
        assert [one.state for one in await runtime.list_containers()] == ["exited"]
    finally:
        await runtime.stop()


def _cni_results(instance: Instance) -> list[Path]:
    cache = Path("/var/lib/cni/results")
    return [path for path in cache.glob("podo-*") if _is_of(instance, path)]


def _is_of(instance: Instance, path: Path) -> bool:
    return f'"{instance.directory}/' in path.read_text()
