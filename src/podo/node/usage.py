"""How much CPU and memory a node, its pods and their containers use: samples, and rates from two of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from podo.api.kind import Obj
from podo.api.meta import uid_of
from podo.node.machine import Machine, Usage
from podo.node.observed import Seen
from podo.node.runtimes.contract import Container
from podo.runtime.clock import Clock

#: Two samples closer together than this make no rate worth telling.
LEAST_SECONDS = 1.0
BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """``at``: wall seconds. ``nano_cores``: the rate since an earlier sample, None where there is none."""

    at: float
    usage: Usage
    nano_cores: int | None = None


@dataclass(frozen=True, slots=True)
class ContainerUsage:
    container: Container
    sample: Sample


@dataclass(frozen=True, slots=True)
class PodUsage:
    pod: Obj
    sample: Sample
    containers: tuple[ContainerUsage, ...]


@dataclass(frozen=True, slots=True)
class NodeUsage:
    name: str
    memory: int  # what the machine has, bytes
    sample: Sample
    pods: tuple[PodUsage, ...]


@dataclass(slots=True)
class Rates:
    """Remembers for each thing the sample that the next rate is counted from. Pure but for its memory."""

    _known: dict[str, Sample] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def sample(self, key: str, now: float, usage: Usage) -> Sample:
        self._asked.add(key)
        before = self._known.get(key)
        if before is None or usage.cpu_nanos < before.usage.cpu_nanos or now < before.at:
            made = Sample(now, usage)
        elif now - before.at < LEAST_SECONDS:
            return before
        else:
            used = usage.cpu_nanos - before.usage.cpu_nanos
            made = Sample(now, usage, int(used / (now - before.at)))
        self._known[key] = made
        return made

    def forget_others(self) -> None:
        """Drop what was not asked for since the last time."""
        self._known = {key: sample for key, sample in self._known.items() if key in self._asked}
        self._asked.clear()


class UsageMeter:
    """``measure`` reads everything anew: a few files a container."""

    def __init__(self, name: str, machine: Machine, clock: Clock) -> None:
        self._name = name
        self._machine = machine
        self._clock = clock
        self._rates = Rates()

    def measure(self, pods: Iterable[tuple[Obj, Seen]]) -> NodeUsage:
        """What the node and these pods use now. Pods that do not run are left out."""
        measured = tuple(found for pod, seen in pods if (found := self._pod(pod, seen)))
        total = self._machine.node_usage([pod.sample.usage for pod in measured])
        sample = self._rates.sample("node", self._clock.now(), total)
        self._rates.forget_others()
        return NodeUsage(self._name, self._machine.facts().capacity.memory, sample, measured)

    def _pod(self, pod: Obj, seen: Seen) -> PodUsage | None:
        now = self._clock.now()
        containers = []
        for container in seen.alive:
            if usage := self._machine.usage(pod, [container]):
                sample = self._rates.sample(f"{uid_of(pod)}/{container.id}", now, usage)
                containers.append(ContainerUsage(container, sample))
        whole = self._machine.usage(pod, seen.alive, whole=True) if containers else None
        if whole is None:
            return None
        return PodUsage(pod, self._rates.sample(uid_of(pod), now, whole), tuple(containers))
