"""Flows that the kernel remembers go on to an endpoint that is gone, until their conntrack entries are removed.

UDP has no end: a flow is led to its endpoint as long as somebody sends. TCP has one, but a connection that began while
its pod went (SYN_SENT, no answer) is remembered for two minutes, and whoever uses the same port again is led to where
nothing answers any more. Connections that were made are left alone: a pod that ends may serve them to their end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from podo.network.services.rules import Element
from podo.runtime.log import Logger
from podo.runtime.programs import run_program
from podo.runtime.tasks import Tasks

log = Logger("podo.network.conntrack")
SECONDS = 5.0
#: Above so many removals that wait the flows are left to their timeouts (30 to 120 s).
MOST = 256
#: Which entries to delete, as conntrack(8) takes it.
Filter = tuple[str, ...]


class Forgetting:
    """Removes flows beside whoever changes the rules, one look after the other in the order of the changes."""

    def __init__(self, delete: Callable[[Filter], Awaitable[None]] | None = None) -> None:
        self._delete = delete or _delete
        self._waiting: dict[Filter, None] = {}  # in order, each once
        self._woken = asyncio.Event()
        self._tasks = Tasks("conntrack")

    def start(self) -> None:
        self._tasks.spawn(self._run(), "forget")

    async def stop(self) -> None:
        """What still waits is left to its timeouts."""
        await self._tasks.stop()

    def forget(self, gone: Iterable[Element], new: Iterable[Element]) -> None:
        """Of endpoints that are gone; those that only got another number are among the ``new``."""
        for which in filters(gone, new):
            if len(self._waiting) >= MOST:
                log.warning("old flows stay until they time out", why=f"{MOST} removals wait already")
                return
            self._waiting[which] = None
            self._woken.set()

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._waiting:
                which = next(iter(self._waiting))
                del self._waiting[which]  # one that goes again meanwhile is removed again
                await self._delete(which)


def filters(gone: Iterable[Element], new: Iterable[Element]) -> list[Filter]:
    """What to delete (pure)."""
    left = _endpoints(gone) - _endpoints(new)
    return sorted({_filter(*endpoint) for endpoint in left})


def _endpoints(elements: Iterable[Element]) -> set[tuple[str, str, str]]:
    """(map, address and port of the Service or port of the node, address of the pod)."""
    return {
        (element.map, element.key.rpartition(" . ")[0], element.value.partition(" . ")[0])
        for element in elements
        if element.map in ("ep_udp", "ep_tcp", "np_tcp")
    }


def _filter(which: str, where: str, pod: str) -> Filter:
    if which == "ep_udp":
        return ("-p", "udp", "--orig-dst", where.partition(" . ")[0], "--reply-src", pod)
    return ("-p", "tcp", "--state", "SYN_SENT", "--reply-src", pod)


async def _delete(which: Filter) -> None:
    try:
        await run_program(SECONDS, "conntrack", "-D", *which, heard=False)  # exit code 1: there was none
    except (OSError, TimeoutError) as failure:
        log.warning("old flows stay until they time out", which=" ".join(which), why=str(failure))
