"""A client's connection of HTTP/2 for watches: many streams, their answers only counted, windows that never close (Go's
clients give 4 MiB a stream and 1 GiB a connection)."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

import ngh2

from bench.figure import Void
from bench.wire import Sink

STREAM_WINDOW, CONNECTION_WINDOW = 4 << 20, 1 << 30
#: Streams before the server has said how many it allows.
STREAMS = 250


class Streams(asyncio.Protocol):
    """``sink`` is given the pieces of all bodies as they come."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._engine = ngh2.Connection(ngh2.Role.CLIENT, ngh2.Configuration(peer_max_concurrent_streams=STREAMS))
        self._engine.initiate_connection({ngh2.Setting.INITIAL_WINDOW_SIZE: STREAM_WINDOW})
        self._engine.set_local_window_size(CONNECTION_WINDOW)
        self._begun: dict[int, asyncio.Future[int]] = {}
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is not registered as one
        self._send()

    def data_received(self, data: bytes) -> None:
        self._engine.receive_data(data)
        for event in self._engine.events():
            if isinstance(event, ngh2.DataReceived):
                self.sink(event.data)
            elif isinstance(event, ngh2.ResponseReceived):
                self._begun.pop(event.stream_id).set_result(int(dict(event.headers)[b":status"]))
        self._send()

    def connection_lost(self, why: Exception | None) -> None:
        for begun in self._begun.values():
            begun.set_exception(Void(f"the connection broke: {why}"))

    def _send(self) -> None:
        while data := self._engine.data_to_send(1 << 18):
            self._transport.write(data)

    def ask(self, path: str) -> asyncio.Future[int]:
        """GET; the status, when the answer begins."""
        fields = ((":method", "GET"), (":scheme", "https"), (":authority", "127.0.0.1"), (":path", path))
        asked = [*fields, ("accept", "application/json")]
        number = self._engine.send_request([(name.encode(), value.encode()) for name, value in asked], end_stream=True)
        begun = self._begun[number] = asyncio.get_running_loop().create_future()
        self._send()
        return begun

    def close(self) -> None:
        self._transport.close()


async def connect_h2(port: int, tls: ssl.SSLContext, sink: Sink) -> Streams:
    """``tls`` is told to speak HTTP/2 from then on."""
    tls.set_alpn_protocols(["h2"])
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(
        lambda: Streams(sink), "127.0.0.1", port, ssl=tls, server_hostname="127.0.0.1"
    )
    return protocol
