"""The machine of a simulated node: nothing is touched, everything succeeds, and probes pass when annotations say so.

Annotations of a pod: ``podo.dev/ready-after`` (seconds after a container's start from which its probes pass; default
0); ``podo.dev/cpu`` and ``podo.dev/memory`` (quantities; may end in ``.NAME`` to speak of one container): what each
container uses, for metrics; default 0. Without an annotation, the stage that the pod plays says it
(``podo.node.stages``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podo.api.kind import Obj
from podo.api.meta import annotations_of, uid_of
from podo.node import labels
from podo.node.config import NodeConfig
from podo.node.machine import Capacity, NodeFacts, ProbeResult, Target, Usage
from podo.node.runtimes.contract import Container, Image, Mount
from podo.node.stages.cast import UNSTAGED, Cast, Part
from podo.runtime.clock import Clock
from podo.runtime.tasks import sleep
from podo.values import quantity

READY_AFTER = "podo.dev/ready-after"
CPU, MEMORY = "podo.dev/cpu", "podo.dev/memory"
GIGABYTE = 1 << 30
#: Containers whose CPU is remembered: more than run on a node.
MOST_METERED = 10_000


class ImaginedMachine:
    """What a simulated node stands on."""

    def __init__(self, config: NodeConfig, clock: Clock, cast: Cast | None = None) -> None:
        self._cast = cast or Cast()
        self._clock = clock
        capacity = Capacity(config.cpus or 32, config.memory or 256 * GIGABYTE, 1024 * GIGABYTE, config.max_pods)
        system = {
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
            "kernelVersion": "simulated",
            "osImage": "podo simulated node",
            "operatingSystem": "linux",
            "architecture": "amd64",
        }
        self._facts = NodeFacts(capacity, system, {})
        self._cpu: dict[str, tuple[float, float]] = {}  # by container id: when looked at last, nanoseconds by then

    def facts(self) -> NodeFacts:
        return self._facts

    async def prepare(self, pod: Obj) -> None:
        self._cast.meet(pod)

    async def refresh(self, pod: Obj) -> None:
        return None

    async def ran_sandbox(self, pod: Obj) -> None:
        return None

    async def limit(self, pod: Obj) -> None:
        return None

    def share(self, pods: Sequence[Obj]) -> None:
        return None

    def cgroup_parent(self, pod: Obj) -> str:
        return ""

    def log_directory(self, pod: Obj) -> str:
        return ""

    async def mounts(
        self, pod: Obj, container: Obj, attempt: int, ips: Sequence[str], environment: Mapping[str, str]
    ) -> list[Mount]:
        return []

    async def mount_image(self, pod: Obj, volume: Obj, image: Image) -> None:
        return None

    def dns(self, pod: Obj) -> tuple[list[str], list[str], list[str]]:
        return [], [], []

    def last_words(self, container: Container) -> str:
        return ""

    async def probe(self, target: Target, probe: Obj) -> ProbeResult:
        wanted = annotations_of(target.pod).get(READY_AFTER)
        try:
            seconds = self._ready_after(target) if wanted is None else float(wanted)
        except ValueError:
            return ProbeResult(False, f"the annotation {READY_AFTER} is not a number of seconds: {wanted!r}")
        ran = self._clock.now() - target.container.started_at
        return ProbeResult(ran >= seconds, f"simulated: {ran:.1f} s of {seconds:g} s")

    def _ready_after(self, target: Target) -> float:
        if self._cast.meet(target.pod) is None:
            return 0.0
        return self._cast.ready_seconds(_part(target.pod, target.container))

    async def hook(self, target: Target, hook: Obj, timeout_seconds: float) -> ProbeResult:
        await sleep(min(float((hook.get("sleep") or {}).get("seconds") or 0), timeout_seconds))
        return ProbeResult(True)

    async def clean_up(self, uid: str, everything: bool) -> None:
        if everything:
            self._cast.forget(uid)

    def usage(self, pod: Obj, containers: Sequence[Container], whole: bool = False) -> Usage | None:
        """As the annotations say, from each container's start; a change of them counts from the last look."""
        cpu_nanos = memory = 0
        staged = self._cast.meet(pod) is not None
        for container in containers:
            behaviour = self._cast.behaviour(_part(pod, container)) if staged else UNSTAGED
            ran = self._clock.now() - container.started_at
            said = _amount(pod, MEMORY, container.name)
            memory += behaviour.memory(ran) if said is None else quantity.as_int(said)
            cpu = _amount(pod, CPU, container.name)
            cpu_nanos += behaviour.cpu_nanos(ran) if cpu is None else self._cpu_nanos(container, cpu)
        return Usage(cpu_nanos, memory, memory)

    def _cpu_nanos(self, container: Container, amount: str) -> int:
        now = self._clock.now()
        at, used = self._cpu.get(container.id, (container.started_at, 0.0))
        used += quantity.cpu_millis(amount) * 1_000_000 * max(0.0, now - at)
        self._cpu[container.id] = (now, used)
        while len(self._cpu) > MOST_METERED:
            del self._cpu[next(iter(self._cpu))]
        return int(used)

    def node_usage(self, pods: Sequence[Usage]) -> Usage:
        memory = sum(each.working_set for each in pods)
        return Usage(sum(each.cpu_nanos for each in pods), memory, memory)

    async def exceeded(self, pod: Obj) -> str:
        return ""

    def left_overs(self) -> list[str]:
        return []


def _part(pod: Obj, container: Container) -> Part:
    is_init = container.annotations.get(labels.ROLE) == "init"
    return Part(uid_of(pod), container.name, container.attempt, is_init)


def _amount(pod: Obj, what: str, container: str) -> str | None:
    """A quantity of the annotations; None for none, "0" for what is no quantity."""
    notes = annotations_of(pod)
    text = notes.get(f"{what}.{container}", notes.get(what))
    if text is None:
        return None
    try:
        quantity.parse(text)
    except quantity.QuantityError:
        return "0"
    return text
