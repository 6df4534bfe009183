"""The life of a pod on a node, as a pure decision: from its spec, what the runtime has, and what is remembered, to
instructions.

``decide`` is called again after everything that happens, so it says only what can be done now; an instruction whose
key is in work, or has just failed, is left out. How a pod ends is in ``ending``. Source of the behaviour: the "Pod
Lifecycle" documentation and KEP-753 (sidecars).
"""

from __future__ import annotations

from podo.api.kind import Obj
from podo.api.parts.container import is_sidecar
from podo.node import backoff, labels, podspec, resizing
from podo.node.ending import comes_again, end, ending_of
from podo.node.instructions import (
    Plan,
    PrepareVolumes,
    RemoveContainer,
    RemoveSandbox,
    ResizePod,
    RunSandbox,
    StartContainer,
)
from podo.node.memory import PodMemory, Waiting
from podo.node.observed import Seen, is_dead
from podo.node.planning import stop, want
from podo.node.restarting import may_be_restarted, starts_over
from podo.node.runtimes.contract import Container, Sandbox


def decide(pod: Obj, seen: Seen, memory: PodMemory, now: float) -> Plan:
    """What to do for one pod now."""
    plan = Plan()
    plan.ending = ending_of(pod, seen, memory, plan, now)
    if plan.ending:
        end(pod, seen, memory, plan, plan.ending, now)
    else:
        _run(pod, seen, memory, plan, now)
        _tidy(seen, memory, plan, now)
    return plan


def _run(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, now: float) -> None:
    """Bring the pod towards what its spec says: volumes, sandbox, init containers in order, containers."""
    if left_over := [c for c in seen.containers if c.state == "created" and "start" not in memory.busy]:
        for container in left_over:  # of a start that was cut off: in the way of the next
            want(plan, memory, now, RemoveContainer(container.id))
        return
    if source := starts_over(pod, seen):
        _start_over(pod, seen, source, memory, plan, now)
        return
    if not memory.volumes_ready:
        want(plan, memory, now, PrepareVolumes())
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
        stop(plan, memory, now, container, podspec.grace_seconds(pod), f"Stopping container {container.name}")
    if seen.alive:
        return
    if others := [container for container in seen.containers if container.id != source.id]:
        for container in others:
            want(plan, memory, now, RemoveContainer(container.id))
    elif not _is_held(pod, source, memory, plan, now):
        want(plan, memory, now, RemoveContainer(source.id))


def _resize(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, now: float) -> None:
    """Running containers get what they were granted, by a restart where they want it so."""
    in_place = []
    for last, spec in resizing.outdated(pod, seen, memory):
        if resizing.needs_restart(spec, memory.applied.get(last.id, {})):
            why = f"Container {last.name} resize requires restart"
            stop(plan, memory, now, last, podspec.grace_seconds(pod), why, again=True)
        else:
            in_place.append(last.id)
    if in_place:
        want(plan, memory, now, ResizePod(tuple(in_place)))


def _make_sandbox(pod: Obj, seen: Seen, memory: PodMemory, plan: Plan, now: float) -> None:
    """A pod whose sandbox is lost starts anew: what still runs in the old one is stopped first."""
    if alive := seen.alive:
        for container in alive:
            stop(plan, memory, now, container, podspec.grace_seconds(pod), f"Stopping container {container.name}")
        return
    if memory.volumes_ready:
        attempt = seen.sandboxes[0].attempt + 1 if seen.sandboxes else 0
        want(plan, memory, now, RunSandbox(attempt))


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
        stop(plan, memory, now, here, podspec.grace_seconds(pod), why)
    elif last is None or comes_again(pod, container, last, memory):
        if last is not None and last.id in memory.coming_again:
            # Whatever its end was: the API takes that of some for final.
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
    stop(plan, memory, now, last, float(grace), f"{_titled(container)} {last.name} {why}{after}")


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
    want(plan, memory, now, StartContainer(name, attempt, next_back_off))


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
                want(plan, memory, now, RemoveContainer(container.id))
            kept.add(container.name)
    used = {container.sandbox_id for container in seen.containers}
    for sandbox in seen.sandboxes[1:]:
        if sandbox.id not in used:
            want(plan, memory, now, RemoveSandbox(sandbox.id))
