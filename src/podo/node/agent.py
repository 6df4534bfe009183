"""The node agent: what the kubelet is. It watches the pods bound to its node and keeps one worker for each.

It is event driven: changes from the API, events of the runtime and timers wake a pod's worker; a relist every few
seconds finds what events have missed. After a restart it adopts what runs and ends what the API no longer has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from podo.api.kind import Obj
from podo.api.meta import uid_of
from podo.api.parts.resources import requests_of
from podo.client.cache import Cache, CacheChange, Subscriber
from podo.client.contract import Client
from podo.client.events import EventRecorder, Recorder
from podo.client.reflector import Source
from podo.node import podspec
from podo.node.admitting import Rejection, contends, forbids, lacks
from podo.node.certificates.podcertificates import PodCertificates
from podo.node.config import NodeConfig
from podo.node.freshness import Freshness
from podo.node.heartbeat import Heartbeat
from podo.node.housekeeping import Housekeeping
from podo.node.imagined import ImaginedMachine
from podo.node.inventory import Inventory
from podo.node.machine import Machine
from podo.node.memory import Waiting
from podo.node.observed import Seen
from podo.node.orphans import orphan
from podo.node.pulledimages import PulledImages
from podo.node.resizing import judge, requests_by_spec
from podo.node.room import NodeRoom
from podo.node.runtimes.contract import Happened, Runtime, RuntimeFailure
from podo.node.sources import Sources
from podo.node.static.directory import Files, ManifestDirectory
from podo.node.static.mirrors import Mirrors, is_mirror
from podo.node.static.pods import StaticPods
from podo.node.usage import NodeUsage, UsageMeter
from podo.node.worker import PodWorker
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep

if TYPE_CHECKING:
    from podo.node.volumes.persistentremoval import VolumeRemoval

log = Logger("podo.node")


async def _ignore_pod_cidr(pod_cidr: str) -> None:
    return None


async def _no_services(pod: Obj) -> None:
    return None


class Pods(Protocol):
    """Where an agent learns of its pods: a cache of its own, or its share of one."""

    def subscribe(self, subscriber: Subscriber) -> object:
        """Tell what is here and what changes; from ``start`` on at the latest."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def list(self, kind: str) -> list[Obj]: ...


