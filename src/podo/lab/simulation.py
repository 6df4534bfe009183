"""The simulated cluster: the control plane of ``podo.cluster`` over a memory store, and simulated nodes, in one loop.

``World`` is this for tests that are plain functions; here every method that waits is a coroutine.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, cast

from podo.api.encoding import stamp
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.api.meta import condition_is_true, condition_of, name_of, namespace_of
from podo.api.parts.systemnames import NODE_PREFIX, NODES
from podo.apiserver.app import ApiServer
from podo.apiserver.local import LocalClient
from podo.client.cache import SYNC_SECONDS
from podo.client.contract import Client
from podo.cluster.config import simulated_pod_cidr
from podo.cluster.controlplane import ControlPlane, Settings
from podo.cluster.simulatednode import NodeState, SimulatedNode
from podo.http.message import Handler
from podo.lab.faults import Faults, FaultyClient
from podo.lab.manifests import Manifest, kind_named, objects_of
from podo.lab.virtualtime import START
from podo.lab.waiting import Moments, NotReached, is_not_yet, is_observed
from podo.lab.why import explanation
from podo.node.lease import LEASE_NAMESPACE
from podo.node.stages.stage import NO_STAGES, Stages
from podo.reconcile.perform import kind_name
from podo.runtime.chance import Chance
from podo.runtime.clock import LoopClock
from podo.runtime.tasks import sleep
from podo.storage.memory import MemoryStore
from podo.values import timestamp

Objects = list[Obj]
Condition = Callable[[], Any]

#: Nothing written for so many seconds, and nothing at work: settled. Longer than anything takes to react.
QUIET = 2.0
#: What nodes write as long as they live: no sign of work.
HEARTBEATS = ("/coordination.k8s.io/leases/",)


class Simulation:
    """See ``podo.lab.World`` for the arguments."""

    def __init__(
        self,
        *,
        nodes: int | Sequence[NodeState] = 1,
        seed: int | str = 0,
        start: float = START,
        faults: Faults | None = None,
        checked: bool = True,
        store: MemoryStore | None = None,
        stages: Path | str | bytes | Stages | None = None,
    ) -> None:
        self.seed = seed
        self.clock = LoopClock(start, asyncio.get_running_loop())
        self.faults = faults or Faults()
        self.store = store or MemoryStore(stamp)
        self._checked = checked
        self._stages = _stages_of(stages, str(seed))
        self._forks = 0
        self._fault_chance = self.chance("faults")
        count = nodes if isinstance(nodes, int) else len(nodes)
        self._plane = ControlPlane(
            *(self.store, self.clock, self.chance("plane"), Settings(pod_cidr=simulated_pod_cidr(count))),
            through=self.through,
            checked=checked,
        )
        #: A client of the API server without faults, who may do everything.
        self.client: Client = self._plane.client
        self.nodes: dict[str, SimulatedNode] = {}
        self._first_nodes = nodes
        self._node_faults: dict[str, Faults] = {}

    def chance(self, purpose: str) -> Chance:
        """A source of chance of its own for each purpose, so that a new node does not change what others draw."""
        return Chance(f"{self.seed}/{purpose}")

    def through(self, client: Client) -> Client:
        """``client`` with this world's faults in front."""
        return FaultyClient(client, self.faults, self.clock, self._fault_chance)

    async def start(self) -> None:
        """Start everything; returns when every node that is on is Ready."""
        await self._plane.start()
        await self._plane.start_loops()
        await self._plane.start_scheduler()
        first = self._first_nodes
        states = [NodeState(f"node-{n}", n) for n in range(first)] if isinstance(first, int) else first
        for state in states:
            node = self._node(state)
            if isinstance(first, int) or state.runtime is not None:
                await node.start()
        await self.wait_until(self._nodes_ready, within=SYNC_SECONDS, what="every node Ready")

    def fork(self) -> dict[str, Any]:
        """The arguments of a Simulation that goes on from here, in a loop of its own."""
        self._forks += 1
        return {
            "seed": f"{self.seed}/fork-{self._forks}",
            "start": self.now,
            "faults": replace(self.faults),
            "checked": self._checked,
            "store": self.store.fork(),
            "stages": self._stages,
            "nodes": [node.state() for node in self.nodes.values()],
        }

    @property
    def api(self) -> ApiServer:
        """The API server, for requests as they come over HTTP."""
        return self._plane.api

    def serve(self, host: str, handler: Handler) -> None:
        """See ``World.serve``."""
        self._plane.api.backend.caller.here[host] = handler

    async def stop(self) -> None:
        """Stop everything; raises the first bug of a controller, and what readers of the cache did wrong."""
        for node in self.nodes.values():
            await node.kill()
        await self._plane.stop()
        if self._plane.runner.bugs:
            raise self._plane.runner.bugs[0]
        self._plane.cache.check()

    async def __aenter__(self) -> Simulation:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # Objects

    async def apply(self, manifest: Manifest, namespace: str = "default") -> Objects:
        """Create what ``manifest`` holds, or merge it into what is there; the objects as they are then."""
        return [await self._apply_and_follow(obj, namespace) for obj in objects_of(manifest)]

    async def _apply_and_follow(self, obj: Obj, namespace: str) -> Obj:
        """What a CustomResourceDefinition defines can be used once its names are judged: objects of it may follow."""
        done = await self._apply_one(obj, namespace)
        if done["kind"] != "CustomResourceDefinition":
            return done

        async def judged() -> Obj | None:
            found = await self.get(done["kind"], name_of(done))
            return found if condition_of(found, "NamesAccepted") else None

        return cast(Obj, await self.wait_until(judged, 60, f"the names of {name_of(done)}"))

    async def _apply_one(self, obj: Obj, namespace: str) -> Obj:
        kind = kind_named(kind_name(obj), self._plane.api.backend.kinds)
        metadata = obj.setdefault("metadata", {})
        if kind.namespaced:
            metadata.setdefault("namespace", namespace)
        try:
            return await self.client.create(obj)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        return await self.client.patch(kind_name(obj), name_of(obj), namespace_of(obj), patch=obj, type="merge")

    async def get(self, kind: str, name: str, namespace: str = "default") -> Obj:
        """One object; ApiError (NotFound) where there is none."""
        return await self.client.get(self._client_name(kind), name, namespace)

    async def list(self, kind: str, namespace: str | None = None, labels: str = "") -> Objects:
        """All objects of a kind, of one namespace where it is given."""
        return (await self.client.list(self._client_name(kind), namespace or "", labels=labels)).items

    async def delete(self, kind: str, name: str, namespace: str = "default", **options: Any) -> None:
        """``options``: those of ``Client.delete`` (``propagation``, ``grace_seconds``)."""
        await self.client.delete(self._client_name(kind), name, namespace, **options)

    async def scale(self, kind: str, name: str, replicas: int, namespace: str = "default") -> None:
        patch = {"spec": {"replicas": replicas}}
        await self.client.patch(self._client_name(kind), name, namespace, patch=patch, type="merge")

    async def events(self, about: str = "", namespace: str | None = None) -> Objects:
        """Events, oldest first; ``about``: only those on objects whose name begins so."""
        found = await self.list("Event", namespace)
        wanted = [event for event in found if event["involvedObject"].get("name", "").startswith(about)]
        return sorted(
            wanted, key=lambda event: (event.get("lastTimestamp") or "", int(event["metadata"]["resourceVersion"]))
        )

    def _client_name(self, kind: str) -> str:
        """The name by which clients know the kind that a person named."""
        found = kind_named(kind, self._plane.api.backend.kinds)
        return kind_name({"apiVersion": found.api_version, "kind": found.kind})

    # Nodes

    async def add_node(self, name: str = "") -> str:
        """One more node, by a name of its own unless one is given; its name. ValueError where it exists already."""
        if name in self.nodes:
            raise ValueError(f'there is a node "{name}" already; one that was killed comes back by start_node')
        number = len(self.nodes)
        name = name or next(free for n in count(number) if (free := f"node-{n}") not in self.nodes)
        node = self._node(NodeState(name, number))
        await node.start()
        return node.name

    def _node(self, state: NodeState) -> SimulatedNode:
        name = state.name
        faults = self._node_faults[name] = Faults()
        client: Client = LocalClient(self._plane.api, f"{NODE_PREFIX}{name}", (NODES,))
        client = FaultyClient(self.through(client), faults, self.clock, self.chance(f"faults/{name}"))
        chance = self.chance(f"node/{name}")
        self.nodes[name] = SimulatedNode(
            *(name, state.number, client, self.clock, chance, state.runtime), quiet=True, stages=self._stages
        )
        self._plane.summaries[name] = self.nodes[name].summary
        return self.nodes[name]

    async def kill_node(self, name: str) -> None:
        """The machine is gone, from one moment to the next, with all that ran on it."""
        last = self.nodes[name].last_beat()
        await self.nodes[name].kill()
        await self._take_back(name, last)

    async def start_node(self, name: str) -> None:
        """A killed node comes back, empty, as after a power cut."""
        await self.nodes[name].start()

    async def cut_off(self, name: str) -> None:
        """The node goes on running but reaches the API server no more, until ``reconnect``."""
        node, self._node_faults[name].cut_off = self.nodes[name], True
        await self._take_back(name, node.last_beat())
        node.beat()  # from now on it tries in vain

    def reconnect(self, name: str) -> None:
        self._node_faults[name].cut_off = False

    async def _take_back(self, name: str, last_beat: float | None) -> None:
        """The signs of life that a node has given in advance and has not come to."""
        if last_beat is not None:
            patch = {"spec": {"renewTime": timestamp.micro_time(last_beat)}}
            await self.client.patch("Lease", name, LEASE_NAMESPACE, patch=patch)

    async def _nodes_ready(self) -> bool:
        ready = {name_of(node) for node in await self.list("Node") if condition_is_true(node, "Ready")}
        return all(name in ready for name, node in self.nodes.items() if node.alive)

    # Time

    @property
    def now(self) -> float:
        """Wall time in the world, seconds since the epoch."""
        return self.clock.now()

    async def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        await sleep(seconds)

    async def settle(self, within: float = 600.0) -> None:
        """Return when everything that reacts has reacted: nothing at work, nothing written for two seconds."""
        deadline = self.clock.monotonic() + within
        writes = self.store.watch("/", after=self.store.revision)
        try:
            quiet_since = self.clock.monotonic()
            while self.clock.monotonic() - quiet_since < QUIET:
                if self.clock.monotonic() > deadline:
                    raise NotReached(await self.failure(f"not settled within {within:g} s"))
                await sleep(QUIET / 10)
                news = [change for change in writes.take() if not change.key.startswith(HEARTBEATS)]
                if news or not self.idle():
                    quiet_since = self.clock.monotonic()
        finally:
            writes.close()

    def idle(self) -> bool:
        """Do controllers and scheduler have nothing at work?"""
        return self._plane.idle()

    async def wait_until(self, condition: Condition, within: float = 60.0, what: str = "") -> Any:
        """Let time pass until ``condition`` (a function, async or not) gives something true, and return that.

        "Not found" and lookups that fail (KeyError, IndexError, TypeError) count as "not yet". After ``within`` seconds
        NotReached says what is pending, and the last such failure.
        """
        moments = self.moments(within, what)
        while True:
            last: Exception | None = None
            try:
                found = condition()
                if inspect.isawaitable(found):
                    found = await found
                if found:
                    return found
            except Exception as error:
                if not is_not_yet(error):
                    raise
                last = error
            await moments.pass_on(last)

    def moments(self, within: float, what: str) -> Moments:
        return Moments(self.clock, within, what, self.failure)

    async def wait_for(
        self, kind: str, name: str, *, condition: str = "Ready", within: float = 60.0, namespace: str = "default"
    ) -> Obj:
        """Wait until the object's condition is True (or, with ``condition="delete"``, until it is gone); the object."""

        async def reached() -> Obj | None:
            try:
                obj = await self.get(kind, name, namespace)
            except ApiError as error:
                if condition == "delete" and error.reason == "NotFound":
                    return {"metadata": {"name": name}}
                raise
            return obj if condition_is_true(obj, condition) and is_observed(obj) else None

        found: Obj = await self.wait_until(reached, within, f"{kind} {name}: {condition}")
        return found

    async def why(self) -> str:
        """Why things are pending, a line each."""
        pods, deployments = await self.list("Pod"), await self.list("Deployment")
        return explanation(pods, deployments, await self.list("Node"), await self.events())

    async def failure(self, text: str, last: Exception | None = None) -> str:
        """The message of a failed wait."""
        said = f" (the last look failed: {type(last).__name__}: {last})" if last else ""
        moment = timestamp.time(self.now)
        again = f"the same calls on World(seed={self.seed!r}) show it again"
        return f"{text}{said}\nat {moment}, seed {self.seed!r} ({again}):\n{await self.why()}"


def _stages_of(wanted: Path | str | bytes | Stages | None, seed: str) -> Stages:
    """From a file, a directory, the name of an example, or the text of a file. Raises StagesProblem and OSError."""
    if wanted is None or isinstance(wanted, Stages):
        return wanted or NO_STAGES
    from podo.node.stages import reading

    if isinstance(wanted, str) and "\n" in wanted:
        wanted = wanted.encode()
    found = wanted if isinstance(wanted, bytes) else reading.read(Path(wanted))
    return reading.parse(found, "stages", seed)
