"""A request carried to the extension API server that answers for its group version; watches and upgrades too.

    answer = await forward(extension, request, user, network)

Authorization here is done; the other server asks for its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from podo.apiserver.calling.connections import Trust, context_of
from podo.apiserver.calling.failures import CannotCall, of_connection
from podo.apiserver.calling.services import Address
from podo.apiserver.calling.target import ServiceReference
from podo.apiserver.extension.aggregation.extensions import Extension
from podo.apiserver.extension.aggregation.identity import headers_of
from podo.apiserver.extension.aggregation.kept import Kept, Place
from podo.apiserver.subresources.proxyforward import Forwarding, NoAnswer, Pairs, has_body, request_headers
from podo.authn.user import User
from podo.http import client, tunnel
from podo.http.head import header_line
from podo.http.message import Disconnected, Request, Response, Streaming, Upgrade
from podo.runtime.log import Logger

log = Logger("podo.apiserver.aggregation")
Answer = Response | Streaming | Upgrade
TEXT = "text/plain; charset=utf-8"
#: Methods of requests that may be sent twice.
REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
#: Answers up to this size that say their length leave whole.
_SMALL = 64 * 1024


@dataclass(frozen=True, slots=True)
class Network:
    """``resolve`` finds the servers of a Service; ``identity``: the front proxy's certificate and key; ``kept``:
    connections that are open."""

    resolve: Callable[[ServiceReference], Awaitable[Address]]
    identity: Trust
    kept: Kept = field(default_factory=Kept)


def unavailable(why: str = "service unavailable") -> Response:
    """As upstream: no Status, but a line of text."""
    return Response(503, f"{why}\n".encode(), TEXT, [("X-Content-Type-Options", "nosniff")])


async def forward(extension: Extension, request: Request, user: User, network: Network) -> Answer:
    """Never raises for what the other server does."""
    if not extension.available:
        return unavailable()
    try:
        host, port = await network.resolve(extension.service)
        trust = extension.trust(network.identity)
        tls = context_of(trust)
    except CannotCall as problem:
        log.warning("extension API server not found", name=extension.name, why=str(problem))
        return unavailable()
    target = f"{request.path}?{request.query}" if request.query else request.path
    headers = _headers(extension, request, user)
    if "upgrade" in request.headers.get("connection", "").lower():
        head = _upgrade_head(request, target, headers)
        name = extension.service.server_name
        return Upgrade(lambda end: tunnel.run(end, head, host, port, tls=tls, server_name=name))
    place = Place(host, port, extension.service.server_name, trust)
    return await _exchange(request, target, headers, place, network.kept)


def _headers(extension: Extension, request: Request, user: User) -> Pairs:
    """The client's own headers, and in place of its credentials the user that it was found to be."""
    peer = request.peer.address.rpartition(":")[0] or request.peer.address
    earlier = request.headers.get("x-forwarded-for")
    forwarded = [
        *headers_of(user),
        ("X-Forwarded-For", f"{earlier}, {peer}" if earlier else peer),
        ("X-Forwarded-Host", request.headers.get("host", "")),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Uri", request.path),
    ]
    host = f"{extension.service.server_name}:{extension.service.port}"
    return [("Host", host), *(pair for pair in request_headers(request, forwarded) if pair[0] != "Host")]


def _upgrade_head(request: Request, target: str, headers: Pairs) -> bytes:
    asked = [*headers, ("Connection", "Upgrade"), ("Upgrade", request.headers.get("upgrade", ""))]
    lines = [f"{request.method} {target} HTTP/1.1\r\n", *(header_line(name, value) for name, value in asked)]
    return "".join(lines).encode("latin-1") + b"\r\n"


async def _exchange(request: Request, target: str, headers: Pairs, place: Place, kept: Kept) -> Answer:
    """Over a kept connection where there is one: the server may have closed it meanwhile, so what may be asked twice
    is asked again over a new one."""
    while True:
        try:
            server, is_fresh = await kept.take(place)
        except (OSError, TimeoutError) as failure:
            return unavailable(f"error trying to reach service: {_words(failure, place)}")
        forwarding = Forwarding(server, partial(kept.give, place, server))
        handed_on = False
        try:
            await forwarding.begin(request, target, headers)
            answer = await _answer(forwarding, request)
            handed_on = isinstance(answer, Streaming)
            return answer
        except (NoAnswer, TimeoutError, Disconnected) as failure:
            if is_fresh or forwarding.heard or request.method not in REPEATABLE or has_body(request):
                return unavailable(f"error trying to reach service: {failure or 'no answer'}")
        finally:
            if not handed_on:
                await forwarding.close()


def _words(failure: OSError | TimeoutError, place: Place) -> str:
    wrapped = client.NoAnswer(str(failure) or "i/o timeout")
    wrapped.__cause__ = failure if isinstance(failure, OSError) and not isinstance(failure, TimeoutError) else None
    return of_connection(wrapped, place.name, f"{place.host}:{place.port}")


async def _answer(forwarding: Forwarding, request: Request) -> Response | Streaming:
    fields = {name.lower(): value for name, value in forwarding.headers}
    content_type = fields.get("content-type", "")
    headers = [(name, value) for name, value in forwarding.headers if name.lower() != "content-type"]
    if request.method == "HEAD" or not forwarding.sized or not await forwarding.gather(_SMALL, wait=True):
        return forwarding.streaming(content_type, headers, "the extension API server broke off")
    return Response(forwarding.status, forwarding.gathered(), content_type, headers)
