"""A client of one HTTP/1.1 server: kept connections, whole answers and streamed ones, a deadline on each.

``HttpPool.request`` gives a whole answer, ``HttpPool.stream`` one that is read as it comes. A server that does not
answer is ``NoAnswer``, whatever the cause.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping

from podo.http.client_connection import Connection, Incoming
from podo.http.exchange import Answer, NoAnswer
from podo.http.head import header_line

__all__ = ["Answer", "HttpPool", "NoAnswer", "Stream"]

#: Kept less long than servers keep them, so that a request seldom meets a connection that is being closed.
IDLE_SECONDS = 90.0
CONNECT_SECONDS = 10.0
#: Whole exchanges at a time; more wait for their turn. Streams have connections of their own.
CONNECTIONS = 64
#: Methods that may be sent again when a kept connection turns out to be dead.
_REPEATABLE = frozenset({"GET", "HEAD"})


class Stream:
    """An answer read as it comes: ``status``, ``headers``, ``async for piece in stream``. Close it when done."""

    def __init__(self, connection: Connection, incoming: Incoming) -> None:
        self.status = incoming.status
        self.headers: Mapping[str, str] = incoming.headers
        self._connection = connection
        self._incoming = incoming

    async def read(self, limit: int) -> bytes:
        """The rest of the body."""
        return await self._incoming.read(limit)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._incoming.next():
            yield piece

    def close(self) -> None:
        self._connection.close()


def authority_of(host: str, port: int) -> str:
    """``host:port`` as URLs and Host headers have it, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class HttpPool:
    """The connections to one server: TCP with or without TLS, or a Unix socket (``unix_path``).

    ``server_name``: whom its certificate must name; ``authority``: what the Host header says, where it is not the
    address.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
        unix_path: str = "",
        authority: str = "",
    ) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._server_name = server_name or host
        self._unix_path = unix_path
        self._host_header = authority or authority_of(host, port)
        self._closed = False
        self._idle: deque[Connection] = deque()
        self._turns = asyncio.Semaphore(CONNECTIONS)
        self._streams: set[Connection] = set()

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        seconds: float = 30.0,
        limit: int = 1 << 30,
        repeatable: bool = False,
    ) -> Answer:
        """The whole answer, within ``seconds``; NoAnswer otherwise.

        ``repeatable``: it may be sent again, as a GET is, when a kept connection turns out to be dead.
        """
        data = self._request(method, target, headers, body)
        try:
            async with asyncio.timeout(seconds), self._turns:
                return await self._exchange(data, limit, repeatable or method in _REPEATABLE)
        except TimeoutError:
            raise NoAnswer(f"{self._host_header} did not answer within {seconds:g} s") from None

    async def _exchange(self, data: bytes, limit: int, repeatable: bool) -> Answer:
        connection = self._kept()
        if connection:
            try:
                return await self._on(connection, data, limit)
            except NoAnswer:
                if not repeatable:
                    raise
        return await self._on(await self._connect(), data, limit)

    async def _on(self, connection: Connection, data: bytes, limit: int) -> Answer:
        done = False
        try:
            incoming = connection.send(data)
            await incoming.head()
            answer = Answer(incoming.status, incoming.headers, await incoming.read(limit))
            done = True
        finally:
            if done and not connection.spoiled and not self._closed:
                connection.idle_since = asyncio.get_running_loop().time()
                self._idle.append(connection)
            elif not connection.lost:
                connection.close()
        return answer

    async def stream(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        head_seconds: float = 30.0,
    ) -> Stream:
        """An answer whose body is read by the caller, on a connection of its own; its head within ``head_seconds``."""
        data = self._request(method, target, headers, body)
        connection = None
        try:
            async with asyncio.timeout(head_seconds):
                connection = await self._connect()
                incoming = connection.send(data)
                await incoming.head()
        except TimeoutError:
            if connection:
                connection.close()
            raise NoAnswer(f"{self._host_header} did not answer within {head_seconds:g} s") from None
        except BaseException:
            if connection:
                connection.close()
            raise
        self._streams = {open_one for open_one in self._streams if not open_one.lost} | {connection}
        return Stream(connection, incoming)

    def _kept(self) -> Connection | None:
        """A connection that is open still, the last used first; old ones are closed."""
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        while self._idle and self._idle[0].idle_since < oldest:
            self._idle.popleft().close()
        while self._idle:
            connection = self._idle.pop()
            if not connection.spoiled:
                return connection
        return None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        name = self._server_name if self._tls else None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if self._unix_path:
                    made = await loop.create_unix_connection(Connection, self._unix_path)
                else:
                    made = await loop.create_connection(
                        Connection, self._host, self._port, ssl=self._tls, server_hostname=name
                    )
        except TimeoutError:
            raise NoAnswer(f"connect to {self._host_header}: no answer within {CONNECT_SECONDS:g} s") from None
        except OSError as failure:  # ssl.SSLError is one
            raise NoAnswer(f"connect to {self._host_header}: {failure}") from failure
        return made[1]

    def _request(self, method: str, target: str, headers: Mapping[str, str] | None, body: bytes) -> bytes:
        if any(c <= " " or c > "~" for c in target):
            raise ValueError(f"not a request target: {target!r}")
        head = f"{method} {target} HTTP/1.1\r\nHost: {self._host_header}\r\n"
        head += "".join([header_line(name, value) for name, value in (headers or {}).items()])
        if body or method in ("POST", "PUT", "PATCH"):
            head += f"Content-Length: {len(body)}\r\n"
        return head.encode("latin-1") + b"\r\n" + body

    def close(self) -> None:
        """Close what is idle and every stream; what is under way closes when it is done."""
        self._closed = True
        for connection in (*self._idle, *self._streams):
            connection.close()
        self._idle.clear()
        self._streams.clear()
