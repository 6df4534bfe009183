"""When a pod is at its end on a node, and what to do then: containers first, sidecars last, then the sandbox, then all
that is left. Pure.

Source: the "Pod Lifecycle" documentation ("Termination of Pods") and KEP-753 (sidecars).
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.meta import is_deleting
from podo.api.parts.container import is_sidecar
from podo.api.parts.restarts import is_restarted
from podo.node import podspec
from podo.node.instructions import (
    CleanUp,
    DeletePod,
    Ending,
    Plan,
    PreStop,
    RemoveContainer,
    RemoveSandbox,
    StopSandbox,
)
from podo.node.memory import PodMemory
from podo.node.observed import Seen, is_dead
from podo.node.planning import stop, want
from podo.node.restarting import may_be_restarted
from podo.node.runtimes.contract import Container

SHORTEST_GRACE_SECONDS = 1.0


def ending_of(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, now: float) -> Ending | None:
    """Is the pod at its end, and why? A pod that finished is not failed by a deadline that passes later."""
    grace = max(podspec.grace_seconds(pod), SHORTEST_GRACE_SECONDS)
    remove = memory.removed or is_deleting(pod)
    if refused := memory.rejection:
        return Ending(grace, remove, refused.reason, f"Pod was rejected: {refused.message}")
    if memory.eviction:
        return Ending(SHORTEST_GRACE_SECONDS, remove, "Evicted", memory.eviction)
    if remove or podspec.is_terminal(pod) or is_finished(pod, seen, memory):
        return Ending(grace, remove)
    deadline = pod["spec"].get("activeDeadlineSeconds")
    if deadline is not None:
        if now >= memory.first_seen + deadline:
            return Ending(
                grace, False, "DeadlineExceeded", "Pod was active on the node longer than the specified deadline"
            )
        plan.again(memory.first_seen + deadline)
    return None


def is_finished(pod: Obj, seen: Seen, memory: PodMemory) -> bool:
    """Has every container ended for good, or an init container failed for good?"""
    if init_failed(pod, seen):
        return True
    for container in podspec.containers(pod):
        last = seen.newest(container["name"])
        if last is None or not is_dead(last) or comes_again(pod, container, last, memory):
            return False
    return True


def init_failed(pod: Obj, seen: Seen) -> bool:
    """Did an init container fail that is not to be restarted?"""
    for container in podspec.init_containers(pod):
        last = seen.newest(container["name"])
        if last and is_dead(last) and last.exit_code != 0 and not is_restarted(pod["spec"], container, last.exit_code):
            return True
    return False


def comes_again(pod: Obj, container: Obj, last: Container, memory: PodMemory) -> bool:
    """Is a container started again that ended so: by its restart policy, or because it was stopped for that?"""
    if is_restarted(pod["spec"], container, last.exit_code):
        return True
    return last.id in memory.coming_again and may_be_restarted(pod, container)


def end(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, ending: Ending, now: float) -> None:
    """Stop containers, then the sandbox; then remove what is to be removed, and say so."""
    if alive := seen.alive:
        main = [container for container in alive if not _is_sidecar(pod, container)]
        for container in main:
            stop(plan, memory, now, container, ending.grace, f"Stopping container {container.name}")
        _end_sidecars(pod, alive, not main, memory, plan, ending, now)
        return
    if memory.is_making:
        return  # the agent cancels them; look again when they are gone
    if ready := [sandbox for sandbox in seen.sandboxes if sandbox.ready]:
        for sandbox in ready:
            want(plan, memory, now, StopSandbox(sandbox.id))
    elif ending.remove:
        _bury(seen, memory, plan, now)
    elif not memory.cleaned:
        want(plan, memory, now, CleanUp(everything=False))


def _bury(seen: Seen, memory: PodMemory, plan: Plan, now: float) -> None:
    known = {sandbox.id for sandbox in seen.sandboxes}
    for sandbox in seen.sandboxes:
        want(plan, memory, now, RemoveSandbox(sandbox.id))
    for container in seen.containers:
        if container.sandbox_id not in known:
            want(plan, memory, now, RemoveContainer(container.id))
    if seen.sandboxes or seen.containers:
        return
    if not memory.cleaned:
        want(plan, memory, now, CleanUp(everything=True))
    elif not memory.removed:
        want(plan, memory, now, DeletePod())
    else:
        plan.done = True


def _is_sidecar(pod: Obj, container: Container) -> bool:
    spec = podspec.container_named(pod, container.name)
    return spec is not None and is_sidecar(spec)


def _end_sidecars(
    pod: Obj, alive: list[Container], alone: bool, memory: PodMemory, plan: Plan, ending: Ending, now: float
) -> None:
    """Their preStop hooks run at once; they are stopped one by one, the last first, when they are ``alone``."""
    sidecars = [container for container in alive if _is_sidecar(pod, container)]
    hooked = memory.hooked | memory.stopping.keys()
    for container in sidecars:
        if container.id not in hooked:
            text = f"Stopping container {container.name}"
            want(plan, memory, now, PreStop(container.id, container.name, ending.grace, text))
    if not sidecars or not alone:
        return
    order = [container["name"] for container in podspec.init_containers(pod)]
    last = max(sidecars, key=lambda container: order.index(container.name))
    until = ending.grace + (now if memory.ending_since is None else memory.ending_since)
    if last.id not in hooked and now < until:
        plan.again(until)
    else:
        stop(plan, memory, now, last, max(SHORTEST_GRACE_SECONDS, until - now), "", hook=False)
