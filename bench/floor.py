"""The floor that requests stand on: the least server with the same protocol, TLS, parser, JSON and durability.

``python -m bench.floor CERTIFICATE KEY CA DIRECTORY`` prints its port. It answers
GET /object (bytes made before), POST /object (parse, stamp, encode, one durable SQLite row, group commit),
GET /watch (a stream) and POST /event (its body to every stream as one chunk). Over HTTP/2 it has only watches.
"""

from __future__ import annotations

import asyncio
import queue
import ssl
import sys
import threading
from pathlib import Path
from typing import Any, cast

import apsw
import httptools
import ngh2
import orjson
import uvloop

HEAD = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
OBJECT = b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"floor"},"spec":{"pad":"' + b"x" * 1400 + b'"}}'

#: Of one connection of HTTP/2, and bytes given to the transport at once.
STREAMS, WRITE = 250, 1 << 18

SCHEMA = (
    "pragma journal_mode=wal",
    "pragma synchronous=full",
    "create table log(revision integer primary key, value)",
)


class Writer:
    """Rows into SQLite on a thread of its own: all that wait in one transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, value: bytes) -> asyncio.Future[None]:
        written = self._loop.create_future()
        self._queue.put((value, written))
        return written

    def _run(self) -> None:
        base = apsw.Connection(str(self._path))
        for statement in SCHEMA:
            list(base.execute(statement))
        while True:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get())
            with base:
                base.executemany("insert into log(value) values(?)", [(value,) for value, _ in batch])
            self._loop.call_soon_threadsafe(self._done, [written for _, written in batch])

    @staticmethod
    def _done(batch: list[asyncio.Future[None]]) -> None:
        for written in batch:
            written.set_result(None)


class Connection(asyncio.Protocol):
    watchers: set[asyncio.Transport] = set()
    writer: Writer

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._url = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is not registered as one

    def connection_lost(self, why: Exception | None) -> None:
        self.watchers.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url = url

    def on_body(self, piece: bytes) -> None:
        self._body.append(piece)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        self._body.clear()
        if self._parser.get_method() == b"GET":
            self._get()
        elif self._url == b"/event":
            chunk = b"%x\r\n%b\r\n" % (len(body), body)
            for watcher in self.watchers:
                watcher.write(chunk)
            for shared in Shared.all:
                shared.send(body)
            self._answer(200, b"{}")
        else:
            self._post(body)

    def _get(self) -> None:
        if self._url == b"/watch":
            self.watchers.add(self._transport)
            self._transport.write(STREAM)
        else:
            self._answer(200, OBJECT)

    def _post(self, body: bytes) -> None:
        document = orjson.loads(body)
        document["metadata"]["uid"] = "00000000-0000-0000-0000-000000000000"
        document["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
        value = orjson.dumps(document)
        self.writer.put(value).add_done_callback(lambda _: self._answer(201, value))

    def _answer(self, status: int, body: bytes) -> None:
        self._transport.write(HEAD % (status, len(body)) + body)


class Shared(asyncio.Protocol):
    """A connection of HTTP/2: whatever is asked for is a watch."""

    all: set[Shared] = set()

    def __init__(self) -> None:
        self._engine = ngh2.Connection(ngh2.Role.SERVER)
        self._engine.initiate_connection({ngh2.Setting.MAX_CONCURRENT_STREAMS: STREAMS})
        self._streams: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.all.add(self)
        self._flush()

    def connection_lost(self, why: Exception | None) -> None:
        self.all.discard(self)

    def data_received(self, data: bytes) -> None:
        self._engine.receive_data(data)
        for event in self._engine.events():
            if isinstance(event, ngh2.RequestReceived):
                self._streams.append(event.stream_id)
                self._engine.send_response(event.stream_id, ((b":status", b"200"),))
        self._flush()

    def send(self, body: bytes) -> None:
        for stream in self._streams:
            self._engine.send_data(stream, body)
        self._flush()

    def _flush(self) -> None:
        while data := self._engine.data_to_send(WRITE):
            self._transport.write(data)


class Either(asyncio.Protocol):
    """Becomes what TLS has agreed on."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        agreed = transport.get_extra_info("ssl_object").selected_alpn_protocol()
        protocol = Shared() if agreed == "h2" else Connection()
        cast(asyncio.Transport, transport).set_protocol(protocol)
        protocol.connection_made(transport)


async def _serve(certificate: str, key: str, ca: str, directory: str) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    tls.load_cert_chain(certificate, key)
    tls.verify_mode = ssl.CERT_OPTIONAL
    tls.set_alpn_protocols(["h2", "http/1.1"])
    Connection.writer = Writer(Path(directory) / "floor.db")
    server = await asyncio.get_running_loop().create_server(Either, "127.0.0.1", 0, ssl=tls, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(*sys.argv[1:]))
