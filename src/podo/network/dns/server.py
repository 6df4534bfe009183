"""The DNS server of a node: UDP and TCP on one port; the zone follows Services and EndpointSlices."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from podo.client.cache import Cache, CacheChange
from podo.network.dns.answers import SERVFAIL, UDP_MOST, UDP_PLAIN, Answers, BadQuery, failure, read_question
from podo.network.dns.clients import Clients
from podo.network.dns.forward import Forwarder, NoAnswer
from podo.network.dns.zone import records_of
from podo.network.slices import ServiceName, SlicesByService
from podo.runtime.log import Logger
from podo.runtime.tasks import Tasks, within

log = Logger("podo.network.dns")

#: Seconds a TCP client may be silent; TCP clients at once.
TCP_IDLE, TCP_MOST = 10.0, 200
KINDS = ("Service", "EndpointSlice")
PORT_TRIES = 20


class DnsServer:
    """``clients``: who gets answers; others get none, not even a refusal."""

    def __init__(self, cache: Cache, domain: str, address: str, forwarder: Forwarder, clients: Clients) -> None:
        self._clients = clients
        self._cache = cache
        self._address = address
        self._forwarder = forwarder
        self._slices = SlicesByService()
        self._tasks = Tasks("dns")
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._tcp_clients = 0
        self._unsubscribe = lambda: None
        self.answers = Answers(domain)
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen on ``port``, or on any that is free for both UDP and TCP; the cache must be synced."""
        self._clients.start()
        self._unsubscribe = self._cache.subscribe(self._note)
        loop = asyncio.get_running_loop()
        for attempt in range(PORT_TRIES):
            endpoint = loop.create_datagram_endpoint(lambda: _Udp(self), local_addr=(self._address, port))
            self._udp, _ = await endpoint
            self.port = self._udp.get_extra_info("sockname")[1]
            try:
                self._tcp = await asyncio.start_server(self._serve_tcp, self._address, self.port)
                return
            except OSError:
                self._udp.close()
                if port or attempt == PORT_TRIES - 1:
                    raise

    async def stop(self) -> None:
        self._unsubscribe()
        if self._udp:
            self._udp.close()
        if self._tcp:
            self._tcp.close()
        await self._tasks.stop()

    # The zone

    def _note(self, kind: str, revision: int, changes: Sequence[CacheChange]) -> None:
        touched: set[ServiceName] = set()
        for change in changes:
            if kind == "Service":
                touched.add(ServiceName(change.place.namespace, change.place.name))
            elif kind == "EndpointSlice":
                touched |= self._slices.note(change)
        for owner in touched:
            self._renew(owner)

    def _renew(self, owner: ServiceName) -> None:
        service = self._cache.get("Service", owner.name, owner.namespace)
        try:
            records = records_of(service, self._slices.of(owner), self.answers.domain) if service else []
            self.answers.put(owner, records)
        except (ValueError, KeyError) as problem:  # one odd Service must not take the others' names away
            log.warning("a Service has no names", service="/".join(owner), why=str(problem))

    # Questions

    def datagram(self, query: bytes, client: tuple[str, int]) -> None:
        if not self._clients.may_ask(client[0]):
            return
        try:
            question = read_question(query)
        except (BadQuery, IndexError):
            return
        if self.answers.owns(question.name):
            most = min(question.edns_size, UDP_MOST) or UDP_PLAIN
            self._send(self.answers.answer(question, most=most), client)
        else:
            self._tasks.spawn(self._forward_datagram(query, client), "forward")

    async def _forward_datagram(self, query: bytes, client: tuple[str, int]) -> None:
        self._send(await self._forwarded(query, over_tcp=False), client)

    def _send(self, answer: bytes, client: tuple[str, int]) -> None:
        if self._udp and not self._udp.is_closing():
            self._udp.sendto(answer, client)

    async def _forwarded(self, query: bytes, *, over_tcp: bool) -> bytes:
        try:
            return await self._forwarder.ask(query, over_tcp=over_tcp)
        except NoAnswer:
            return failure(read_question(query), SERVFAIL)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._clients.may_ask(writer.get_extra_info("peername")[0]):
            writer.close()
            return
        self._tcp_clients += 1
        try:
            while self._tcp_clients <= TCP_MOST:
                length = int.from_bytes(await within(TCP_IDLE, reader.readexactly(2)), "big")
                query = await within(TCP_IDLE, reader.readexactly(length))
                question = read_question(query)
                if self.answers.owns(question.name):
                    answer = self.answers.answer(question, most=65535)
                else:
                    answer = await self._forwarded(query, over_tcp=True)
                writer.write(len(answer).to_bytes(2, "big") + answer)
                await within(TCP_IDLE, writer.drain())
        except (EOFError, OSError, TimeoutError, BadQuery, IndexError):
            pass  # the client went, was silent, or talks nonsense: its connection ends
        finally:
            self._tcp_clients -= 1
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self._server.datagram(data, address)
