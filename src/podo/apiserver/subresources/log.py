"""``GET pods/NAME/log``: the kubelet's answer handed on as it comes, as a body or as messages of a WebSocket.

    answer = await log(request, pod, node, kubelet)

``node`` is the pod's Node, or None while it has none; ``kubelet`` a KubeletAccess. Authorization is the caller's.
Refusals are raised as ApiError.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import parse_qs, quote, urlencode

from podo.api.errors import ApiError, bad_request, invalid_of
from podo.api.kind import Obj
from podo.api.rules import Found, forbidden, invalid, not_supported
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.http import websocket
from podo.http.client import NoAnswer, Stream
from podo.http.message import Request, Response, Streaming, Tunnel, Upgrade, Writer

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
#: Options that the kubelet reads, and the least value of those that are numbers.
_OPTIONS = ("follow", "previous", "timestamps", "sinceTime", "stream", "tailLines", "sinceSeconds", "limitBytes")
_LEAST = {"tailLines": 0, "limitBytes": 1, "sinceSeconds": 1}
_STREAMS = ("All", "Stderr", "Stdout")
_is_number = re.compile("[+-]?[0-9]{1,18}", re.ASCII).fullmatch
_REFUSAL = 64 * 1024
_TEXT = "text/plain"
#: Subprotocols of a log by WebSocket: bytes as they are, or as base64 in text messages.
_BINARY, _BASE64 = "binary.k8s.io", "base64.binary.k8s.io"


async def log(request: Request, pod: Obj, node: Obj | None, kubelet: KubeletAccess) -> Response | Streaming | Upgrade:
    """The log of one container of ``pod``: query parameters as ``PodLogOptions``."""
    protocol = _agreed(request) if websocket.is_wanted(request) else None
    query = parse_qs(request.query)
    options = _options(query, pod["metadata"]["name"])
    container = container_of(pod, next(iter(query.get("container", ())), ""))
    if node is None:
        return Response(200, b"", _TEXT)  # as upstream: a pod without a host has said nothing
    name = pod["metadata"]["name"]
    path = "/".join(quote(part, safe="") for part in (pod["metadata"]["namespace"], name, container))
    target = f"/containerLogs/{path}?{urlencode(options)}"
    endpoint = kubelet.endpoint(node)
    try:
        stream = await kubelet.pool(endpoint).stream("GET", target)
    except NoAnswer as failure:
        raise ApiError("InternalError", f'Get "https://{endpoint.authority}{target}": {failure}') from failure
    if stream.status != 200:
        raise await _refused(stream, name)
    if protocol is not None:
        return _messages(request, protocol, stream)

    async def produce(writer: Writer) -> None:
        try:
            async for piece in stream:
                writer.write(piece)
                await writer.drain()
        finally:
            stream.close()

    return Streaming(produce, content_type=_TEXT)


def _agreed(request: Request) -> str:
    try:
        return websocket.agreed(request, (_BINARY, _BASE64))
    except websocket.NoAgreement as refused:
        raise ApiError("Forbidden", str(refused)) from None


def _messages(request: Request, protocol: str, stream: Stream) -> Upgrade:
    """The log as messages of a WebSocket, the first of them empty: it tells that the log is open."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b""
        try:
            async for piece in stream:
                yield base64.b64encode(piece) if protocol == _BASE64 else piece
        except NoAnswer:  # the node has gone: so does the log
            return

    async def run(tunnel: Tunnel) -> None:
        try:
            await websocket.send(tunnel, request, protocol, pieces(), text=protocol == _BASE64)
        finally:
            stream.close()

    return Upgrade(run)


def container_of(pod: Obj, asked: str) -> str:
    """The container that is meant; BadRequest in upstream's words where that is not clear."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    containers = [container["name"] for container in spec.get("containers") or ()]
    init = [container["name"] for container in spec.get("initContainers") or ()]
    ephemeral = [container["name"] for container in spec.get("ephemeralContainers") or ()]
    if asked:
        if asked not in (*containers, *init, *ephemeral):
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    default = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    if default in containers:
        return str(default)
    if len(containers) == 1:
        return str(containers[0])
    if not containers:
        raise bad_request(f"a container name must be specified for pod {name}")
    listed = " ".join((*init, *containers, *ephemeral))
    raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{listed}]")


def _options(query: Mapping[str, Sequence[str]], pod: str) -> dict[str, str]:
    options = {name: query[name][0] for name in _OPTIONS if query.get(name)}
    found: Found = []
    for name, least in _LEAST.items():
        text = options.get(name)
        if text is None:
            continue
        if not _is_number(text):
            raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
        both = name == "sinceSeconds" and "sinceTime" in options
        if both:
            found.append(forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
        elif int(text) < least:
            found.append(invalid(name, int(text), f"must be greater than {'or equal to 0' if not least else '0'}"))
    stream = options.get("stream") or "All"
    if stream not in _STREAMS:
        found.append(not_supported("stream", stream, _STREAMS))
    if stream != "All" and "tailLines" in options:
        found.append(forbidden("", "`tailLines` and specific `stream` are mutually exclusive for now"))
    if found:
        raise invalid_of("PodLogOptions", {"name": pod, "kind": "PodLogOptions"}, found)
    return options


async def _refused(stream: Stream, pod: str) -> ApiError:
    """The kubelet's refusal as ours."""
    try:
        body = await stream.read(_REFUSAL)
    except NoAnswer:
        body = b""
    finally:
        stream.close()
    return refusal_of(stream.status, body, pod)


def refusal_of(status: int, body: bytes, pod: str) -> ApiError:
    """An ApiError of a kubelet's answer: its Status, or its text."""
    import orjson

    try:
        found = orjson.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict) and found.get("kind") == "Status":
        error = ApiError.from_status(found)
        # A kubelet that refuses the API server itself is the cluster's fault, not the user's.
        return error if error.code not in (401, 403) else ApiError("InternalError", error.message)
    text = body.decode("utf-8", "replace").strip() or f'the kubelet answered {status} for pod "{pod}"'
    reason = {400: "BadRequest", 404: "NotFound"}.get(status, "InternalError")
    return ApiError(reason, text)
