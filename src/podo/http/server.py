"""A server: the sockets it listens on, its connections, their deadlines, and its stop in phases."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

from podo.http.accepting import accepting
from podo.http.limits import DEFAULT_LIMITS, Limits
from podo.http.message import Handler
from podo.http.serving import Connection
from podo.runtime.log import Logger

log = Logger("podo.http")

#: How long a stop waits for clients to close connections on which nothing is under way.
FAREWELL_SECONDS = 1.0


class HttpServer:
    """Serves ``handler`` on any number of addresses.

    ``await server.listen("127.0.0.1", 6443, tls=context)``,
    ``await server.listen_unix(path)``, ``await server.stop()``.
    """

    def __init__(self, handler: Handler, limits: Limits = DEFAULT_LIMITS) -> None:
        self.handler = handler
        self.limits = limits
        self.stopping = False
        self.now = 0.0  # the loop's time at the last pass over the connections
        self._connections: set[Connection] = set()
        self._listeners: list[asyncio.Server] = []
        self._sweep: asyncio.TimerHandle | None = None
        self._empty: asyncio.Future[None] | None = None

    async def listen(self, host: str, port: int, *, tls: ssl.SSLContext | None = None, backlog: int = 1024) -> int:
        """Listen on ``host:port`` (0: any free port); the port."""
        loop = asyncio.get_running_loop()
        handshake = self.limits.head_seconds if tls else None
        listener = await loop.create_server(
            accepting(self, bool(tls)), host, port, ssl=tls, backlog=backlog, ssl_handshake_timeout=handshake
        )
        self._listening(listener)
        return int(listener.sockets[0].getsockname()[1])

    async def listen_socket(self, listening: socket.socket, *, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a socket that is bound already."""
        loop = asyncio.get_running_loop()
        self._listening(await loop.create_server(accepting(self, bool(tls)), sock=listening, ssl=tls))

    async def listen_unix(self, path: Path | str) -> None:
        loop = asyncio.get_running_loop()
        self._listening(await loop.create_unix_server(accepting(self, False), str(path)))

    def _listening(self, listener: asyncio.Server) -> None:
        self._listeners.append(listener)
        if self._sweep is None:
            self._end_the_late()

    @property
    def connections(self) -> int:
        return len(self._connections)

    def opened(self, connection: Connection) -> bool:
        """A connection tells that it is there; False: it is one too many."""
        if self.stopping or len(self._connections) >= self.limits.connections:
            return False
        self._connections.add(connection)
        return True

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections and self._empty and not self._empty.done():
            self._empty.set_result(None)

    def _end_the_late(self) -> None:
        """One pass over all connections instead of a timer for each: a request would set and cancel two."""
        loop = asyncio.get_running_loop()
        self.now = now = loop.time()
        for connection in [c for c in self._connections if c.deadline < now]:
            connection.expire()
        limits = self.limits
        step = min(limits.head_seconds, limits.body_seconds, limits.linger_seconds, limits.idle_seconds) / 5
        self._sweep = loop.call_later(min(1.0, max(0.02, step)), self._end_the_late)

    async def stop(self, deadline_seconds: float = 10.0) -> None:
        """Stop accepting, end idle connections and streams, wait for the answers under way, then abort what is left.

        A client that is not there to hear the end of its connection (a program with an idle pool, say) is waited for
        for ``FAREWELL_SECONDS`` only.
        """
        self.stopping = True
        for listener in self._listeners:
            listener.close()
        for connection in list(self._connections):
            connection.finish()
        if self._connections:
            self._empty = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._empty], timeout=min(FAREWELL_SECONDS, deadline_seconds))
        for connection in [each for each in self._connections if not each.answering]:
            connection.abort()
        if self._connections and self._empty:
            await asyncio.wait([self._empty], timeout=max(0.0, deadline_seconds - FAREWELL_SECONDS))
        if self._connections:
            log.warning("connections did not end in time", connections=len(self._connections))
        for connection in list(self._connections):
            connection.abort()
        if self._sweep:
            self._sweep.cancel()
            self._sweep = None
