"""Stopping a container: preStop hook, SIGTERM, SIGKILL, all within one grace period."""

from __future__ import annotations

from podo.api.kind import Obj
from podo.node import podspec
from podo.node.instructions import StopContainer
from podo.node.machine import Target
from podo.node.room import NodeRoom

#: What is left for SIGTERM however long the preStop hook took (as the kubelet).
LEAST_AFTER_HOOK_SECONDS = 2.0


async def stop_container(room: NodeRoom, pod: Obj, order: StopContainer) -> None:
    """Return when the container has ended. Raises RuntimeFailure."""
    if order.message:
        room.tell(pod, "Killing", order.message, container=order.name)
    began = room.clock.monotonic()
    grace = order.grace
    if order.hook and await _pre_stop(room, pod, order):
        grace = max(LEAST_AFTER_HOOK_SECONDS, grace - (room.clock.monotonic() - began))
    await room.runtime.stop_container(order.container_id, grace)
    await room.inventory.look_at_container(order.container_id)


async def _pre_stop(room: NodeRoom, pod: Obj, order: StopContainer) -> bool:
    """Run the hook if there is one; a hook that fails is told and does not hold up the end."""
    spec = podspec.container_named(pod, order.name) or {}
    hook = (spec.get("lifecycle") or {}).get("preStop")
    seen = room.inventory.of(pod["metadata"]["uid"])
    running = seen.container(order.container_id)
    if not hook or running is None:
        return False
    ips = seen.sandbox.ips if seen.sandbox else ()
    result = await room.machine.hook(Target(pod, spec, running, ips[0] if ips else ""), hook, order.grace)
    if not result.passed:
        room.tell(pod, "FailedPreStopHook", f"PreStopHook failed: {result.output}", "Warning", order.name)
    return True
