"""What the runtime has, by pod, kept up to date by its events, by the agent's own doings, and by a relist every few
seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from podo.node import labels
from podo.node.lastwords import FROM_LOGS
from podo.node.observed import Seen
from podo.node.runtimes.contract import Container, Happened, Runtime, RuntimeFailure, Sandbox
from podo.runtime.tasks import sleep

_NOTHING = Seen()
#: How long to wait between looks at a container whose exit was told; after that, the relist will find it.
RUNTIME_LAGS_SECONDS = (0.002, 0.004, 0.008, 0.016, *(0.03,) * 10, *(0.1,) * 10, 0.5)
#: Reasons of an exit, as CRI has them.
COMPLETED, ERROR, OOM_KILLED = "Completed", "Error", "OOMKilled"


class Inventory:
    """``on_change`` is told the uid of a pod whose sandboxes or containers changed. ``last_words`` reads a
    termination message.
    """

    def __init__(
        self, runtime: Runtime, on_change: Callable[[str], None], last_words: Callable[[Container], str]
    ) -> None:
        self._runtime = runtime
        self._last_words = last_words
        self._on_change = on_change
        self._sandboxes: dict[str, Sandbox] = {}
        self._containers: dict[str, Container] = {}
        self._by_pod: dict[str, tuple[set[str], set[str]]] = {}  # uid -> sandbox ids, container ids
        self._seen: dict[str, Seen] = {}
        self._relisting = asyncio.Lock()
        self._touched: set[str] = set()  # ids changed while a relist is under way: newer than what it brings
        self._oom: set[str] = set()  # running containers that ran out of memory
        self._unsettled: set[str] = set()  # ended, says an event; the runtime has not taken note yet

    def of(self, uid: str) -> Seen:
        """What there is of one pod."""
        seen = self._seen.get(uid)
        if seen is None:
            ids = self._by_pod.get(uid)
            if ids is None:
                return _NOTHING
            seen = Seen.of((self._sandboxes[i] for i in ids[0]), (self._containers[i] for i in ids[1]))
            self._seen[uid] = seen
        return seen

    def pods(self) -> list[str]:
        """The uids of all pods that the runtime has something of."""
        return list(self._by_pod)

    def container(self, container_id: str) -> Container | None:
        return self._containers.get(container_id)

    def containers(self) -> list[Container]:
        return list(self._containers.values())

    # One thing

    async def look_at_sandbox(self, sandbox_id: str) -> None:
        try:
            self._put_sandbox(await self._runtime.sandbox_status(sandbox_id))
        except RuntimeFailure as failure:
            if failure.kind != "not_found":
                raise
            self.forget_sandbox(sandbox_id)

    async def look_at_container(self, container_id: str) -> None:
        try:
            self._put_container(await self._runtime.container_status(container_id))
        except RuntimeFailure as failure:
            if failure.kind != "not_found":
                raise
            self.forget_container(container_id)

    async def look_after(self, happened: Happened) -> None:
        """Something happened to an id that may be either, or new."""
        if happened.kind == "resync":
            await self.relist()
        elif happened.id in self._containers:
            if happened.kind == "exited":
                await self._note_exit(happened)
            else:
                if happened.kind == "oom":
                    self._oom.add(happened.id)
                await self.look_at_container(happened.id)
        elif happened.id in self._sandboxes:
            await self.look_at_sandbox(happened.id)

    async def _note_exit(self, happened: Happened) -> None:
        """The runtime tells an exit a while before its own answers have it: until its clean-up after it is done."""
        self._unsettled.add(happened.id)
        try:
            container = self._containers[happened.id]
            if ended := self._ended(container, happened):
                self._put_container(ended)
            await self._look_until_settled(happened.id)
        finally:
            self._unsettled.discard(happened.id)

    def _ended(self, container: Container, happened: Happened) -> Container | None:
        """The container as the event says it ended; None where only the runtime can tell."""
        code = happened.exit_code
        if code is None or container.state != "running":
            return None
        if code and container.annotations.get(labels.TERMINATION_POLICY) == FROM_LOGS:
            return None  # its log may still be on its way
        reason = OOM_KILLED if happened.id in self._oom else ERROR if code else COMPLETED
        return replace(container, state="exited", exit_code=code, reason=reason, finished_at=happened.finished_at)

    async def _look_until_settled(self, container_id: str) -> None:
        for wait in (*RUNTIME_LAGS_SECONDS, None):
            try:
                container = await self._runtime.container_status(container_id)
            except RuntimeFailure as failure:
                if failure.kind != "not_found":
                    raise
                self.forget_container(container_id)
                return
            if container_id not in self._containers:
                return  # removed meanwhile
            if container.state == "exited":
                self._put_container(container)
                return
            if wait is not None:
                await sleep(wait)

    async def settled(self, container_id: str) -> None:
        """Return when the runtime is done with a container that has ended, its log included; in a few seconds for
        sure.
        """
        for wait in RUNTIME_LAGS_SECONDS:
            if container_id not in self._unsettled:
                return
            await sleep(wait)

    def is_settled(self, container_id: str) -> bool:
        return container_id not in self._unsettled

    def forget_sandbox(self, sandbox_id: str) -> None:
        """A sandbox is gone, and the containers in it."""
        self._touched.add(sandbox_id)
        for container in [c for c in self._containers.values() if c.sandbox_id == sandbox_id]:
            self.forget_container(container.id)
        if sandbox := self._sandboxes.pop(sandbox_id, None):
            self._changed(sandbox.pod_uid, 0, sandbox_id, gone=True)

    def forget_container(self, container_id: str) -> None:
        self._touched.add(container_id)
        self._oom.discard(container_id)
        if container := self._containers.pop(container_id, None):
            self._changed(self._pod_of(container), 1, container_id, gone=True)

    # All

    async def relist(self) -> None:
        """Compare all there is with what is known, and look at what differs."""
        async with self._relisting:
            await self._relist()

    async def _relist(self) -> None:
        self._touched.clear()
        sandboxes = {sandbox.id: sandbox for sandbox in await self._runtime.list_sandboxes()}
        containers = {container.id: container for container in await self._runtime.list_containers()}
        for sandbox_id in self._sandboxes.keys() - sandboxes.keys() - self._touched:
            self.forget_sandbox(sandbox_id)
        for container_id in self._containers.keys() - containers.keys() - self._touched:
            self.forget_container(container_id)
        for sandbox in sandboxes.values():
            known = self._sandboxes.get(sandbox.id)
            if sandbox.id not in self._touched and (known is None or known.ready != sandbox.ready):
                await self.look_at_sandbox(sandbox.id)
        for container in containers.values():
            had = self._containers.get(container.id)
            if container.id not in self._touched and (had is None or had.state != container.state):
                await self.look_at_container(container.id)

    def _pod_of(self, container: Container) -> str:
        uid = container.labels.get(labels.POD_UID)
        if uid is None:
            sandbox = self._sandboxes.get(container.sandbox_id)
            uid = sandbox.pod_uid if sandbox else ""
        return uid

    def _put_sandbox(self, sandbox: Sandbox) -> None:
        self._touched.add(sandbox.id)
        if self._sandboxes.get(sandbox.id) != sandbox:
            self._sandboxes[sandbox.id] = sandbox
            self._changed(sandbox.pod_uid, 0, sandbox.id)

    def _put_container(self, container: Container) -> None:
        self._touched.add(container.id)
        known = self._containers.get(container.id)
        if known is not None and known.state == "exited" and not _tells_more(container, known):
            return  # final; another answer is older than the exit
        if container.state == "exited" and (words := self._last_words(container)):
            container = replace(container, message=words)
        if known != container:
            self._containers[container.id] = container
            self._changed(self._pod_of(container), 1, container.id)

    def _changed(self, uid: str, which: int, changed_id: str, gone: bool = False) -> None:
        ids = self._by_pod.setdefault(uid, (set(), set()))
        if gone:
            ids[which].discard(changed_id)
            if not ids[0] and not ids[1]:
                del self._by_pod[uid]
        else:
            ids[which].add(changed_id)
        self._seen.pop(uid, None)
        self._on_change(uid)


def _tells_more(container: Container, known: Container) -> bool:
    """The kernel's word that memory ran out may come after the exit."""
    return container.state == "exited" and container.reason == OOM_KILLED and known.reason == ERROR
