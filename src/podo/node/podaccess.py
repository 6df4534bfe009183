"""What the kubelet's port asks of the agent (``server.PodAccess``): pods, their containers, sandboxes and logs."""

from __future__ import annotations

from collections.abc import Sequence

from podo.api.kind import Obj
from podo.node import podspec
from podo.node.agent import NodeAgent
from podo.node.observed import is_dead
from podo.node.runtimes.contract import Container, Sandbox
from podo.node.usage import NodeUsage
from podo.runtime.metrics import Family


class AgentPods:
    """``KubeletServer(AgentPods(agent), runtime, clock)``."""

    def __init__(self, agent: NodeAgent) -> None:
        self._agent = agent

    def pods(self) -> Sequence[Obj]:
        return self._agent.pods

    def pod(self, namespace: str, name: str) -> Obj | None:
        return self._agent.pod(namespace, name)

    def container(self, namespace: str, pod: str, name: str, previous: bool = False) -> Container | None:
        """The newest attempt that has run. Before a restart that is still to come, it is the previous one as well."""
        found = self._agent.pod(namespace, pod)
        if found is None:
            return None
        seen = self._agent.seen(found)
        newest = seen.newest(name)
        if newest is None or not previous:
            return newest
        state = (podspec.reported(found, name) or {}).get("state") or {}
        return newest if is_dead(newest) and "waiting" in state else seen.before(newest)

    def sandbox(self, namespace: str, pod: str) -> Sandbox | None:
        found = self._agent.pod(namespace, pod)
        return self._agent.seen(found).sandbox if found else None

    def running(self, container_id: str) -> bool:
        found = self._agent.room.inventory.container(container_id)
        return found is not None and found.state == "running"

    def writing(self, container_id: str) -> bool:
        return self.running(container_id) or not self._agent.room.inventory.is_settled(container_id)

    async def settled(self, container_id: str) -> None:
        await self._agent.room.inventory.settled(container_id)

    def probes(self) -> Family:
        return self._agent.room.probes.family()

    def usage(self) -> NodeUsage:
        return self._agent.usage()
