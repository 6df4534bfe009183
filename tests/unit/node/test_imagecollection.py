"""Which images go when the disk is full, and which never do."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from podo.lab.virtualtime import START, run
from podo.node.imagecollection import Disk, ImageCollection, Known, bytes_to_free, choose
from podo.node.runtimes.contract import Container, Image
from podo.node.runtimes.simulated import SimulatedRuntime
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock

MEGABYTE = 1 << 20


@given(st.integers(1, 1 << 40).map(lambda percent: percent * 100), st.integers(0, 100))
def test_frees_from_the_high_threshold_to_the_low(capacity: int, free_percent: int) -> None:
    disk = Disk(capacity, capacity * free_percent // 100)
    wanted = bytes_to_free(disk)
    if free_percent > 15:
        assert wanted == 0
    elif wanted:
        assert disk.available + wanted == capacity * 20 // 100


def test_the_least_recently_used_go_first_and_no_more_than_needed() -> None:
    images = [Image(name, (f"{name}:1",), 10) for name in ("new", "old", "young", "used", "older")]
    known = {"new": Known(0, 90), "old": Known(0, 50), "young": Known(990, 0), "used": Known(0, 0)}
    known["older"] = Known(0, 0)
    chosen = choose(images, known, {"used"}, 1000, 15)
    assert [image.id for image in chosen] == ["older", "old"]


def test_what_runs_and_pause_stay() -> None:
    async def whole() -> None:
        clock = LoopClock(START, asyncio.get_running_loop())
        runtime = SimulatedRuntime(clock, Chance(1))
        for name in ("podo.local/pause:1", "docker.io/library/web:1", "docker.io/library/idle:1"):
            await runtime.pull_image(name)
        web = await runtime.find_image("docker.io/library/web:1")
        assert web is not None
        running = Container("c", "s", "web", 0, "running", "docker.io/library/web:1", web.id)
        disk = Disk(100 * MEGABYTE, 100 * MEGABYTE)
        collection = ImageCollection(runtime, lambda: [running], lambda: disk, clock)
        assert await collection.look() == (0, 0)
        disk = Disk(100 * MEGABYTE, 5 * MEGABYTE)
        assert (await collection.look())[1] == 0  # too young
        await asyncio.sleep(300)
        await collection.look()
        assert [image.names[0] for image in await runtime.list_images()] == [
            "podo.local/pause:1",
            "docker.io/library/web:1",
        ]

    run(whole())
