"""What the agent makes of a runtime that tells an exit before its own answers have it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from podo.lab.virtualtime import START, run
from podo.node import labels
from podo.node.inventory import Inventory
from podo.node.runtimes.contract import Container, ContainerSpec, Happened, SandboxSpec
from podo.node.runtimes.simulated import SimulatedRuntime
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock

SANDBOX = SandboxSpec("web", "default", "uid-1", 0, "web", "")


class Late(SimulatedRuntime):
    """Answers that a container runs for 0.1 s after its end."""

    last: Container | None = None
    reason = ""

    async def container_status(self, container_id: str) -> Container:
        found = await super().container_status(container_id)
        if found.state == "exited" and self.reason:
            found = replace(found, reason=self.reason)
        if found.state == "exited" and self._clock.now() < found.finished_at + 0.1:
            return replace(found, state="running", exit_code=0, reason="", finished_at=0.0)
        return found


def tell(story: Callable[[Late, Inventory, str], Awaitable[None]], policy: str = "File") -> None:
    async def whole() -> None:
        runtime = Late(LoopClock(START, asyncio.get_running_loop()), Chance(1), "10.0.0.0/24")
        inventory = Inventory(runtime, lambda uid: None, lambda container: "")
        image = await runtime.pull_image("busybox:1.28")
        sandbox = await runtime.run_sandbox(SANDBOX)
        marks = {labels.TERMINATION_POLICY: policy}
        spec = ContainerSpec("c", 0, image, "busybox:1.28", "", labels={labels.POD_UID: "uid-1"}, annotations=marks)
        container_id = await runtime.create_container(sandbox, spec, SANDBOX)
        await runtime.start_container(container_id)
        await inventory.relist()
        await story(runtime, inventory, container_id)

    run(whole())


def state(inventory: Inventory, container_id: str) -> tuple[str, int, str]:
    found = inventory.container(container_id)
    assert found is not None
    return found.state, found.exit_code, found.reason


@pytest.mark.parametrize(
    ("code", "before", "expected"),
    [
        (0, [], ("exited", 0, "Completed")),
        (3, [], ("exited", 3, "Error")),
        (137, ["oom"], ("exited", 137, "OOMKilled")),
    ],
)
def test_an_exit_counts_when_it_is_told(code: int, before: list[str], expected: tuple[str, int, str]) -> None:
    async def story(runtime: Late, inventory: Inventory, container_id: str) -> None:
        for kind in before:
            await inventory.look_after(Happened(kind, container_id))
        runtime.fail(container_id, code)
        told = Happened("exited", container_id, code, START + 5)
        looking = asyncio.get_running_loop().create_task(inventory.look_after(told))
        await asyncio.sleep(0)
        assert state(inventory, container_id) == expected
        assert not inventory.is_settled(container_id)
        await inventory.relist()  # the runtime says still that it runs
        assert state(inventory, container_id) == expected
        await inventory.settled(container_id)
        assert inventory.is_settled(container_id)
        assert asyncio.get_running_loop().time() >= 0.1
        assert state(inventory, container_id) == expected
        await looking

    tell(story)


def test_a_message_that_may_come_from_the_log_waits_for_the_log() -> None:
    async def story(runtime: Late, inventory: Inventory, container_id: str) -> None:
        runtime.fail(container_id, 1)
        looking = asyncio.get_running_loop().create_task(
            inventory.look_after(Happened("exited", container_id, 1, START))
        )
        await asyncio.sleep(0.05)
        assert state(inventory, container_id)[0] == "running"
        await looking
        assert state(inventory, container_id) == ("exited", 1, "Error")

    tell(story, "FallbackToLogsOnError")


def test_out_of_memory_may_be_told_after_the_exit() -> None:
    async def story(runtime: Late, inventory: Inventory, container_id: str) -> None:
        runtime.reason = "OOMKilled"
        runtime.fail(container_id, 137)
        looking = asyncio.get_running_loop().create_task(
            inventory.look_after(Happened("exited", container_id, 137, START))
        )
        await asyncio.sleep(0)
        assert state(inventory, container_id) == ("exited", 137, "Error")
        await looking
        assert state(inventory, container_id) == ("exited", 137, "OOMKilled")

    tell(story)


def test_a_container_removed_while_its_end_is_awaited_stays_removed() -> None:
    async def story(runtime: Late, inventory: Inventory, container_id: str) -> None:
        runtime.fail(container_id, 1)
        looking = asyncio.get_running_loop().create_task(
            inventory.look_after(Happened("exited", container_id, 1, START))
        )
        await asyncio.sleep(0)
        inventory.forget_container(container_id)
        await looking
        assert inventory.container(container_id) is None

    tell(story)
