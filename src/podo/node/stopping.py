"""Stopping a container: preStop hook, SIGTERM, SIGKILL, all within one grace period. The hooks of sidecars run with
those of the other containers, though their SIGTERM comes last.

SIGTERM waits until the Services have let go of a pod that goes, for a small part of its grace: who has just been sent
here is still answered.
"""

from __future__ import annotations

import asyncio

from podo.api.kind import Obj
from podo.api.meta import is_deleting
from podo.node import podspec
from podo.node.instructions import PreStop, StopContainer
from podo.node.memory import PodMemory
from podo.node.room import NodeRoom
from podo.runtime.log import Logger

log = Logger("podo.node")

#: What is left for SIGTERM however short the grace is and however long the preStop hook took (as the kubelet).
LEAST_SECONDS = 2.0
#: How long the Services are waited for: at most this, and at most so much of the grace.
LONGEST_WITHDRAWAL_SECONDS, WITHDRAWAL_SHARE = 3.0, 0.25


async def stop_container(room: NodeRoom, pod: Obj, order: StopContainer) -> None:
    """Return when the container has ended. Raises RuntimeFailure."""
    if order.message:
        room.tell(pod, "Killing", order.message, container=order.name)
    grace = order.grace
    if order.hook:
        began = room.clock.monotonic()
        await asyncio.gather(_pre_stop(room, pod, order), _withdraw(room, pod, order.grace))
        grace -= room.clock.monotonic() - began
    await room.runtime.stop_container(order.container_id, max(LEAST_SECONDS, grace))
    await room.inventory.look_at_container(order.container_id)


async def pre_stop(room: NodeRoom, pod: Obj, order: PreStop, memory: PodMemory) -> None:
    room.tell(pod, "Killing", order.message, container=order.name)
    await _pre_stop(room, pod, order)
    memory.hooked.add(order.container_id)


async def _pre_stop(room: NodeRoom, pod: Obj, order: StopContainer | PreStop) -> None:
    """Run the hook if there is one. That it failed is told, what it said is not: secrets may be in it."""
    spec = podspec.container_named(pod, order.name) or {}
    hook = (spec.get("lifecycle") or {}).get("preStop")
    if not hook or (target := room.target(pod, spec, order.container_id)) is None:
        return
    result = await room.machine.hook(target, hook, order.grace)
    if not result.passed:
        log.info("hook failed", pod=podspec.full_name(pod), why=result.output)
        room.tell(pod, "FailedPreStopHook", "PreStopHook failed", "Warning", order.name)


async def _withdraw(room: NodeRoom, pod: Obj, grace: float) -> None:
    """Wait until the Services have let go of a pod that goes. One that is only restarted stays where it is."""
    if not is_deleting(pod):
        return
    try:
        async with asyncio.timeout(min(LONGEST_WITHDRAWAL_SECONDS, grace * WITHDRAWAL_SHARE)):
            await room.withdrawn(pod)
    except TimeoutError:
        log.warning("Services still send to a pod that goes", pod=podspec.full_name(pod))
