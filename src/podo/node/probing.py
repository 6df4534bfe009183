"""Probes of a pod's containers: when they run, how many results in a row count, and what is told.

Source: the documentation's "Configure Liveness, Readiness and Startup Probes".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from podo.api.kind import Obj
from podo.node import podspec
from podo.node.machine import ProbeResult, Target
from podo.node.memory import PodMemory
from podo.node.observed import Seen
from podo.node.room import NodeRoom
from podo.node.runtimes.contract import Container
from podo.runtime.tasks import Tasks, sleep

KINDS = ("startup", "liveness", "readiness")
MOST_TRIES = 3
Key = tuple[str, str]  # container id, kind


class Prober:
    """Keeps one task for each probe of each running container. Results go to ``memory.probes``; ``wake`` says that
    one changed.
    """

    def __init__(self, room: NodeRoom, memory: PodMemory, tasks: Tasks, wake: Callable[[], None]) -> None:
        self._room = room
        self._memory = memory
        self._tasks = tasks
        self._wake = wake
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._pod: Obj = {}

    def keep(self, pod: Obj, seen: Seen, ending: bool) -> None:
        """Have the probes run that should, and no others. A pod that ends is no longer asked whether it lives."""
        self._pod = pod
        if not self._running and not seen.sandboxes:
            return
        wanted: dict[Key, tuple[Obj, Obj]] = {}
        for spec in podspec.init_containers(pod) + podspec.containers(pod):
            self._add_wanted(spec, seen, ending, wanted)
        for key in self._running.keys() - wanted.keys():
            self._running.pop(key).cancel()
        for key in wanted.keys() - self._running.keys():
            self._running[key] = self._tasks.spawn(self._watch(key, *wanted[key]), f"{key[1]}/{key[0][:12]}")

    def _add_wanted(self, spec: Obj, seen: Seen, ending: bool, wanted: dict[Key, tuple[Obj, Obj]]) -> None:
        if not any(f"{kind}Probe" in spec for kind in KINDS):
            return
        last = seen.newest(spec["name"])
        if last is None or last.state != "running":
            return
        for kind in KINDS:
            probe = spec.get(f"{kind}Probe")
            if probe and self._is_due(spec, last, kind, ending):
                wanted[last.id, kind] = (spec, probe)

    def _is_due(self, spec: Obj, last: Container, kind: str, ending: bool) -> bool:
        """The others wait for the startup probe, which ends when it has passed."""
        started = "startupProbe" not in spec or self._memory.passing(last.id, "startup") is True
        if kind == "startup":
            return not started and not ending
        return started and not (ending and kind == "liveness")

    async def _watch(self, key: Key, spec: Obj, probe: Obj) -> None:
        container_id, kind = key
        running = self._target(spec, container_id)
        if running is None:
            return
        since_start = self._room.clock.now() - running.container.started_at
        await sleep(max(0.0, float(probe.get("initialDelaySeconds") or 0) - since_start))
        in_a_row, last = 0, None
        while (target := self._target(spec, container_id)) is not None:
            result = await self._ask(target, probe)
            self._tell(spec, kind, result)
            if not result.unknown:
                in_a_row = in_a_row + 1 if result.passed is last else 1
                last = result.passed
                if in_a_row >= _threshold(probe, result.passed):
                    self._note(key, result.passed)
                    if not result.passed and kind != "readiness":
                        return  # the container will be stopped: it is not asked any more
            await sleep(float(probe.get("periodSeconds") or 10))

    async def _ask(self, target: Target, probe: Obj) -> ProbeResult:
        """Where the asking itself fails, ask again at once, a few times."""
        for _ in range(MOST_TRIES - 1):
            if not (result := await self._room.machine.probe(target, probe)).unknown:
                return result
        return await self._room.machine.probe(target, probe)

    def _target(self, spec: Obj, container_id: str) -> Target | None:
        target = self._room.target(self._pod, spec, container_id)
        return target if target is not None and target.container.state == "running" else None

    def _tell(self, spec: Obj, kind: str, result: ProbeResult) -> None:
        """Count it; and the Event of a result that is not simply well."""
        metadata, named = self._pod["metadata"], kind.capitalize()
        went = "unknown" if result.unknown else "successful" if result.passed else "failed"
        place = (spec["name"], metadata["name"], metadata["namespace"], metadata["uid"])
        self._room.probes.add((named, went, *place))
        reason, what = "Unhealthy", "failed"
        if result.warned:
            reason, what = "ProbeWarning", "warning"
        elif result.unknown:
            what = "errored and resulted in unknown state"
        elif result.passed:
            return
        message = f"{named} probe {what}: {result.output}"
        self._room.tell(self._pod, reason, message, "Warning", spec["name"])

    def _note(self, key: Key, passed: bool) -> None:
        if self._memory.probes.get(key) is not passed:
            self._memory.probes[key] = passed
            self._wake()


def _threshold(probe: Obj, passed: bool) -> int:
    return int(probe.get("successThreshold") or 1) if passed else int(probe.get("failureThreshold") or 3)
