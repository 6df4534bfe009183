"""Questions about names outside the cluster go to the machine's own resolvers, as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from podo.runtime.tasks import within

#: Seconds to wait for one resolver before the next is asked.
PATIENCE = 2.0
#: Questions under way at once; more are refused at once.
MOST = 1000


class NoAnswer(Exception):
    """No resolver answered."""


def system_resolvers(path: Path = Path("/etc/resolv.conf")) -> list[str]:
    """The machine's nameservers, in order."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines]
    return [word[1] for word in words if len(word) > 1 and word[0] == "nameserver"]


class Forwarder:
    def __init__(self, resolvers: Sequence[str]) -> None:
        self._resolvers = list(resolvers)
        self._places = asyncio.Semaphore(MOST)

    async def ask(self, query: bytes, *, over_tcp: bool) -> bytes:
        """The first resolver's answer. Raises NoAnswer."""
        if self._places.locked():
            raise NoAnswer("too many questions under way")
        async with self._places:
            for resolver in self._resolvers:
                try:
                    return await within(
                        PATIENCE, _over_tcp(resolver, query) if over_tcp else _over_udp(resolver, query)
                    )
                except (OSError, TimeoutError, EOFError):
                    continue
        raise NoAnswer(f"none of {len(self._resolvers)} resolvers answered")


class _Waiting(asyncio.DatagramProtocol):
    def __init__(self, query: bytes, answered: asyncio.Future[bytes]) -> None:
        self._query, self._answered = query, answered

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        transport.sendto(self._query)

    def datagram_received(self, data: bytes, address: object) -> None:
        if data[:2] == self._query[:2] and not self._answered.done():
            self._answered.set_result(data)

    def error_received(self, failure: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(failure)


async def _over_udp(resolver: str, query: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bytes] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Waiting(query, answered), remote_addr=(resolver, 53))
    try:
        return await answered
    finally:
        transport.close()


async def _over_tcp(resolver: str, query: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(resolver, 53)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    finally:
        writer.close()
