"""Calling a webhook: one POST of a review (AdmissionReview, ConversionReview), answered by one JSON object.

Redirects are not followed (CVE-2020-8561), answers are bounded, connections are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import orjson

from podo.api.kind import Obj
from podo.apiserver.calling import failures
from podo.apiserver.calling.connections import Connections, Trust
from podo.apiserver.calling.failures import DEADLINE, CannotCall
from podo.apiserver.calling.here import HereRequest, answer_here
from podo.apiserver.calling.services import Address
from podo.apiserver.calling.target import ServiceReference, Target, target_of
from podo.http.client import authority_of
from podo.http.exchange import Answer, NoAnswer
from podo.http.message import Handler

#: Bytes of an answer at most: a ConversionReview answers a page of a list.
ANSWER_LIMIT = 64 << 20

#: Where a Service's servers are. Raises CannotCall.
Resolve = Callable[[ServiceReference], Awaitable[Address]]


class Caller:
    """Calls webhooks over kept connections. ``resolve`` finds the servers of a Service."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._connections = Connections()
        #: Host (``hook.default.svc``, or that of a URL) -> who answers in this process, without a socket.
        self.here: dict[str, Handler] = {}

    async def call(
        self,
        client: Obj,
        review: Obj,
        seconds: float,
        *,
        agent: str = "kube-apiserver-admission",
        limit: int = ANSWER_LIMIT,
    ) -> Obj:
        """The object answered to ``review`` by the webhook of the ``clientConfig`` within ``seconds``.

        Raises CannotCall, whose text is upstream's from ``Post "https://...`` on.
        """
        target = target_of(client)
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": agent}
        query = f"timeout={seconds:g}s"
        body = orjson.dumps(review)
        try:
            async with asyncio.timeout(seconds):
                answer = await self._post(target, query, headers, body, seconds, limit)
        except TimeoutError:
            raise _posting(target, query, DEADLINE) from None
        if not 200 <= answer.status <= 206:
            raise CannotCall(failures.of_status(answer.status, answer.body))
        return _object(answer.body)

    async def _post(
        self, target: Target, query: str, headers: dict[str, str], body: bytes, seconds: float, limit: int
    ) -> Answer:
        if handler := self.here.get(target.host):
            return await answer_here(handler, HereRequest("POST", target.path, query, headers, body))
        try:
            host, port = await self._resolve(target.service) if target.service else (target.host, target.port)
            authority = authority_of(target.host, target.port)
            pool = self._connections.to(host, port, authority, target.host, Trust(target.ca))
        except CannotCall as problem:
            raise _posting(target, query, str(problem)) from None
        asked = f"{target.path}?{query}"
        try:  # the deadline is the caller's; webhooks must bear to be asked twice
            return await pool.request(
                "POST", asked, headers=headers, body=body, seconds=seconds + 1, limit=limit, repeatable=True
            )
        except NoAnswer as failure:
            raise _posting(target, query, failures.of_connection(failure, target.host, f"{host}:{port}")) from failure

    def close(self) -> None:
        self._connections.close()


def _posting(target: Target, query: str, why: str) -> CannotCall:
    return CannotCall(f'Post "{target.url}?{query}": {why}')


def _object(body: bytes) -> Obj:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise CannotCall(f"couldn't get version/kind; json parse error: {problem}") from None
    if not isinstance(found, dict):
        raise CannotCall("couldn't get version/kind; json parse error: the answer is not an object")
    return found
