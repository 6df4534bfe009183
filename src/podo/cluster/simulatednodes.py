"""All simulated nodes of a server: thousands in one process, which share what they read and are quiet while nothing
happens.

A node that an administrator annotates with ``podo.dev/power: "off"`` loses its power at once, with all that ran on it,
and comes back, empty, when the annotation is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import annotations_of, name_of
from podo.api.parts.systemnames import NODE_PREFIX, NODES
from podo.apiserver.local import LocalClient
from podo.client.cache import Changes
from podo.client.contract import Client, Unreachable
from podo.client.division import Division
from podo.cluster.config import Config
from podo.cluster.controlplane import ControlPlane
from podo.cluster.nodemanifests import NodeManifests
from podo.cluster.simulatednode import SimulatedNode
from podo.node.lease import LEASE_NAMESPACE
from podo.node.stages.stage import NO_STAGES, Stages
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep
from podo.values import timestamp

log = Logger("podo.cluster.simulatednodes")

#: Simulated nodes that register at the same time.
NODES_AT_ONCE = 50
POWER, OFF = "podo.dev/power", "off"


def stages_of(file: Path, chance: Chance) -> Stages:
    """What ``podo up --stages`` has left; draws differ from start to start unless the file has a seed."""
    if not file.exists():
        return NO_STAGES
    from podo.node.stages.reading import parse

    return parse(file.read_bytes(), str(file), chance.uid())


def node_of(pod: Obj) -> str:
    return (pod.get("spec") or {}).get("nodeName") or ""


class SimulatedNodes:
    """``start`` returns when all have registered."""

    def __init__(self, config: Config, plane: ControlPlane, clock: Clock, chance: Chance) -> None:
        self._plane = plane
        self._client: Client = plane.client
        self._pods = Division(plane.cache, "Pod", node_of)
        self._own = Division(plane.cache, "Node", name_of)
        self._tasks = Tasks("simulated-nodes")
        self._nodes: dict[str, SimulatedNode] = {}
        self._switching: dict[str, asyncio.Lock] = {}
        self._manifests = NodeManifests(config, lambda name, files: self._nodes[name].take_manifests(files))
        stages = stages_of(config.layout.stages, chance)
        for number, name in enumerate(config.node_names):
            client = LocalClient(plane.api, f"{NODE_PREFIX}{name}", (NODES,))
            node = SimulatedNode(
                *(name, number, client, clock, chance),
                quiet=True,
                stages=stages,
                pods=self._pods.share(name),
                own=self._own.share(name),
            )
            self._nodes[name] = node
            plane.summaries[name] = node.summary

    async def start(self, after_some: Callable[[], None] = lambda: None) -> None:
        """Some at a time; in between others have their turn, for whom a store in memory would leave none, and
        ``after_some`` is called."""
        await self._manifests.start()
        self._pods.start()
        self._own.start()
        nodes = list(self._nodes.values())
        for first in range(0, len(nodes), NODES_AT_ONCE):
            await asyncio.gather(*(node.start() for node in nodes[first : first + NODES_AT_ONCE]))
            after_some()
            await sleep(0)
        self._plane.cache.subscribe(self._power)

    async def stop(self) -> None:
        await self._manifests.stop()
        await self._tasks.stop()
        for node in self._nodes.values():
            await node.kill()

    # Power

    def _power(self, kind: str, revision: int, changes: Changes) -> None:
        if kind != "Node":
            return
        for change in changes:
            node = self._nodes.get(change.place.name)
            if node is not None and change.new is not None and node.alive is _is_off(change.new):
                self._tasks.spawn(self._switch(node), f"power/{node.name}")

    async def _switch(self, node: SimulatedNode) -> None:
        """Bring a node to what is wanted of it now."""
        async with self._switching.setdefault(node.name, asyncio.Lock()):
            wanted = self._plane.cache.get("Node", node.name)
            off = wanted is not None and _is_off(wanted)
            if node.alive and off:
                last = node.last_beat()
                await node.kill()
                await self._take_back(node.name, last)
            elif not node.alive and not off:
                await node.start()

    async def _take_back(self, name: str, last_beat: float | None) -> None:
        """The signs of life that a node has given in advance and has not come to."""
        if last_beat is None:
            return
        patch = {"spec": {"renewTime": timestamp.micro_time(last_beat)}}
        try:
            await self._client.patch("Lease", name, LEASE_NAMESPACE, patch=patch)
        except (ApiError, Unreachable, OSError) as failure:
            log.warning("a node's lease was not taken back", node=name, why=str(failure))


def _is_off(node: Obj) -> bool:
    return str(annotations_of(node).get(POWER)) == OFF
