"""Carrying out what was decided for a pod: from an instruction to calls of the machine, the runtime and the API."""

from __future__ import annotations

from collections.abc import Awaitable

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import name_of, namespace_of, uid_of
from podo.node.instructions import (
    CleanUp,
    DeletePod,
    Instruction,
    PrepareVolumes,
    PreStop,
    RemoveContainer,
    RemoveSandbox,
    ResizePod,
    RunSandbox,
    StartContainer,
    StopContainer,
    StopSandbox,
)
from podo.node.memory import PodMemory
from podo.node.resize import resize_pod
from podo.node.room import NodeRoom
from podo.node.starting import run_sandbox, start_container
from podo.node.stopping import pre_stop, stop_container


def work_on(room: NodeRoom, pod: Obj, instruction: Instruction, memory: PodMemory) -> Awaitable[None]:
    """``pod``: as granted. The result raises what the call raises."""
    match instruction:
        case StartContainer():
            return start_container(room, pod, instruction, memory)
        case RunSandbox():
            return run_sandbox(room, pod, instruction.attempt)
        case StopContainer():
            return stop_container(room, pod, instruction)
        case PreStop():
            return pre_stop(room, pod, instruction, memory)
        case ResizePod():
            return resize_pod(room, pod, instruction, memory)
        case PrepareVolumes():
            return _prepare(room, pod, memory)
        case StopSandbox():
            return _stop_sandbox(room, instruction.sandbox_id)
        case RemoveSandbox():
            return _remove_sandbox(room, instruction.sandbox_id)
        case RemoveContainer():
            return _remove_container(room, instruction.container_id, memory)
        case CleanUp():
            return _clean_up(room, pod, instruction.everything, memory)
        case DeletePod():
            return _delete(room, pod, memory)


async def _prepare(room: NodeRoom, pod: Obj, memory: PodMemory) -> None:
    await room.machine.prepare(pod)
    memory.volumes_ready = True


async def _stop_sandbox(room: NodeRoom, sandbox_id: str) -> None:
    await room.runtime.stop_sandbox(sandbox_id)
    await room.inventory.look_at_sandbox(sandbox_id)


async def _remove_sandbox(room: NodeRoom, sandbox_id: str) -> None:
    await room.runtime.remove_sandbox(sandbox_id)
    room.inventory.forget_sandbox(sandbox_id)


async def _remove_container(room: NodeRoom, container_id: str, memory: PodMemory) -> None:
    await room.runtime.remove_container(container_id)
    room.inventory.forget_container(container_id)
    memory.forget_container(container_id)


async def _clean_up(room: NodeRoom, pod: Obj, everything: bool, memory: PodMemory) -> None:
    await room.machine.clean_up(uid_of(pod), everything)
    memory.cleaned = True


async def _delete(room: NodeRoom, pod: Obj, memory: PodMemory) -> None:
    """The last word to the API. That it knows the pod no more, or another of its name, is as good."""
    try:
        await room.client.delete("Pod", name_of(pod), namespace_of(pod), grace_seconds=0, uid=uid_of(pod))
    except ApiError as refusal:
        if refusal.reason not in ("NotFound", "Conflict"):
            raise
    memory.removed = True
