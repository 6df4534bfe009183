"""An HTTP/2 client that says exactly what a test wants, over any pair of reader and writer."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Any

import ngh2

Fields = list[tuple[str, str]]


@dataclass
class Got:
    """What came on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.headers[":status"])


class Client:
    """``takes``: does it give the server window for what it has read?"""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.engine = ngh2.Connection(ngh2.Role.CLIENT, ngh2.Configuration(auto_window_update=False))
        self.takes = True
        self.deaf = False  # reads, but understands nothing: for those who send bytes of their own
        self.streams: dict[int, Got] = {}
        self.goaway: int | None = None
        self.goaways = 0
        self.pongs = 0
        self.closed = False
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def dial(cls, port: int, context: ssl.SSLContext, *, start: bool = True) -> Client:
        context.set_alpn_protocols(["h2"])
        client = cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context))
        if start:
            client.engine.initiate_connection({})
            client.flush()
        client.deaf = not start
        client._task = asyncio.get_running_loop().create_task(client._read())
        return client

    def flush(self) -> None:
        if not self.closed:
            self.writer.write(self.engine.data_to_send())

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    def ask(self, path: str = "/", method: str = "GET", *more: tuple[str, str], body: bytes | None = None) -> int:
        """Send a request; ``body`` at once, or later with ``upload``."""
        fields = [(":method", method), (":scheme", "https"), (":authority", "test"), (":path", path), *more]
        return self.send(fields, ended=body is None, body=body or b"")

    def send(self, fields: Fields, *, ended: bool = True, body: bytes = b"") -> int:
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        stream = self.engine.send_request(encoded, end_stream=ended)
        self.streams[stream] = Got()
        if body:
            self.engine.send_data(stream, body, end_stream=True)
        self.flush()
        return stream

    def upload(self, stream: int, data: bytes, *, end: bool = True) -> None:
        """Send a body as the windows allow."""
        self.engine.send_data(stream, data, end_stream=end)
        self.flush()

    async def wait_for(self, condition: Any, seconds: float = 60.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def answer(self, stream: int, seconds: float = 60.0) -> Got:
        """The whole answer; one that was reset has ``reset``."""
        got = self.streams[stream]
        await self.wait_for(lambda: got.ended or got.reset is not None or self.closed, seconds)
        return got

    async def _read(self) -> None:
        try:
            while data := await self.reader.read(65536):
                if self.deaf:
                    continue
                self.engine.receive_data(data)
                for event in self.engine.events():
                    self._take(event)
                self.flush()
                self._changed.set()
        except (ConnectionError, ngh2.NGH2Error, ssl.SSLError):
            pass
        finally:
            self.closed = True
            self._changed.set()

    def _take(self, event: Any) -> None:
        got = self.streams.get(getattr(event, "stream_id", 0), Got())
        if isinstance(event, ngh2.ResponseReceived):
            got.headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
            got.ended = event.end_stream
        elif isinstance(event, ngh2.DataReceived):
            got.body += event.data
            got.ended = got.ended or event.end_stream
            if self.takes:
                self.engine.acknowledge_received_data(len(event.data), event.stream_id)
        elif isinstance(event, ngh2.StreamReset | ngh2.StreamClosed):
            if event.error_code or isinstance(event, ngh2.StreamReset):
                got.reset = event.error_code
        elif isinstance(event, ngh2.GoAwayReceived):
            self.goaway = event.error_code
            self.goaways += 1
        elif isinstance(event, ngh2.PingAcknowledged):
            self.pongs += 1

    async def close(self) -> None:
        self.writer.close()
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
