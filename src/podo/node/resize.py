"""Carrying a resize out: the containers of a running pod get what they were granted, without a restart."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.meta import uid_of
from podo.node import podspec, resizing
from podo.node.instructions import ResizePod
from podo.node.memory import PodMemory
from podo.node.resources import resources_of, units
from podo.node.room import NodeRoom
from podo.node.runtimes.contract import Container, RuntimeFailure


async def resize_pod(room: NodeRoom, pod: Obj, order: ResizePod, memory: PodMemory) -> None:
    """The pod's own limits make room first and close in last. Raises RuntimeFailure; its message is kept."""
    try:
        await room.machine.limit(resizing.widest(pod, _present(room, pod, memory)))
        for container_id in order.containers:
            running = room.inventory.of(uid_of(pod)).container(container_id)
            spec = podspec.container_named(pod, running.name) if running else None
            if running and spec and running.state == "running":
                await _resize(room, pod, running, spec, memory)
        await room.machine.limit(pod)
    except (RuntimeFailure, OSError) as failure:
        if not memory.resize_error:
            room.tell(pod, "ResizeError", f"Error resizing pod: {failure}", "Warning")
        memory.resize_error = str(failure)
        raise
    memory.resize_error = ""
    room.tell(pod, "ResizeCompleted", "Pod resize completed")


def _present(room: NodeRoom, pod: Obj, memory: PodMemory) -> resizing.Amounts:
    """What the running containers have now, by name."""
    seen = room.inventory.of(uid_of(pod))
    found = {name: seen.newest(name) for name in resizing.wanted(pod)}
    return {name: memory.applied[last.id] for name, last in found.items() if last and last.id in memory.applied}


async def _resize(room: NodeRoom, pod: Obj, running: Container, spec: Obj, memory: PodMemory) -> None:
    after = resources_of(pod, spec, room.node_amounts()["memory"])
    before = units((memory.applied.get(running.id, {}).get("limits")), "memory")
    if after.memory_limit and (not before or after.memory_limit < before):
        _check_usage(room, pod, running, after.memory_limit)
    await room.runtime.update_resources(running.id, after)
    memory.applied[running.id] = resizing.amounts(spec.get("resources"))


def _check_usage(room: NodeRoom, pod: Obj, running: Container, limit: int) -> None:
    """A limit below what is in use would end the container."""
    usage = room.machine.usage(pod, [running])
    if usage and usage.working_set > limit:
        why = f"attempting to set container memory limit ({limit}) below current usage ({usage.working_set})"
        raise RuntimeFailure("failed", f"{why}: {running.name}")
