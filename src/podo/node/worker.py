"""One pod's loop on a node: look, decide, begin what was decided, report; then wait until something happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import is_deleting, name_of, namespace_of, revision_of, uid_of
from podo.client.contract import Unreachable
from podo.node import podspec, resizing
from podo.node.doing import work_on
from podo.node.environment import ConfigProblem
from podo.node.instructions import (
    Ending,
    Instruction,
    Plan,
    PrepareVolumes,
    StartContainer,
    StopContainer,
)
from podo.node.lifecycle import decide
from podo.node.machine import MachineFailure
from podo.node.memory import PodMemory, Stopping, Waiting
from podo.node.probing import Prober
from podo.node.reporting import StatusReport
from podo.node.room import NodeRoom
from podo.node.runtimes.contract import RuntimeFailure
from podo.runtime.crowd import turn
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks
from podo.values import timestamp

log = Logger("podo.node.worker")

MOST_MOUNT_RETRY_SECONDS = 122.0


class PodWorker:
    """``update`` and ``gone`` bring news from the API, ``wake`` from anywhere else. ``run`` returns when nothing is
    left. ``show``: of a static pod, told each status, which the API learns by the pod's mirror.
    """

    def __init__(self, room: NodeRoom, pod: Obj, show: Callable[[Obj], None] | None = None) -> None:
        self.pod = pod
        self.memory = PodMemory(_started_at(pod, room.clock.now()))
        self._room = room
        self.memory.granted = resizing.first_granted(pod)
        self.requests = resizing.requests_by_spec(self._as_granted())
        self._awake = asyncio.Event()
        self._tasks = Tasks(f"pod/{namespace_of(pod)}/{name_of(pod)}")
        self._start: asyncio.Task[None] | None = None
        self._prober = Prober(room, self.memory, self._tasks, self.wake)
        self._told: dict[str, Waiting] = {}
        self._show = show
        self._report = StatusReport(room, self.memory, self.update, self.gone, self._keep if show else None)
        self._admitted = not self._is_new()
        self._adopt()

    def _adopt(self) -> None:
        """After a restart of the agent, running containers are as ready as the API last heard."""
        for container in self._room.inventory.of(uid_of(self.pod)).containers:
            known = podspec.reported(self.pod, container.name)
            if known and container.state == "running" and str(known.get("containerID", "")).endswith(container.id):
                if known.get("started"):
                    self.memory.probes[container.id, "startup"] = True
                if known.get("ready"):
                    self.memory.probes[container.id, "readiness"] = True
                if "resources" in known:
                    self.memory.applied[container.id] = known["resources"]

    def wake(self) -> None:
        self._awake.set()

    def try_volumes(self) -> None:
        """What they waited for may be there: they are tried again now."""
        self.memory.retry.pop(PrepareVolumes().key, None)
        self.wake()

    def update(self, pod: Obj) -> None:
        """The API has another version of the pod."""
        if revision_of(pod) > revision_of(self.pod):
            if self.memory.refusals and _asks_for_something_else(pod["metadata"], self.pod["metadata"]):
                self.memory.reconsider()
            self.pod = pod
            self.wake()

    def _keep(self, pod: Obj) -> None:
        """A static pod with its new status."""
        self.pod = pod
        if self._show is not None:
            self._show(pod)
        self.wake()

    def gone(self) -> None:
        """The API has the pod no more: end what is left of it."""
        self.memory.removed = True
        self.wake()

    def evict(self, why: str) -> None:
        """The node needs back what the pod takes. A static pod stays: it is critical, and would be made again here."""
        if self.is_active and not self.memory.eviction and self._show is None:
            self.memory.eviction = why
            self._room.tell(self.pod, "Evicted", why, "Warning")
            self.wake()

    async def run(self) -> None:
        try:
            if not self._admitted:
                await self._admit()
            while not self.memory.done:
                await turn()
                self._awake.clear()
                check_at = await self._turn()
                await self._wait(check_at)
        finally:
            await self._tasks.stop()

    @property
    def is_active(self) -> bool:
        """Does it take up room on the node?"""
        return self._admitted and not (self.memory.removed or self.memory.rejection or podspec.is_terminal(self.pod))

    def _is_new(self) -> bool:
        """Has no node said anything of it yet?"""
        begun = (self.pod.get("status") or {}).get("startTime") or self._room.inventory.of(uid_of(self.pod)).sandboxes
        return not (begun or is_deleting(self.pod) or self.memory.removed or podspec.is_terminal(self.pod))

    async def _admit(self) -> None:
        if rejection := await self._room.admit(self.pod):
            self.memory.rejection = rejection
            self._room.tell(self.pod, rejection.reason, rejection.message, "Warning")
        self._admitted = True

    async def _wait(self, check_at: float | None) -> None:
        if self.memory.done:
            return
        if check_at is None:
            await self._awake.wait()
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(max(0.0, check_at - self._room.clock.now()), self._awake.set)
        try:
            await self._awake.wait()
        finally:
            timer.cancel()

    async def _turn(self) -> float | None:
        """One look. When to look again whatever happens."""
        now = self._room.clock.now()
        seen = self._room.inventory.of(uid_of(self.pod))
        self._grant()
        granted = self._as_granted()
        plan = decide(granted, seen, self.memory, now)
        if plan.done:
            self.memory.done = True
            return None
        if plan.ending:
            self._begin_ending(plan.ending, now)
        elif self.memory.unresized:
            plan.again(now + resizing.AGAIN_SECONDS)
        for instruction in plan.instructions:
            self._begin(instruction, now)
        self._prober.keep(self.pod, seen, bool(plan.ending))
        self._tell_waiting(plan)
        if not self.memory.removed:
            await self._report.write(self.pod, granted, seen, plan, now)
        return plan.check_at

    def _as_granted(self) -> Obj:
        return resizing.with_granted(self.pod, self.memory.granted)

    def _grant(self) -> None:
        """Where the spec asks for something else than before, grant it if there is room."""
        memory, wanted = self.memory, resizing.wanted(self.pod)
        before = memory.unresized
        memory.unresized = None
        if wanted == memory.granted or memory.removed or memory.rejection or is_deleting(self.pod):
            return
        memory.unresized = why = self._room.judge(self.pod)
        if why is None:
            memory.granted = wanted
            self.requests = resizing.requests_by_spec(self.pod)
            self._room.tell(self.pod, "ResizeStarted", "Pod resize started")
        elif why != before:
            self._room.tell(self.pod, f"Resize{why.reason}", f"Pod resize {why.reason}: {why.message}", "Warning")

    def _begin_ending(self, ending: Ending, now: float) -> None:
        if self.memory.ending_since is None:
            self.memory.ending_since = now
            if ending.reason == "DeadlineExceeded":
                self._room.tell(self.pod, ending.reason, ending.message)
        if self.memory.pulling and self._start:
            self._start.cancel()

    def _tell_waiting(self, plan: Plan) -> None:
        """Tell a back-off once each time a container comes into it."""
        for name, waiting in plan.waiting.items():
            if self._told.get(name) == waiting:
                continue
            if waiting.reason == "CrashLoopBackOff":
                text = f"Back-off restarting failed container {name} in pod {podspec.full_name(self.pod)}"
                self._room.tell(self.pod, "BackOff", text, "Warning", name)
            elif waiting.reason == "ImagePullBackOff":
                image = (podspec.container_named(self.pod, name) or {}).get("image", "")
                self._room.tell(self.pod, "BackOff", f'Back-off pulling image "{image}"', container=name)
                self._room.tell(self.pod, "Failed", "Error: ImagePullBackOff", "Warning", name)
        self._told = plan.waiting

    # Doing

    def _begin(self, instruction: Instruction, now: float) -> None:
        self.memory.busy.add(instruction.key)
        if isinstance(instruction, StopContainer):
            self.memory.stopping[instruction.container_id] = Stopping(now, instruction.grace)
            if instruction.comes_again:
                self.memory.coming_again.add(instruction.container_id)
        task = self._tasks.spawn(self._carry_out(instruction), instruction.key)
        if isinstance(instruction, StartContainer):
            self.memory.starting = instruction.name
            self._start = task

    async def _carry_out(self, instruction: Instruction) -> None:
        key = instruction.key
        try:
            await turn()
            await work_on(self._room, self._as_granted(), instruction, self.memory)
            self.memory.succeeded(key)
        except MachineFailure as failure:
            self._room.tell(self.pod, failure.reason, failure.message, "Warning")
            self.memory.failed(key, self._room.clock.now(), MOST_MOUNT_RETRY_SECONDS)
        except (RuntimeFailure, ConfigProblem, ApiError, Unreachable, OSError, TimeoutError) as failure:
            log.warning("failed, will try again", pod=podspec.full_name(self.pod), what=key, why=str(failure))
            self.memory.failed(key, self._room.clock.now())
        finally:
            self._finish(instruction)

    def _finish(self, instruction: Instruction) -> None:
        self.memory.busy.discard(instruction.key)
        if isinstance(instruction, StopContainer):
            self.memory.stopping.pop(instruction.container_id, None)
        if isinstance(instruction, StartContainer):
            self.memory.starting = ""
            self._start = None
        self.wake()


def _asks_for_something_else(new: Obj, old: Obj) -> bool:
    """Between two versions of a pod's metadata: did somebody else than the node change the pod?"""
    return any(new.get(field) != old.get(field) for field in ("generation", "annotations", "labels"))


def _started_at(pod: Obj, now: float) -> float:
    """When this node first saw the pod: what its status says, for one that was here before the agent."""
    started = (pod.get("status") or {}).get("startTime")
    return timestamp.parse(started) if started else now
