"""The machine under a node, as the agent sees it: directories, volumes, cgroups, probes over the network.

Two implementations: ``podo.node.linux`` (the real one) and ``podo.node.imagined`` (for simulated nodes: nothing is
touched).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from podo.api.kind import Obj
from podo.node.runtimes.contract import Container, Image, Mount


class MachineFailure(Exception):
    """The machine refused. ``reason`` is the Event's: FailedMount, FailedCreatePodContainer ..."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """``output`` is what the probe said, for the Event. ``warned``: it passed, and still there is something to tell.
    ``unknown``: the asking itself failed, which says nothing of the container.
    """

    passed: bool
    output: str = ""
    warned: bool = False
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """Where a probe or hook goes: a pod's address and one of its running containers."""

    pod: Obj
    spec: Obj  # the container's
    container: Container
    ip: str


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the machine has. Sizes in bytes."""

    cpus: float
    memory: int
    storage: int
    pods: int


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """``system``: the Node's nodeInfo without versions of podo. ``pressure``: condition type -> why, where there is
    any.
    """

    capacity: Capacity
    system: Mapping[str, str]
    pressure: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Usage:
    """``cpu_nanos``: CPU time since the start; memory in bytes (``working_set``: without pages that may go at once)."""

    cpu_nanos: int
    memory: int
    working_set: int


class Machine(Protocol):
    def facts(self) -> NodeFacts: ...

    async def prepare(self, pod: Obj) -> None:
        """Directories, cgroup and volumes; may be asked again. Raises MachineFailure."""

    async def refresh(self, pod: Obj) -> None:
        """Read again what volumes are made from (ConfigMaps, Secrets, the pod's labels)."""

    async def ran_sandbox(self, pod: Obj) -> None:
        """A sandbox runs: limit the pod's cgroup."""

    async def limit(self, pod: Obj) -> None:
        """The pod may use something else now: change the limits of its cgroup. Raises OSError."""

    def share(self, pods: Sequence[Obj]) -> None:
        """Share the CPUs among the QoS classes by what these, the active pods, ask for."""

    def cgroup_parent(self, pod: Obj) -> str: ...

    def log_directory(self, pod: Obj) -> str: ...

    async def mounts(
        self, pod: Obj, container: Obj, attempt: int, ips: Sequence[str], environment: Mapping[str, str]
    ) -> list[Mount]:
        """The mounts of a container about to be created. Raises MachineFailure."""

    async def mount_image(self, pod: Obj, volume: Obj, image: Image) -> None:
        """Make an image volume, of an image that is here; may be asked again. Raises MachineFailure."""

    def dns(self, pod: Obj) -> tuple[list[str], list[str], list[str]]:
        """Servers, search domains and options of the pod's resolv.conf."""

    def last_words(self, container: Container) -> str:
        """The termination message of a container that has exited."""

    async def probe(self, target: Target, probe: Obj) -> ProbeResult:
        """Run one probe (exec, httpGet, tcpSocket, grpc); its own timeoutSeconds holds."""

    async def hook(self, target: Target, hook: Obj, timeout_seconds: float) -> ProbeResult:
        """Run a lifecycle hook (exec, httpGet, sleep)."""

    async def clean_up(self, uid: str, everything: bool) -> None:
        """Unmount and remove the pod's volumes; with ``everything`` its logs, directories and cgroup too."""

    def usage(self, pod: Obj, containers: Sequence[Container], whole: bool = False) -> Usage | None:
        """What these containers use together; with ``whole``, the pod with all that is its own. None: not known."""

    def node_usage(self, pods: Sequence[Usage]) -> Usage:
        """What the whole machine uses; ``pods``: what was found for its pods."""

    async def exceeded(self, pod: Obj) -> str:
        """Which limit of its local storage the pod exceeds, as its eviction says; "" for none."""

    def left_overs(self) -> list[str]:
        """The uids of pods that directories or cgroups are left of."""
