"""A simulated node: podo's own node agent on a runtime without containers, in the control plane's process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from podo.api.kind import Obj
from podo.api.meta import condition_is_true
from podo.client.cache import Cache, CacheChange
from podo.client.contract import Client
from podo.client.division import Share
from podo.client.reflector import Source
from podo.node.agent import NodeAgent, Pods
from podo.node.config import NodeConfig
from podo.node.imagined import ImaginedMachine
from podo.node.runtimes.simulated import RuntimeState, SimulatedRuntime
from podo.node.stages.cast import Cast
from podo.node.stages.stage import NO_STAGES, Stages
from podo.node.static.directory import Files
from podo.node.stats import summary
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock

#: How far ahead a quiet node gives signs of life, and how seldom it looks at itself unasked: a day (seconds).
AHEAD = SELDOM = 86400.0
#: How long a pod's status waits for a better one (seconds). Nothing takes time on such a node unless a stage says so;
#: but thousands of pods may start at once in one process.
SETTLE, SETTLE_STAGED = 10.0, 0.25


class NodeIsOff(Exception):
    """Nobody answers there."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node at one moment: the state of its runtime, or None where the machine is off."""

    name: str
    number: int
    runtime: RuntimeState | None = None


class SimulatedNode:
    """``number`` gives the node its address, 192.168.0.1 for node 0. ``state``: what its runtime has when it first
    starts. ``quiet``: it gives signs of life in advance and looks at itself when it is told to (``beat``). ``stages``:
    how pods behave on it. ``pods`` and ``own``: where it learns of its pods and of its Node; by watches without them.
    """

    def __init__(
        self,
        name: str,
        number: int,
        client: Client,
        clock: Clock,
        chance: Chance,
        state: RuntimeState | None = None,
        *,
        quiet: bool = False,
        stages: Stages = NO_STAGES,
        pods: Pods | None = None,
        own: Share | None = None,
    ) -> None:
        self._stages = stages
        self._pods = pods
        self._shared = own
        self.name = name
        self._number = number
        self._client = client
        self._clock = clock
        self._chance = chance
        self._state = state
        upper, lower = divmod(number + 1, 250)
        config = NodeConfig(
            *(name, f"192.168.{upper}.{lower}"),
            simulated=True,
            kubelet_port=0,  # nothing listens there: the address is made up, and may be somebody's in this network
            relist_seconds=60.0,  # this runtime loses no event: a look at everything each minute is more than enough
            settle_seconds=SETTLE if stages is NO_STAGES else SETTLE_STAGED,
        )
        self._config = _quietened(config) if quiet else config
        self._manifests: Files = {}
        self._own: Cache | Share | None = None  # the Node, followed by a quiet node
        self._runtime: SimulatedRuntime | None = None
        self._agent: NodeAgent | None = None

    @property
    def alive(self) -> bool:
        return self._agent is not None

    def summary(self) -> Obj:
        """What the node and its pods use (a Summary of the kubelet). Raises NodeIsOff."""
        if self._agent is None:
            raise NodeIsOff(self.name)
        return summary(self._agent.usage())

    def state(self) -> NodeState:
        return NodeState(self.name, self._number, self._runtime.state() if self._runtime else None)

    async def start(self) -> None:
        """Switch the machine on."""
        if self._agent is not None:
            return
        cast = Cast(self._stages, self.name)
        self._runtime = runtime = SimulatedRuntime(self._clock, self._chance, state=self._state, cast=cast)
        self._state = None

        async def network(pod_cidr: str) -> None:
            runtime.set_pod_cidr(pod_cidr)

        await runtime.start()
        machine = ImaginedMachine(self._config, self._clock, cast)
        self._agent = NodeAgent(
            *(self._config, self._client, runtime, self._clock, self._chance),
            machine=machine,
            pods=self._pods,
            on_pod_cidr=network,
        )
        await self._agent.start(self._manifests)
        if self._config.ahead_seconds:
            await self._follow_itself()

    def take_manifests(self, manifests: Files) -> None:
        """These are the manifests of its static pods now, whether it is on or off."""
        self._manifests = manifests
        if self._agent is not None:
            self._agent.static.take(manifests)

    async def _follow_itself(self) -> None:
        """Others may delete the Node or declare it lost: a quiet node sees it at once."""
        source = Source("Node", fields=f"metadata.name={self.name}")
        self._own = self._shared or Cache(self._client, [source], clock=self._clock, chance=self._chance)
        self._own.subscribe(self._told)
        await self._own.start()

    def _told(self, kind: str, revision: int, changes: Sequence[CacheChange]) -> None:
        if any(change.new is None or not condition_is_true(change.new, "Ready") for change in changes):
            self.beat()

    def beat(self) -> None:
        """Give a sign of life now, if the machine is on."""
        if self._agent is not None:
            self._agent.beat()

    def last_beat(self) -> float | None:
        """When it last gave a sign of life (seconds); None where the machine is off."""
        return self._agent.last_beat() if self._agent is not None else None

    async def kill(self) -> None:
        """Switch it off: what ran on it is gone, and nobody is told."""
        agent, runtime = self._agent, self._runtime
        self._agent = self._runtime = None
        if self._own is not None:
            await self._own.stop()
            self._own = None
        if agent is not None:
            await agent.stop()
        if runtime is not None:
            await runtime.stop()


def _quietened(config: NodeConfig) -> NodeConfig:
    return replace(
        config,
        ahead_seconds=AHEAD,
        status_seconds=SELDOM,
        status_report_seconds=SELDOM,
        relist_seconds=SELDOM,
    )
