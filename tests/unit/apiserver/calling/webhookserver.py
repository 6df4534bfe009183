"""A webhook as its author would run it: an HTTPS server on loopback, with a certificate of a CA of its own."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from podo.http.message import Request, Response
from podo.http.server import HttpServer
from podo.http.tls import server_context
from tests.pki import Pki

Obj = dict[str, Any]
#: From the request to the response of a review.
Answering = Callable[[Obj], Obj | Awaitable[Obj]]


@dataclass
class Webhook:
    """``reviews``: what it was sent; ``paths``: where to; ``peers``: on which connections."""

    port: int
    bundle: str
    reviews: list[Obj] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    peers: set[str] = field(default_factory=set)

    def client(self, path: str = "/") -> Obj:
        """The ``clientConfig`` that leads to it."""
        return {"url": f"https://127.0.0.1:{self.port}{path}", "caBundle": self.bundle}

    @property
    def requests(self) -> list[Obj]:
        return [review["request"] for review in self.reviews]


@asynccontextmanager
async def serving(
    pki: Pki, answer: Callable[[Webhook, Request], Awaitable[Response]], name: str = "webhook"
) -> AsyncIterator[Webhook]:
    """An HTTPS server; its certificate is for 127.0.0.1, localhost and the Service ``hook`` of namespace default."""
    certificate, key = pki.issue(name, also=["hook.default.svc"])
    webhook: Webhook

    async def handle(request: Request) -> Response:
        webhook.paths.append(f"{request.path}?{request.query}")
        webhook.peers.add(request.peer.address)
        webhook.reviews.append(orjson.loads(await request.body(1 << 22)))
        return await answer(webhook, request)

    server = HttpServer(handle)
    port = await server.listen("127.0.0.1", 0, tls=server_context(certificate, key))
    webhook = Webhook(port, base64.b64encode(pki.ca.read_bytes()).decode())
    try:
        yield webhook
    finally:
        await server.stop(0.1)


@asynccontextmanager
async def reviewing(pki: Pki, answer: Answering) -> AsyncIterator[Webhook]:
    """An admission webhook: ``answer`` gets the request and gives the response, to which the uid is added."""

    async def reply(webhook: Webhook, request: Request) -> Response:
        review = webhook.reviews[-1]
        found = answer(review["request"])
        response = found if isinstance(found, dict) else await found
        whole = {"uid": review["request"]["uid"], **response}
        kept = {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": whole}
        return Response(200, orjson.dumps(kept))

    async with serving(pki, reply) as webhook:
        yield webhook
