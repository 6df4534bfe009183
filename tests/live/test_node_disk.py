"""Logs of real containers are rotated, and what they use is read from their cgroups."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from podo.node.logrotation import LogRotation
from podo.node.stats import summary
from podo.runtime.clock import SystemClock
from tests.live import containerd_instance
from tests.live.test_node_agent import PATIENCE, Node, instance, is_ready, shell, tell

pytestmark = pytest.mark.live
__all__ = ["instance"]


def names(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def numbers(path: Path) -> list[int]:
    whole, _, _ = path.read_text().rpartition("\n")  # the last line may be being written
    return [int(line.split()[-1]) for line in whole.splitlines() if " line " in line]


def test_a_log_is_rotated_and_goes_on(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        script = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"
        await node.create("talks", [{**shell(), "command": ["sh", "-c", script]}])
        await node.until("talks", is_ready)
        inventory = node.agent.room.inventory
        path = Path(inventory.containers()[0].log_path)
        rotation = LogRotation(node.runtime, inventory.containers, SystemClock(), most_bytes=2000, most_files=3)
        async with asyncio.timeout(PATIENCE):
            while len(names(path.parent)) < 3:
                await rotation.look()
                await asyncio.sleep(0.02)
            while not numbers(path):
                await asyncio.sleep(0.01)
        first, *rotated = names(path.parent)
        assert first == path
        seen = [number for file in [*rotated, path] for number in numbers(file)]
        assert seen == list(range(seen[0], seen[0] + len(seen))), "no line was lost"

    tell(instance, story)


def test_usage_of_a_busy_container(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        limits = {"limits": {"cpu": "200m", "memory": "64Mi"}}
        await node.create("busy", [{**shell(), "command": ["sh", "-c", "while :; do :; done"], "resources": limits}])
        await node.until("busy", is_ready)
        node.agent.usage()
        async with asyncio.timeout(PATIENCE):
            while True:  # measured over a moment in which others may have had the machine
                await asyncio.sleep(2)
                (found,) = summary(node.agent.usage())["pods"]
                container = found["containers"][0]
                if 20_000_000 < container["cpu"]["usageNanoCores"] < 260_000_000:
                    break
        assert found["podRef"]["name"] == "busy"
        assert 0 < container["memory"]["workingSetBytes"] <= found["memory"]["usageBytes"] < 64 << 20

    tell(instance, story)


def test_a_pod_that_fills_its_empty_dir_is_evicted(instance: containerd_instance.Instance) -> None:
    async def story(node: Node) -> None:
        await node.stop()
        node.config = replace(node.config, eviction_seconds=0.2)
        await node.start()
        volume = {"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}
        mounts = [{"name": "scratch", "mountPath": "/scratch"}]
        await node.create(
            "greedy", [shell("sleep 1; head -c 3000000 /dev/zero > /scratch/f;", volumeMounts=mounts)], volumes=[volume]
        )
        await node.create(
            "modest", [shell("head -c 300000 /dev/zero > /scratch/f;", volumeMounts=mounts)], volumes=[volume]
        )
        status = (await node.until("greedy", lambda pod: pod["status"]["phase"] == "Failed"))["status"]
        message = 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". '
        assert (status["reason"], status["message"]) == ("Evicted", message)
        await node.until_told("greedy", "Evicted", message)
        assert is_ready(await node.until("modest", is_ready))

    tell(instance, story)
