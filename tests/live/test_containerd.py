"""podo's own containerd after the worst: killed with pods running, nothing of it may stay on the machine."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from podo.node import containerd
from podo.node.runtimes.contract import ContainerSpec, RuntimeFailure, SandboxSpec
from podo.node.volumes import mounting
from tests.live.containerd_instance import Instance, archives, containerd_instance, leftovers, unavailable
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.skipif(bool(unavailable()), reason=unavailable())]


def test_a_sweep_after_kill_9_leaves_nothing() -> None:
    with containerd_instance(archives()[:2]) as instance:
        asyncio.run(_run_pod(instance))
        eventually(lambda: len(containerd.processes(instance.directory)) == 3, "shim, pause, container")
        assert len(mounting.mounts_below(instance.directory)) >= 4
        results = _cni_results(instance)
        assert results
        instance.kill()
        assert len(containerd.processes(instance.directory)) == 3  # they do not depend on it
        asyncio.run(containerd.sweep(instance.directory))
        assert containerd.processes(instance.directory) == []
        assert mounting.mounts_below(instance.directory) == []
        assert _cni_results(instance) == []
        links = ("ip", "-j", "link", "show", "type", "veth")
        eventually(lambda: instance.in_network(*links).stdout.strip() in (b"", b"[]"), "the links are gone")
        instance.start()  # and what is on disk is still good
        asyncio.run(_sandboxes_are_not_ready(instance))
    assert leftovers(instance) == []


@pytest.mark.skipif(
    not (shutil.which("docker-registry") and shutil.which("skopeo")),
    reason="docker-registry or skopeo is not installed",
)
def test_images_are_pulled_through_a_mirror() -> None:
    with containerd_instance(archives()[:1]) as instance, _registry(instance) as address:
        containerd.prepare(instance.directory, mirrors={"_default": f"http://{address}"}, fallback=False)
        source = f"oci-archive:{archives()[1]}:1.28"
        copy = ["skopeo", "copy", "--dest-tls-verify=false", source, f"docker://{address}/library/busybox:1.28"]
        done = instance.in_network(*copy)
        assert done.returncode == 0, done.stderr
        asyncio.run(_pull(instance))


async def _pull(instance: Instance) -> None:
    runtime = await instance.runtime()
    try:
        assert await runtime.find_image("busybox:1.28") is None
        pulled = await runtime.pull_image("busybox:1.28")
        found = await runtime.find_image("busybox:1.28")
        assert found is not None and found.id == pulled
        assert "docker.io/library/busybox:1.28" in found.names
        with pytest.raises(RuntimeFailure) as failure:
            await runtime.pull_image("busybox:9.99")
        assert (failure.value.kind, "busybox:9.99" in failure.value.message) == ("not_found", True)
        await runtime.remove_image("busybox:1.28")
        assert await runtime.find_image("busybox:1.28") is None
        for content in (b"no archive", b""):
            bad = instance.directory / "bad.tar"
            bad.write_bytes(content)
            with pytest.raises(RuntimeFailure, match=r"bad\.tar"):
                await runtime.load_image(bad)
        assert len(await runtime.load_image(archives()[2])) == len(await runtime.load_image(archives()[2])) == 4
    finally:
        await runtime.stop()


@contextmanager
def _registry(instance: Instance) -> Iterator[str]:
    """A registry in the instance's network."""
    address, place = "127.0.0.1:5000", instance.directory / "registry"
    place.mkdir()
    settings = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(place)}},
        "http": {"addr": address},
    }
    (place / "config.yml").write_text(json.dumps(settings))  # JSON is YAML
    argv = ["nsenter", f"--net=/run/netns/{instance.network}", "docker-registry", "serve", str(place / "config.yml")]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 60
        while instance.in_network("busybox", "wget", "-qO-", f"http://{address}/v2/").returncode:
            assert time.monotonic() < end, (place / "log").read_text()
        yield address
    finally:
        process.terminate()
        process.wait(60)


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
    try:
        return f'"{instance.directory}/' in path.read_text()
    except FileNotFoundError:  # another cluster's
        return False
