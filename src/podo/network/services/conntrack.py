"""Flows that the kernel remembers go on to an endpoint that is gone, until their conntrack entries are removed.

UDP has no end: a flow is led to its endpoint as long as somebody sends. TCP has one, but a connection that began while
its pod went (SYN_SENT, no answer) is remembered for two minutes, and whoever uses the same port again is led to where
nothing answers any more. Connections that were made are left alone: a pod that ends may serve them to their end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from podo.network.services.rules import Element
from podo.runtime.log import Logger
from podo.runtime.tasks import within

log = Logger("podo.network.conntrack")
SECONDS = 5.0
#: Above so many removed endpoints at once the flows are left to their timeouts (30 to 120 s).
MOST = 256
#: Which entries to delete, as conntrack(8) takes it.
Filter = tuple[str, ...]


async def forget(gone: Iterable[Element], new: Iterable[Element]) -> None:
    """Remove the flows of endpoints that are gone; those that only got another number are among the ``new``."""
    for which in filters(gone, new)[:MOST]:
        await _delete(which)


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
    nowhere = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec("conntrack", "-D", *which, stdout=nowhere, stderr=nowhere)
        await within(SECONDS, process.wait())  # exit code 1: there was none
    except (OSError, TimeoutError) as failure:
        log.warning("old flows stay until they time out", which=" ".join(which), why=str(failure))