class NodeAgent:
    """One node. ``on_pod_cidr`` is awaited once, when the node's pod network is known, before the node says that it
    is ready. ``withdrawn`` returns when no Service sends new connections to a pod: containers are stopped after it.
    """

    def __init__(
        self,
        config: NodeConfig,
        client: Client,
        runtime: Runtime,
        clock: Clock,
        chance: Chance,
        *,
        machine: Machine | None = None,
        pods: Pods | None = None,
        recorder: Recorder | None = None,
        on_pod_cidr: Callable[[str], Awaitable[None]] = _ignore_pod_cidr,
        withdrawn: Callable[[Obj], Awaitable[None]] = _no_services,
    ) -> None:
        self._config = config
        self._runtime = runtime
        self._clock = clock
        self._own_recorder = None if recorder else EventRecorder(client, clock, chance, component="kubelet")
        told = recorder or self._own_recorder
        assert told is not None
        certificates = PodCertificates(client, clock, chance, config.name, self._tell_of, self._certificate_issued)
        sources = Sources(client, clock, config.name, certificates)
        machine = machine or self._machine(config, runtime, clock, sources)
        self._machine_in_use = machine
        inventory = Inventory(runtime, self._wake, machine.last_words)
        self.room = NodeRoom(
            *(config, client, runtime, inventory, machine, sources, told, clock),
            admit=self._admit,
            withdrawn=withdrawn,
            judge=self._judge,
            pulled=PulledImages(None if config.simulated else config.data_dir / "image-pulls"),
        )
        source = Source("Pod", fields=f"spec.nodeName={config.name}")
        self._pods: Pods = pods or Cache(client, [source], clock=clock, chance=chance)
        self._heartbeat = Heartbeat(config, client, runtime, machine, clock, on_pod_cidr, self._tell_of_node)
        self._meter = UsageMeter(config.name, machine, clock)
        self._removal = None if config.simulated else self._volume_removal(config, client, clock, chance, told)
        self._workers: dict[str, PodWorker] = {}
        self._mirrors = Mirrors(client, config.name, lambda: self._heartbeat.node)
        self.static = StaticPods(
            config.name, clock, self._mirrors, self._begin_static, self._end, self._tell_of_manifest
        )
        self._freshness = Freshness(self.room, self._workers, chance)
        self._housekeeping = Housekeeping(self.room, self._workers)
        self._tasks = Tasks(f"node/{config.name}")
        self._listed = False

    @staticmethod
    def _machine(config: NodeConfig, runtime: Runtime, clock: Clock, sources: Sources) -> Machine:
        if config.simulated:
            return ImaginedMachine(config, clock)
        from podo.node.linux import LinuxMachine  # only where there is one

        return LinuxMachine(config, runtime, sources)

    @staticmethod
    def _volume_removal(
        config: NodeConfig, client: Client, clock: Clock, chance: Chance, recorder: Recorder
    ) -> VolumeRemoval:
        from podo.node.volumes.persistentremoval import VolumeRemoval  # only where there is a disk

        return VolumeRemoval(client, config.name, config.volumes, clock, chance, recorder)

    @property
    def pod_cidr(self) -> str:
        return self._heartbeat.pod_cidr

    @property
    def pods(self) -> list[Obj]:
        """The pods of this node, as last known from the API."""
        return [worker.pod for worker in self._workers.values()]

    def pod(self, namespace: str, name: str) -> Obj | None:
        """A pod of this node, or None."""
        for worker in self._workers.values():
            metadata = worker.pod["metadata"]
            if metadata["name"] == name and metadata.get("namespace") == namespace:
                return worker.pod
        return None

    def beat(self) -> None:
        """Give a sign of life now."""
        self._heartbeat.beat()

    def last_beat(self) -> float:
        """When the node last gave a sign of life (seconds), what it wrote in advance left aside."""
        return self._heartbeat.last_beat()

    def usage(self) -> NodeUsage:
        """What the node and its pods use now."""
        return self._meter.measure((pod, self.seen(pod)) for pod in self.pods)

    def seen(self, pod: Obj) -> Seen:
        """What the runtime has of a pod."""
        return self.room.inventory.of(uid_of(pod))

    async def start(self, manifests: Files | None = None) -> None:
        """Register the node, take stock, and begin to work. Returns when the node is registered. ``manifests``: those
        of its static pods, where the agent does not follow a directory itself."""
        if self._own_recorder:
            await self._own_recorder.start()
        self._tasks.spawn(self._listen(), "events")
        beginning = self._tasks.spawn(self._begin(manifests or {}), "begin")
        await self._heartbeat.start()
        await beginning
        self._pods.subscribe(self._changed)
        await self._pods.start()
        self._tasks.spawn(self._relist(), "relist")
        if self._removal:
            await self._removal.start()
        self._freshness.start()
        if not self._config.simulated:
            self._housekeeping.start()

    async def stop(self) -> None:
        """Stop working. Containers keep running, to be adopted by the next start."""
        await self._pods.stop()
        await self.static.stop()
        if self._removal:
            await self._removal.stop()
        await self._freshness.stop()
        await self._housekeeping.stop()
        await self.room.sources.stop()
        await self._tasks.stop()
        await self._heartbeat.stop()
        if self._own_recorder:
            await self._own_recorder.stop()

    # From the API

    def _changed(self, kind: str, revision: int, changes: list[CacheChange]) -> None:
        for change in changes:
            if is_mirror(change.object):
                self._mirrors.changed(change.object, gone=change.new is None)
            elif change.new is None:
                self._gone(change.object)
            else:
                self._have(change.new)
        if not self._listed:
            self._listed = True
            self._end_orphans()
            self._mirrors.listed()

    def _have(self, pod: Obj) -> None:
        uid = uid_of(pod)
        if worker := self._workers.get(uid):
            worker.update(pod)
            return
        if podspec.is_terminal(pod) and "deletionTimestamp" not in pod["metadata"] and not self.seen(pod).sandboxes:
            return  # ended before this agent's time, and nothing is left of it
        self._employ(PodWorker(self.room, pod))

    async def _admit(self, pod: Obj) -> Rejection | None:
        """Whether the node takes a new pod. What the Node's labels and taints forbid is said of the newest Node."""
        self._housekeeping.came_or_went()
        others, capacity = self._active_beside(pod), self._machine_in_use.facts().capacity
        rejection = lacks(requests_of(pod), [other.requests for other in others], capacity)
        rejection = rejection or contends(pod, [other.pod for other in others])
        if rejection or forbids(pod, self._heartbeat.node) is None:
            return rejection
        await self._heartbeat.look()
        return forbids(pod, self._heartbeat.node)

    def _judge(self, pod: Obj) -> Waiting | None:
        """Whether there is room for what a resized pod asks for."""
        others = [other.requests for other in self._active_beside(pod)]
        return judge(requests_by_spec(pod), others, self._machine_in_use.facts().capacity)

    def _active_beside(self, pod: Obj) -> list[PodWorker]:
        """The other pods here that take up room."""
        uid = uid_of(pod)
        return [worker for key, worker in self._workers.items() if key != uid and worker.is_active]

    def _gone(self, pod: Obj) -> None:
        self._end(uid_of(pod))

    def _end(self, uid: str) -> None:
        if worker := self._workers.get(uid):
            worker.gone()

    def _begin_static(self, pod: Obj) -> None:
        self._employ(PodWorker(self.room, pod, self._mirrors.show))

    def _employ(self, worker: PodWorker) -> None:
        uid = uid_of(worker.pod)
        self._workers[uid] = worker
        self._tasks.spawn(self._run(uid, worker), f"pod/{uid}")
        self._housekeeping.came_or_went()
        self._freshness.came_or_went(worker.pod)

    async def _run(self, uid: str, worker: PodWorker) -> None:
        try:
            await worker.run()
        finally:
            if self._workers.get(uid) is worker:
                del self._workers[uid]
                self.room.sources.forget_pod(uid)
                self._freshness.came_or_went(worker.pod)
                self._wake_unresized()
                self._housekeeping.came_or_went()
                if worker.memory.done:
                    self.static.ended(worker.pod)

    def _wake_unresized(self) -> None:
        """There is more room: pods that wait to be resized look again."""
        for worker in self._workers.values():
            if worker.memory.unresized:
                worker.wake()

    def _wake(self, uid: str) -> None:
        if worker := self._workers.get(uid):
            worker.wake()

    def _tell_of(self, pod: Obj, reason: str, message: str) -> None:
        self.room.tell(pod, reason, message, "Warning")

    def _tell_of_manifest(self, reason: str, message: str) -> None:
        self._record_of_node(reason, message, "Warning")

    def _tell_of_node(self, reason: str, message: str, type: str) -> None:
        """Simulated nodes, of which there may be thousands, tell nothing of themselves."""
        if not self._config.simulated:
            self._record_of_node(reason, message, type)

    def _record_of_node(self, reason: str, message: str, type: str) -> None:
        """By upstream's custom, the uid in an Event of a node is its name."""
        name = self._config.name
        node: Obj = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": name}}
        self.room.recorder.tell(node, reason, message, type, component="kubelet", host=name)

    def _certificate_issued(self, uid: str) -> None:
        self._freshness.certificate_issued(uid)

    # From the runtime

    async def _listen(self) -> None:
        async for happened in self._runtime.events():
            self._tasks.spawn(self._look_after(happened), f"look/{happened.id}")

    async def _look_after(self, happened: Happened) -> None:
        try:
            await self.room.inventory.look_after(happened)
        except RuntimeFailure as failure:
            log.warning("runtime did not say what happened", id=happened.id, why=failure.message)

    async def _begin(self, manifests: Files) -> None:
        """What does not wait for the API."""
        await self._take_stock()
        if self._config.manifests:
            self.static.start(ManifestDirectory(self._config.manifests))
        elif manifests:
            self.static.take(manifests)

    async def _take_stock(self) -> None:
        """The first look at the runtime, however long it takes to answer."""
        while True:
            try:
                return await self.room.inventory.relist()
            except RuntimeFailure as failure:
                log.warning("runtime does not answer, trying again", why=failure.message)
                await sleep(1.0)

    async def _relist(self) -> None:
        while True:
            await sleep(self._config.relist_seconds)
            try:
                await self.room.inventory.relist()
            except RuntimeFailure as failure:
                log.warning("relist failed", why=failure.message)
                continue
            if self._listed:
                self._end_orphans()

    def _end_orphans(self) -> None:
        """What the runtime or the machine has of pods that the API does not have is ended and removed."""
        known = {uid_of(pod) for pod in self._pods.list("Pod")}
        left_over = [*self.room.inventory.pods(), *self._machine_in_use.left_overs()]
        for uid in left_over:
            if uid and uid not in known and uid not in self._workers:
                log.info("ending a pod that the API does not have", uid=uid)
                worker = PodWorker(self.room, orphan(uid, self.room.inventory.of(uid)))
                worker.gone()
                self._employ(worker)
