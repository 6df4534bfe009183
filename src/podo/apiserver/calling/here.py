"""Servers in this process: so a webhook of a test in virtual time, where there are no sockets, is called as any
other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from podo.http.exchange import Answer
from podo.http.message import Handler, Peer, Response, TooLarge


class HereRequest:
    """A ``podo.http.message.Request`` whose body is here already."""

    version = "1.1"

    def __init__(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> None:
        self.method, self.path, self.query = method, path, query
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in headers.items()}
        self.peer = Peer("here")
        self._body = body

    async def body(self, limit: int) -> bytes:
        if len(self._body) > limit:
            raise TooLarge(f"the body is {len(self._body)} bytes, the limit is {limit}")
        return self._body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body


async def answer_here(handler: Handler, request: HereRequest) -> Answer:
    """What the handler answers; only whole answers are understood."""
    found = await handler(request)
    if not isinstance(found, Response):
        raise TypeError("a server in this process must give a whole Response")
    body = found.body if isinstance(found.body, bytes) else b"".join(found.body)
    headers = {name.lower(): value for name, value in found.headers}
    return Answer(found.status, {**headers, "content-type": found.content_type}, body)
