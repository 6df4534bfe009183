"""A WebSocket that only sends: the handshake, messages as they come or as a producer writes them, and the end
(RFC 6455).

What the client sends is looked at just enough to see it close, and to answer its pings.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence

from podo.http.message import Disconnected, Request, Tunnel, Writer
from podo.http.outbox import Outbox, Split
from podo.runtime.tasks import Tasks

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_NORMAL_END = (1000).to_bytes(2, "big")
#: Longest payload of a control frame (RFC 6455, 5.5).
_CONTROL = 125
#: For the client's close frame after ours.
_GOODBYE_SECONDS = 1.0
#: The "subprotocol" in which browsers carry a bearer token: credentials, and nothing that is spoken.
TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io."


class NoAgreement(Exception):
    """The client offers subprotocols, none of which is spoken here, or asks for no WebSocket of this version."""


def is_wanted(request: Request) -> bool:
    """Does the request ask for a WebSocket?"""
    wanted = [part.strip() for part in request.headers.get("connection", "").lower().split(",")]
    return request.headers.get("upgrade", "").lower() == "websocket" and "upgrade" in wanted


def offered(request: Request) -> list[str]:
    """The subprotocols that the client offers, without its credentials."""
    parts = [part.strip() for part in request.headers.get("sec-websocket-protocol", "").split(",")]
    return [part for part in parts if part and not part.startswith(TOKEN_PROTOCOL)]


def agreed(request: Request, spoken: Sequence[str]) -> str:
    """The first subprotocol that the client offers and that is spoken; "" where it offers none. Raises NoAgreement."""
    if request.headers.get("sec-websocket-version") != "13" or not request.headers.get("sec-websocket-key"):
        raise NoAgreement("not a WebSocket of version 13 with a key")
    protocols = offered(request)
    found = next((protocol for protocol in protocols if protocol in spoken), "")
    if protocols and not found:
        raise NoAgreement(f"none of the WebSocket subprotocols is supported: {', '.join(protocols)}")
    return found


async def send(
    tunnel: Tunnel, request: Request, protocol: str, messages: AsyncIterable[bytes], *, text: bool = False
) -> None:
    """Answer 101 and send each message, as text or binary, until there are no more or the client closes."""
    tasks = Tasks("websocket")
    kind = _TEXT if text else _BINARY
    try:
        await tunnel.write(_head(request, protocol))
        listening = tasks.spawn(_listen(tunnel), "listening")
        sending = tasks.spawn(_send(tunnel, kind, messages), "sending")
        await asyncio.wait((listening, sending), return_when=asyncio.FIRST_COMPLETED)
        await tunnel.write(_frame(_CLOSE, _NORMAL_END))
        await asyncio.wait((listening,), timeout=_GOODBYE_SECONDS)
    except Disconnected:
        pass
    finally:
        await tasks.stop(1.0)
        tunnel.close()


async def serve(
    tunnel: Tunnel,
    request: Request,
    protocol: str,
    produce: Callable[[Writer], Awaitable[None]],
    split: Split,
    *,
    text: bool = False,
) -> None:
    """``send`` what ``produce`` writes, as it would write the body of a stream."""
    outbox = Outbox(split)
    tasks = Tasks("websocket messages")

    async def producing() -> None:
        try:
            await produce(outbox)
        finally:
            outbox.end()

    try:
        tasks.spawn(producing(), "producing")
        await send(tunnel, request, protocol, outbox.messages(), text=text)
    finally:
        outbox.lose()
        await tasks.stop(1.0)


def _head(request: Request, protocol: str) -> bytes:
    key = request.headers["sec-websocket-key"].encode("latin-1")
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
    ]
    if protocol:
        lines.append(b"Sec-WebSocket-Protocol: " + protocol.encode("latin-1"))
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _frame(kind: int, payload: bytes) -> bytes:
    size = len(payload)
    if size <= _CONTROL:
        return bytes((0x80 | kind, size)) + payload
    if size < 1 << 16:
        return bytes((0x80 | kind, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | kind, 127)) + size.to_bytes(8, "big") + payload


async def _send(tunnel: Tunnel, kind: int, messages: AsyncIterable[bytes]) -> None:
    try:
        async for message in messages:
            await tunnel.write(_frame(kind, message))
    except Disconnected:
        return


async def _listen(tunnel: Tunnel) -> None:
    """Until the client closes, goes away, or sends what no client may."""
    received = _Received()
    try:
        while data := await tunnel.read():
            for kind, payload in received.feed(data):
                if kind == _CLOSE:
                    return
                if kind == _PING:
                    await tunnel.write(_frame(_PONG, payload))
    except (Disconnected, ValueError):
        return


class _Received:
    """The control frames in what a client sends; of its messages nothing is kept."""

    def __init__(self) -> None:
        self._data = b""
        self._skip = 0  # bytes of a message that are still to come

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Kind and payload of each control frame that is complete. Raises ValueError."""
        self._data += data
        found = []
        while (frame := self._next()) is not None:
            if frame[0] >= _CLOSE:
                found.append(frame)
        return found

    def _next(self) -> tuple[int, bytes] | None:
        dropped = min(self._skip, len(self._data))
        self._data, self._skip = self._data[dropped:], self._skip - dropped
        if self._skip or len(self._data) < 2:
            return None
        kind, size, start = self._data[0] & 0x0F, self._data[1] & 0x7F, 2
        if not self._data[1] & 0x80:
            raise ValueError("a client masks what it sends")
        if size > _CONTROL:
            start = 4 if size == 126 else 10
            if len(self._data) < start:
                return None
            size = int.from_bytes(self._data[2:start], "big")
        if kind < _CLOSE:
            self._data, self._skip = self._data[start:], 4 + size
            return kind, b""
        if size > _CONTROL:
            raise ValueError("a control frame is short")
        end = start + 4 + size
        if len(self._data) < end:
            return None
        mask, payload = self._data[start : start + 4], self._data[start + 4 : end]
        self._data = self._data[end:]
        return kind, bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
