"""``pods``, ``services`` and ``nodes/NAME/proxy[/PATH]``: the client's request carried to an application or a kubelet.

    answer = await proxy(backend, kubelet, request, call, rest)

``rest`` is the path behind ``/proxy``, percent-encoded as it came ("" and "/" differ). Authorization is done: by the
method of HTTP, on the subresource ``proxy``.
"""

from __future__ import annotations

from urllib.parse import parse_qs, quote

from podo.api.errors import ApiError
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.apiserver.subresources.proxyaddress import dialled
from podo.apiserver.subresources.proxyforward import Forwarding, NoAnswer, Pairs, request_headers
from podo.apiserver.subresources.proxyrewrite import Rewriting
from podo.apiserver.subresources.proxytarget import Target, target_of
from podo.http import tunnel
from podo.http.head import header_line
from podo.http.message import Disconnected, Request, Response, Streaming, Upgrade

#: Verbs by method, for authorization; any other method is the verb "", which only rules for all verbs allow.
VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
METHODS = (*VERBS, "OPTIONS")
#: Answers up to this size are read whole, so that they leave with a Content-Length.
_SMALL = 64 * 1024
#: HTML up to this size has its links rewritten.
_PAGE = 4 << 20
#: What a path may hold besides letters and digits (RFC 3986, 3.3), and what is percent-encoded already.
_PATH_LETTERS = "/%:@!$&'()*+,;=-._~"

Answer = Response | Streaming | Upgrade


async def proxy(backend: Backend, kubelet: KubeletAccess | None, request: Request, call: Call, rest: str) -> Answer:
    """Raises ApiError for what is not found, not allowed or not reached."""
    target = await target_of(backend, kubelet, call)
    address = await dialled(target)
    base = request.path[: len(request.path) - len(rest)]
    path = rest or _path_option(request.query)
    query = f"?{request.query}" if request.query else ""
    if "upgrade" in request.headers.get("connection", "").lower():
        return _upgrade(request, target, address, base, f"{path or '/'}{query}")
    if not path and request.method in ("GET", "HEAD"):
        return Response(301, b"", "", [("Location", f"{base}/{query}")])
    return await _forward(request, target, address, base, f"{path or '/'}{query}")


def _path_option(query: str) -> str:
    """The ``path`` of PodProxyOptions, ServiceProxyOptions and NodeProxyOptions, for a URL that has none itself."""
    path = parse_qs(query).get("path", [""])[0] if query else ""
    path = quote(path, safe=_PATH_LETTERS)
    return path if not path or path.startswith("/") else f"/{path}"


def _forwarded(request: Request, uri: str) -> Pairs:
    client = request.peer.address.rpartition(":")[0] or request.peer.address
    earlier = request.headers.get("x-forwarded-for")
    return [
        ("X-Forwarded-For", f"{earlier}, {client}" if earlier else client),
        ("X-Forwarded-Host", request.headers.get("host", "")),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Uri", uri),
    ]


def _upgrade(request: Request, target: Target, address: str, base: str, path: str) -> Upgrade:
    headers = request_headers(request, _forwarded(request, base + path.partition("?")[0]))
    headers += [("Connection", "Upgrade"), ("Upgrade", request.headers.get("upgrade", ""))]
    lines = [f"{request.method} {path} HTTP/1.1\r\n", *(header_line(name, value) for name, value in headers)]
    head = "".join(lines).encode("latin-1") + b"\r\n"
    return Upgrade(
        lambda client: tunnel.run(client, head, address, target.port, tls=target.tls, server_name=target.host)
    )


async def _forward(request: Request, target: Target, address: str, base: str, path: str) -> Answer:
    try:
        server = await tunnel.connect(address, target.port, target.tls, target.host)
    except (OSError, TimeoutError) as failure:
        why = str(failure) or f"{target.authority} did not answer in time"
        raise ApiError("ServiceUnavailable", f"error trying to reach service: {why}") from None
    forwarding = Forwarding(server)
    kept = False
    try:
        await forwarding.begin(
            request, path, request_headers(request, _forwarded(request, base + path.partition("?")[0]))
        )
        rewriting = Rewriting(base, request.headers.get("host", ""), target.authority)
        answer = await _answer(forwarding, request, rewriting)
        kept = isinstance(answer, Streaming) and request.method != "HEAD"
        return answer
    except (NoAnswer, TimeoutError, Disconnected) as failure:
        raise ApiError("ServiceUnavailable", f"error trying to reach service: {failure or 'no answer'}") from None
    finally:
        if not kept:
            await forwarding.close()


async def _answer(forwarding: Forwarding, request: Request, rewriting: Rewriting) -> Response | Streaming:
    fields = {name.lower(): value for name, value in forwarding.headers}
    content_type = fields.get("content-type", "")
    headers = [
        (name, rewriting.link(value) if name.lower() == "location" else value)
        for name, value in forwarding.headers
        if name.lower() != "content-type"
    ]
    if request.method == "HEAD":
        return forwarding.streaming(content_type, headers, "the other server broke off")
    is_page = content_type.lower().startswith("text/html")
    if not await forwarding.gather(_PAGE if is_page else _SMALL, wait=is_page or forwarding.sized):
        return forwarding.streaming(content_type, headers, "the other server broke off")
    body = forwarding.gathered()
    if is_page and (page := rewriting.page(body, fields.get("content-encoding", ""), _PAGE)) is not None:
        headers = [(name, value) for name, value in headers if name.lower() != "content-encoding"]
        body = page
    return Response(forwarding.status, body, content_type, headers)
