"""The life of a pod on a node, as a pure decision: from its spec, what the runtime has, and what is remembered, to
instructions.

``decide`` is called again after everything that happens, so it says only what can be done now; an instruction whose
key is in
work, or has just failed, is left out. Source of the behaviour: the "Pod Lifecycle" documentation and KEP-753
(sidecars).
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.meta import is_deleting
from podo.api.parts.container import is_sidecar
from podo.node import backoff, labels, podspec, resizing
from podo.node.instructions import (
    CleanUp,
    DeletePod,
    Ending,
    Instruction,
    Plan,
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
from podo.node.memory import PodMemory, Waiting
from podo.node.observed import Seen, is_dead
from podo.node.restarting import is_restarted, may_be_restarted, starts_over
from podo.node.runtimes.contract import Container, Sandbox

SHORTEST_GRACE_SECONDS = 1.0


def decide(pod: Obj, seen: Seen, memory: PodMemory, now: float) -> Plan:
    """What to do for one pod now."""
    plan = Plan()
    plan.ending = _ending(pod, seen, memory, plan, now)
    if plan.ending:
        _end(pod, seen, memory, plan, plan.ending, now)
    else:
        _run(pod, seen, memory, plan, now)
        _tidy(seen, memory, plan, now)
    return plan


def _want(plan: Plan, memory: PodMemory, now: float, instruction: Instruction) -> None:
    """Add an instruction, unless it is in work or was tried a moment ago in vain."""
    if instruction.key in memory.busy or instruction in plan.instructions:
        return
    if (retry_at := memory.retry.get(instruction.key, 0.0)) > now:
        plan.again(retry_at)
        return
    plan.instructions.append(instruction)


# Ending


def _ending(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, now: float) -> Ending | None:
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
        if last and is_dead(last) and last.exit_code != 0 and not is_restarted(pod, container, last.exit_code):
            return True
    return False


def comes_again(pod: Obj, container: Obj, last: Container, memory: PodMemory) -> bool:
    """Is a container started again that ended so: by its restart policy, or because it was stopped for that?"""
    if is_restarted(pod, container, last.exit_code):
        return True
    return last.id in memory.coming_again and may_be_restarted(pod, container)


def _end(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, ending: Ending, now: float) -> None:
    """Stop containers, then the sandbox; then remove what is to be removed, and say so."""
    if alive := seen.alive:
        main = [container for container in alive if not _is_sidecar(pod, container)]
        for container in main:
            _stop(plan, memory, now, container, ending.grace, f"Stopping container {container.name}")
        _end_sidecars(pod, alive, not main, memory, plan, ending, now)
        return
    if memory.busy & {"start", "sandbox", "volumes"}:
        return  # the agent cancels them; look again when they are gone
    if ready := [sandbox for sandbox in seen.sandboxes if sandbox.ready]:
        for sandbox in ready:
            _want(plan, memory, now, StopSandbox(sandbox.id))
    elif ending.remove:
        _bury(seen, memory, plan, now)
    elif not memory.cleaned:
        _want(plan, memory, now, CleanUp(everything=False))


def _bury(seen: Seen, memory: PodMemory, plan: Plan, now: float) -> None:
    known = {sandbox.id for sandbox in seen.sandboxes}
    for sandbox in seen.sandboxes:
        _want(plan, memory, now, RemoveSandbox(sandbox.id))
    for container in seen.containers:
        if container.sandbox_id not in known:
            _want(plan, memory, now, RemoveContainer(container.id))
    if seen.sandboxes or seen.containers:
        return
    if not memory.cleaned:
        _want(plan, memory, now, CleanUp(everything=True))
    elif not memory.removed:
        _want(plan, memory, now, DeletePod())
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
            _want(plan, memory, now, PreStop(container.id, container.name, ending.grace, text))
    if not sidecars or not alone:
        return
    order = [container["name"] for container in podspec.init_containers(pod)]
    last = max(sidecars, key=lambda container: order.index(container.name))
    until = ending.grace + (now if memory.ending_since is None else memory.ending_since)
    if last.id not in hooked and now < until:
        plan.again(until)
    else:
        _stop(plan, memory, now, last, max(SHORTEST_GRACE_SECONDS, until - now), "", hook=False)


def _stop(
    plan: Plan,
    memory: PodMemory,
    now: float,
    container: Container,
    grace: float,
    message: str,
    *,
    again: bool = False,
    hook: bool = True,
) -> None:
    """Stop a container, or a second time where the grace has become shorter than what is left of the first."""
    stopping = memory.stopping.get(container.id)
    if stopping is not None:
        if grace < stopping.grace and now + grace < stopping.since + stopping.grace:
            plan.instructions.append(StopContainer(container.id, container.name, grace, "", hook=False))
        return
    _want(plan, memory, now, StopContainer(container.id, container.name, grace, message, hook, again))


# Running


def _run(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, now: float) -> None:
    """Bring the pod towards what its spec says: volumes, sandbox, init containers in order, containers."""
    if left_over := [c for c in seen.containers if c.state == "created" and "start" not in memory.busy]:
        for container in left_over:  # of a start that was cut off: in the way of the next
            _want(plan, memory, now, RemoveContainer(container.id))
        return
    if source := starts_over(pod, seen):
        _start_over(pod, seen, source, memory, plan, now)
        return
    if not memory.volumes_ready:
        _want(plan, memory, now, PrepareVolumes())
    sandbox = seen.sandbox
    if sandbox is None:
        _make_sandbox(pod, seen, memory, plan, now)
        return
    if not memory.volumes_ready:
        return
    if _initialize(pod, seen, memory, plan, sandbox, now):
        for spec in podspec.containers(pod):
            _keep_running(pod, spec, seen, memory, plan, sandbox, now)
    _resize(pod, seen, memory, plan, now)
    for spec in podspec.ephemeral_containers(pod):
        if seen.newest(spec["name"]) is None:
            _start(pod, spec, None, memory, plan, now)


def _start_over(pod: Obj, seen: Seen, source: Container, memory: PodMemory, plan: Plan, now: float) -> None:
    """All containers are stopped and removed, last the one whose end asks for it, when its back-off is over."""
    for container in seen.alive:
        _stop(plan, memory, now, container, podspec.grace_seconds(pod), f"Stopping container {container.name}")
    if seen.alive:
        return
    if others := [container for container in seen.containers if container.id != source.id]:
        for container in others:
            _want(plan, memory, now, RemoveContainer(container.id))
    elif not _is_held(pod, source, memory, plan, now):
        _want(plan, memory, now, RemoveContainer(source.id))


def _resize(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, now: float) -> None:
    """Running containers get what they were granted, by a restart where they want it so."""
    in_place = []
    for last, spec in resizing.outdated(pod, seen, memory):
        if resizing.needs_restart(spec, memory.applied.get(last.id, {})):
            why = f"Container {last.name} resize requires restart"
            _stop(plan, memory, now, last, podspec.grace_seconds(pod), why, again=True)
        else:
            in_place.append(last.id)
    if in_place:
        _want(plan, memory, now, ResizePod(tuple(in_place)))


def _make_sandbox(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, now: float) -> None:
    """A pod whose sandbox is lost starts anew: what still runs in the old one is stopped first."""
    if alive := seen.alive:
        for container in alive:
            _stop(plan, memory, now, container, podspec.grace_seconds(pod), f"Stopping container {container.name}")
        return
    if memory.volumes_ready:
        attempt = seen.sandboxes[0].attempt + 1 if seen.sandboxes else 0
        _want(plan, memory, now, RunSandbox(attempt))


def _initialize(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, sandbox: Sandbox, now: float) -> bool:
    """Work on the init containers. True when the containers may be started."""
    begun = has_begun(pod, seen, sandbox)
    for container in podspec.init_containers(pod):
        last = seen.newest(container["name"])
        here = _in(sandbox, last)
        if is_sidecar(container):
            _keep_running(pod, container, seen, memory, plan, sandbox, now)
            if not begun and not is_started(container, here, memory):
                return False
        elif not begun and not (here and is_dead(here) and here.exit_code == 0):
            if here is None or is_dead(here):
                _start(pod, container, last, memory, plan, now)
            return False
    return True


def has_begun(pod: Obj, seen: Seen, sandbox: Sandbox | None) -> bool:
    """Has a container of this sandbox been started? Then its init containers have done their work."""
    names = {container["name"] for container in podspec.containers(pod)}
    return sandbox is not None and any(c.name in names and c.sandbox_id == sandbox.id for c in seen.containers)


def is_started(container: Obj, last: Container | None, memory: PodMemory) -> bool:
    """Is it running, its postStart hook over and its startup probe passed?"""
    if last is None or last.state != "running" or memory.starting == container["name"]:
        return False
    return not container.get("startupProbe") or memory.passing(last.id, "startup") is True


def _in(sandbox: Sandbox, container: Container | None) -> Container | None:
    return container if container is not None and container.sandbox_id == sandbox.id else None


def _keep_running(
    pod: Obj, container: Obj, seen: Seen, memory: PodMemory, plan: Plan, sandbox: Sandbox, now: float
) -> None:
    """Start a container that should run and does not; stop one that may not go on."""
    last = seen.newest(container["name"])
    here = _in(sandbox, last)
    if here is not None and here.state == "running":
        _check(pod, container, here, memory, plan, now)
    elif here is not None and here.state == "unknown":
        why = f'{_titled(container)} is in "unknown" state, try killing it before restart'
        _stop(plan, memory, now, here, podspec.grace_seconds(pod), why)
    elif last is None or comes_again(pod, container, last, memory):
        if (
            last is not None and last.id in memory.coming_again
        ):  # whatever its end: the API takes that of some for final
            plan.waiting[last.name] = Waiting("ContainerCreating")
        _start(pod, container, last, memory, plan, now)


def _check(pod: Obj, container: Obj, last: Container, memory: PodMemory, plan: Plan, now: float) -> None:
    """Stop a running container whose probe failed or whose definition changed."""
    probe: Obj = {}
    for kind in ("startup", "liveness"):
        if memory.passing(last.id, kind) is False:
            why = f"failed {kind} probe"
            probe = container.get(f"{kind}Probe") or {}
            break
    else:
        made_from = last.annotations.get(labels.HASH)
        if made_from is None or made_from == podspec.definition_hash(container):
            return
        why = "definition changed"
    grace = probe.get("terminationGracePeriodSeconds") or podspec.grace_seconds(pod)
    after = ", will be restarted" if may_be_restarted(pod, container) and not is_sidecar(container) else ""
    _stop(plan, memory, now, last, float(grace), f"{_titled(container)} {last.name} {why}{after}")


def _titled(container: Obj) -> str:
    return "Init container" if is_sidecar(container) else "Container"


def _start(pod: Obj, container: Obj, last: Container | None, memory: PodMemory, plan: Plan, now: float) -> None:
    """Start a container, unless it is in back-off or another one of the pod is being started."""
    name = container["name"]
    refusal = memory.refusals.get(name)
    if refusal and refusal.retry_at > now:
        plan.waiting[name] = refusal.at(now)
        plan.again(refusal.retry_at)
        if refusal.later and now < refusal.settled_at:
            plan.again(refusal.settled_at)
        return
    attempt, next_back_off = _attempt(pod, name, last), memory.back_offs.get(name)
    if last is not None and is_dead(last):
        if _is_held(pod, last, memory, plan, now):
            return
        next_back_off = backoff.after(next_back_off, last.finished_at, now)
    elif last is None and attempt:
        next_back_off = backoff.after(next_back_off, now, now)
    if any(isinstance(instruction, StartContainer) for instruction in plan.instructions):
        return  # one after the other, as hooks rely on
    _want(plan, memory, now, StartContainer(name, attempt, next_back_off))


def _is_held(pod: Obj, last: Container, memory: PodMemory, plan: Plan, now: float) -> bool:
    """Is a dead container in back-off? Then it waits."""
    held = memory.back_offs.get(last.name)
    until = backoff.held_until(held, last.finished_at)
    if until <= now or held is None:
        return False
    delay = backoff.as_text(held.delay)
    message = f"back-off {delay} restarting failed container={last.name} pod={podspec.full_name(pod)}"
    plan.waiting[last.name] = Waiting("CrashLoopBackOff", message)
    plan.again(until)
    return True


def _attempt(pod: Obj, name: str, last: Container | None) -> int:
    """Attempts count restarts. Where the runtime has forgotten the container, the API's count goes on."""
    if last is not None:
        return last.attempt + 1
    known = podspec.reported(pod, name)
    if known and known.get("containerID"):
        return int(known.get("restartCount") or 0) + 1
    return 0


def _tidy(seen: Seen, memory: PodMemory, plan: Plan, now: float) -> None:
    """Keep the last dead attempt of each container (``logs --previous``); drop older ones and empty old sandboxes."""
    kept: set[str] = set()
    for container in seen.containers:
        if is_dead(container):
            if container.name in kept:
                _want(plan, memory, now, RemoveContainer(container.id))
            kept.add(container.name)
    used = {container.sandbox_id for container in seen.containers}
    for sandbox in seen.sandboxes[1:]:
        if sandbox.id not in used:
            _want(plan, memory, now, RemoveSandbox(sandbox.id))
