"""A client, in the API server's own process, of the kinds that extension API servers answer for.

It is the client over HTTP, whose requests do not leave by a socket but go straight to the aggregation layer, in the
name of the user that it has; authorized here as any other, and by the other server once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from podo.apiserver.calling.here import HereRequest
from podo.authn.user import User
from podo.client.http import HttpClient
from podo.http.exchange import Answer, NoAnswer
from podo.http.message import Disconnected, Request, Response, Streaming, Upgrade
from podo.http.outbox import Outbox
from podo.runtime.tasks import Tasks, within

#: Bytes of a whole answer at most.
LIMIT = 1 << 30


class Server(Protocol):
    """The API server, as far as it is needed here."""

    async def ask_extension(self, request: Request, user: User) -> Response | Streaming | Upgrade:
        """Answer a request of this process's own. Raises nothing for what a client can do."""


def client_of(server: Server, user: User, agent: str) -> HttpClient:
    return HttpClient("http://inside", pool=InsidePool(server, user), agent=agent)


class InsidePool:
    """Like an ``HttpPool``, without connections."""

    def __init__(self, server: Server, user: User) -> None:
        self._server = server
        self._user = user

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        seconds: float = 30.0,
    ) -> Answer:
        async def ask() -> Answer:
            stream = await self._stream(method, target, headers, body)
            try:
                return Answer(stream.status, stream.headers, await stream.read(LIMIT))
            finally:
                stream.close()

        try:
            return await within(seconds, ask())
        except TimeoutError:
            raise NoAnswer(f"no answer within {seconds:g} s") from None

    async def stream(
        self, method: str, target: str, *, headers: Mapping[str, str] | None = None, head_seconds: float = 30.0
    ) -> InsideStream:
        try:
            return await within(head_seconds, self._stream(method, target, headers, b""))
        except TimeoutError:
            raise NoAnswer(f"no answer within {head_seconds:g} s") from None

    async def _stream(self, method: str, target: str, headers: Mapping[str, str] | None, body: bytes) -> InsideStream:
        path, _, query = target.partition("?")
        sent = {**(headers or {}), "Content-Length": str(len(body))} if body else dict(headers or {})
        return InsideStream(await self._server.ask_extension(HereRequest(method, path, query, sent, body), self._user))

    def close(self) -> None:
        """Nothing is kept."""


class InsideStream:
    """An answer read as it comes. Close it when done."""

    def __init__(self, answer: Response | Streaming | Upgrade) -> None:
        if isinstance(answer, Upgrade):
            raise NoAnswer("the server changed the protocol without being asked")
        self._answer = answer
        self._outbox = Outbox()
        self._tasks = Tasks("answer")
        self._producing: asyncio.Task[None] | None = None
        self._broken = ""
        self.status = answer.status
        found = {name.lower(): value for name, value in answer.headers}
        self.headers: Mapping[str, str] = {**found, "content-type": answer.content_type}

    async def _produce(self, answer: Streaming) -> None:
        try:
            await answer.produce(self._outbox)
        except Disconnected as broken:
            self._broken = str(broken)
        finally:
            self._outbox.end()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        answer = self._answer
        if isinstance(answer, Response):
            yield answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
            return
        self._producing = self._tasks.spawn(self._produce(answer), "producing")
        async for piece in self._outbox.messages():
            yield piece
        if self._broken:
            raise NoAnswer(self._broken)

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises NoAnswer for a longer one."""
        pieces, size = [], 0
        async for piece in self:
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise NoAnswer(f"the answer is longer than {limit} bytes")
        return b"".join(pieces)

    def close(self) -> None:
        self._outbox.lose()
        if self._producing is not None:
            self._producing.cancel()
