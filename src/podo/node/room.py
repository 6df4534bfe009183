"""What all pods of a node share: the ways to the API, the runtime and the machine, and the limits on what is done at
once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from podo.api.kind import Obj
from podo.api.meta import uid_of
from podo.client.contract import Client
from podo.client.events import Recorder
from podo.node.admitting import Rejection, amounts_of
from podo.node.config import NodeConfig
from podo.node.inventory import Inventory
from podo.node.machine import Machine, Target
from podo.node.memory import Waiting
from podo.node.metrics import probe_results
from podo.node.pulledimages import PulledImages
from podo.node.runtimes.contract import Runtime
from podo.node.sources import Sources
from podo.runtime.clock import Clock
from podo.runtime.metrics import Counter

#: Starts have their limit in the runtime; pulls have it here, to tell waiting from pulling.
PULLS_AT_ONCE = 3


@dataclass(slots=True)
class NodeRoom:
    config: NodeConfig
    client: Client
    runtime: Runtime
    inventory: Inventory
    machine: Machine
    sources: Sources
    recorder: Recorder
    clock: Clock
    #: Whether this node will run a pod that is new to it.
    admit: Callable[[Obj], Awaitable[Rejection | None]]
    #: Returns when no Service sends new connections to a pod that goes. Its caller has the deadline.
    withdrawn: Callable[[Obj], Awaitable[None]]
    #: Why a pod that is here cannot have what its spec asks for now; None if it can.
    judge: Callable[[Obj], Waiting | None]
    #: Who may use the images that are here.
    pulled: PulledImages = field(default_factory=PulledImages)
    probes: Counter = field(default_factory=probe_results)
    pulls: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PULLS_AT_ONCE))

    def tell(self, pod: Obj, reason: str, message: str, type: str = "Normal", container: str = "") -> None:
        """Record an Event about a pod, or about one of its containers."""
        if type == "Normal" and not self.config.normal_events:
            return
        path = f"spec.containers{{{container}}}" if container else ""
        self.recorder.tell(pod, reason, message, type, component="kubelet", host=self.config.name, field_path=path)

    def target(self, pod: Obj, spec: Obj, container_id: str) -> Target | None:
        """Where a probe or a hook of a container (``spec``) goes: to the pod's own address, or the node's where the pod
        has none of its own. None where the runtime has no such container."""
        seen = self.inventory.of(uid_of(pod))
        container = seen.container(container_id)
        if container is None:
            return None
        ip = seen.sandbox.ips[0] if seen.sandbox and seen.sandbox.ips else self.config.internal_ip
        return Target(pod, spec, container, ip)

    def node_amounts(self) -> dict[str, int]:
        """The node's capacity for resourceFieldRef: CPU in thousandths, sizes in bytes."""
        return amounts_of(self.machine.facts().capacity)
