"""UDP has no end: a flow that was sent to an endpoint keeps going there until its conntrack entry is removed."""

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


async def forget(removed: Iterable[Element]) -> None:
    """Remove the flows of UDP endpoints that are gone."""
    gone = [element for element in removed if element.map == "ep_udp"]
    for element in gone[:MOST]:
        service_ip = element.key.split(" . ")[0]
        pod_ip = element.value.split(" . ")[0]
        await _delete(service_ip, pod_ip)


async def _delete(service_ip: str, pod_ip: str) -> None:
    command = ["conntrack", "-D", "-p", "udp", "--orig-dst", service_ip, "--reply-src", pod_ip]
    nowhere = asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(*command, stdout=nowhere, stderr=nowhere)
        await within(SECONDS, process.wait())  # exit code 1: there was none
    except (OSError, TimeoutError) as failure:
        log.warning("old UDP flows stay until they time out", service=service_ip, why=str(failure))
