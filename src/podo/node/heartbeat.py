"""A node's signs of life: it registers its Node, renews its Lease, and writes the Node's status when it changes.

Source: the documentation's "Nodes: Heartbeats".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.client.contract import Client, Unreachable
from podo.node import nodeevents
from podo.node.config import NodeConfig
from podo.node.lease import NodeLease
from podo.node.machine import Machine
from podo.node.nodestatus import Status, images_of, is_same, node_of, status_of
from podo.node.runtimes.contract import Image, Runtime, RuntimeFailure, RuntimeInfo
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, sleep, within

log = Logger("podo.node.heartbeat")

RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 10.0
#: The first wait of a node that is not Ready yet; each is twice the one before, up to RETRY_SECONDS.
FIRST_LOOK_SECONDS = 0.03


class Heartbeat:
    """Registers and keeps a Node alive. ``on_pod_cidr`` is told the node's pod network as soon as it has one; ``tell``
    (reason, message, type) records an Event about the node."""

    def __init__(
        self,
        config: NodeConfig,
        client: Client,
        runtime: Runtime,
        machine: Machine,
        clock: Clock,
        on_pod_cidr: Callable[[str], Awaitable[None]],
        tell: Callable[[str, str, str], None],
    ) -> None:
        self._config = config
        self._client = client
        self._runtime = runtime
        self._machine = machine
        self._clock = clock
        self._on_pod_cidr = on_pod_cidr
        self._tell = tell
        self._pod_cidr = ""
        self._node: Obj = {}
        self._lease = NodeLease(config, client, clock)
        self._first: Status = {}
        self._sent: Status = {}
        self._reported_at = 0.0
        self._was_ready = False
        self._first_beat = 0.0
        self._lease_woken, self._status_woken = asyncio.Event(), asyncio.Event()
        self._tasks = Tasks(f"heartbeat/{config.name}")

    @property
    def pod_cidr(self) -> str:
        return self._pod_cidr

    @property
    def node(self) -> Obj:
        """The Node as last seen; before that, as it will be registered."""
        return self._node or node_of(self._config, self._machine.facts().system)

    async def look(self) -> None:
        """Read the Node anew, if the API can be reached."""
        try:
            self._node = await self._client.get("Node", self._config.name)
        except (ApiError, Unreachable, TimeoutError, OSError) as failure:
            log.warning("node not read", node=self._config.name, why=str(failure))

    async def start(self) -> None:
        """Register, waiting for the API as long as it takes; write the first status; then keep on in the background."""
        await self._until_done(self._register, "register")
        self._tell_all([nodeevents.STARTING, *nodeevents.changes_of(self._config.name, {}, self._first)])
        await self._until_done(self._write_status, "first status")
        self._first_beat = self._clock.now()
        self._tasks.spawn(self._keep_lease(self._config.lease_seconds + self._config.ahead_seconds), "lease")
        self._tasks.spawn(self._keep_reporting(), "status")

    async def stop(self) -> None:
        await self._tasks.stop()

    def beat(self) -> None:
        """Look at the status now, and not only when it is time; renew the Lease, if the node has been Ready before."""
        self._status_woken.set()
        if self._was_ready:
            self._lease_woken.set()

    def last_beat(self) -> float:
        """When the Lease was, or would have been, renewed last if nothing were written in advance (seconds)."""
        every = self._config.lease_seconds
        return self._first_beat + (self._clock.now() - self._first_beat) // every * every

    async def _until_done(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        wait = RETRY_SECONDS / 4
        while True:
            try:
                return await work()
            except (ApiError, Unreachable, TimeoutError, OSError) as failure:
                log.warning("will try again", what=what, node=self._config.name, why=str(failure))
                await sleep(wait)
                wait = min(wait * 2, LONGEST_RETRY_SECONDS)

    async def _keep_lease(self, every_seconds: float) -> None:
        while True:
            await self._until_done(lambda: self._lease.renew(self._node), "lease")
            await _pause(self._lease_woken, every_seconds)

    async def _keep_reporting(self) -> None:
        """Often until the node is Ready for the first time (its network is still to come), then at its usual pace."""
        told = self._config.ahead_seconds > 0  # quiet nodes are: thousands of them must not ask again and again
        wait, longest = (LONGEST_RETRY_SECONDS,) * 2 if told else (FIRST_LOOK_SECONDS, RETRY_SECONDS)
        while True:
            await self._until_done(self._keep_status, "status")
            if self._was_ready:
                await _pause(self._status_woken, self._config.status_seconds)
            else:
                await _pause(self._status_woken, wait)
                wait = min(wait * 2, longest)

    # Registration

    async def _register(self) -> None:
        node = node_of(self._config, self._machine.facts().system)
        node["status"] = self._first = await self._status({})
        try:
            self._node = await self._client.create(node)
            self._sent, self._reported_at = node["status"], self._clock.now()
        except ApiError as refusal:
            if refusal.reason != "AlreadyExists":
                raise
            self._node = await self._client.get("Node", self._config.name)
            await self._mend(node)
        await self._note_pod_cidr()

    async def _mend(self, wanted: Obj) -> None:
        """A Node that was here before gets the labels and annotations that are the node's own to set."""
        missing = {}
        for field in ("labels", "annotations"):
            has = self._node["metadata"].get(field) or {}
            if lacks := {key: value for key, value in wanted["metadata"][field].items() if has.get(key) != value}:
                missing[field] = lacks
        if missing:
            patch = {"metadata": missing}
            self._node = await self._client.patch("Node", self._config.name, patch=patch, type="merge")

    async def _note_pod_cidr(self) -> None:
        found = (self._node.get("spec") or {}).get("podCIDR") or ""
        if found and found != self._pod_cidr:
            await self._on_pod_cidr(found)
            self._pod_cidr = found

    def _no_network(self) -> str:
        return "" if self._pod_cidr else "the node has no pod CIDR yet"

    # Status

    async def _info(self) -> RuntimeInfo | None:
        try:
            return await self._runtime.info()
        except RuntimeFailure as failure:
            log.warning("runtime does not answer", node=self._config.name, why=failure.message)
            return None

    async def _keep_status(self) -> None:
        """Look at the Node first: others may have declared it lost, or given it its network."""
        before = self._node
        try:
            self._node = await self._client.get("Node", self._config.name)
        except ApiError as refusal:
            if refusal.reason != "NotFound":
                raise
            await self._register()
        self._tell_all(nodeevents.turns_of(self._config.name, before, self._node))
        await self._note_pod_cidr()
        await self._write_status()

    async def _status(self, old: Status) -> Status:
        now, info = self._clock.now(), await self._info()
        status = status_of(self._config, self._machine, info, old, now, self._no_network())
        if info and not self._config.simulated:
            status["images"] = images_of(await self._images())
        return status

    async def _images(self) -> list[Image]:
        try:
            return await self._runtime.list_images()
        except RuntimeFailure as failure:
            log.warning("images not listed", node=self._config.name, why=failure.message)
            return []

    def _tell_all(self, told: Iterable[nodeevents.Told]) -> None:
        for each in told:
            self._tell(*each)

    async def _write_status(self) -> None:
        """Write it if it changed, or was last written long ago. A Node that somebody deleted is registered again."""
        now = self._clock.now()
        old = self._node.get("status") or {}
        new = await self._status(old)
        # Only conditions are compared with what the API has: it may write quantities in other words (1Ti for
        # 1073741824Ki).
        known = {**self._sent, "conditions": old.get("conditions")}
        if is_same(new, known) and now - self._reported_at < self._config.status_report_seconds:
            return
        try:
            self._node = await self._client.patch(
                "Node", self._config.name, patch={"status": new}, type="strategic", subresource="status"
            )
        except ApiError as refusal:
            if refusal.reason != "NotFound":
                raise
            await self._register()
        self._sent, self._reported_at = new, now
        self._tell_all(nodeevents.changes_of(self._config.name, old, new))
        self._was_ready = self._was_ready or new["conditions"][-1]["status"] == "True"  # Ready is the last of them
        await self._note_pod_cidr()


async def _pause(woken: asyncio.Event, seconds: float) -> None:
    """Let so much time pass, unless woken."""
    try:
        await within(seconds, woken.wait())
    except TimeoutError:
        return
    finally:
        woken.clear()
