"""The machine of a simulated node: nothing is touched, everything succeeds, and probes pass when annotations say so.

Annotations of a pod: ``podo.dev/ready-after`` (seconds after a container's start from which its probes pass; default
0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podo.api.kind import Obj
from podo.api.meta import annotations_of
from podo.node.config import NodeConfig
from podo.node.machine import Capacity, NodeFacts, ProbeResult, Target
from podo.node.runtimes.contract import Container, Mount
from podo.runtime.clock import Clock
from podo.runtime.tasks import sleep

READY_AFTER = "podo.dev/ready-after"
GIGABYTE = 1 << 30


class ImaginedMachine:
    """What a simulated node stands on."""

    def __init__(self, config: NodeConfig, clock: Clock) -> None:
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

    def facts(self) -> NodeFacts:
        return self._facts

    async def prepare(self, pod: Obj) -> None:
        return None

    async def refresh(self, pod: Obj) -> None:
        return None

    async def ran_sandbox(self, pod: Obj) -> None:
        return None

    def cgroup_parent(self, pod: Obj) -> str:
        return ""

    def log_directory(self, pod: Obj) -> str:
        return ""

    async def mounts(
        self, pod: Obj, container: Obj, attempt: int, ips: Sequence[str], environment: Mapping[str, str]
    ) -> list[Mount]:
        return []

    def dns(self, pod: Obj) -> tuple[list[str], list[str], list[str]]:
        return [], [], []

    def last_words(self, container: Container) -> str:
        return ""

    async def probe(self, target: Target, probe: Obj) -> ProbeResult:
        wanted = annotations_of(target.pod).get(READY_AFTER, "0")
        try:
            seconds = float(wanted)
        except ValueError:
            return ProbeResult(False, f"the annotation {READY_AFTER} is not a number of seconds: {wanted!r}")
        ran = self._clock.now() - target.container.started_at
        return ProbeResult(ran >= seconds, f"simulated: {ran:.1f} s of {seconds:g} s")

    async def hook(self, target: Target, hook: Obj, timeout_seconds: float) -> ProbeResult:
        await sleep(min(float((hook.get("sleep") or {}).get("seconds") or 0), timeout_seconds))
        return ProbeResult(True)

    async def clean_up(self, uid: str, everything: bool) -> None:
        return None

    def left_overs(self) -> list[str]:
        return []
