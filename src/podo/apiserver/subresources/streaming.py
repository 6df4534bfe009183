"""``pods/NAME/exec``, ``/attach`` and ``/portforward``: the client's connection tunnelled to the kubelet.

    answer = stream(request, "exec", pod, node, kubelet)   # an Upgrade; node: the pod's Node, or None if it has none

Authorization ("create" on pods/exec, or "get" for WebSockets) is the caller's. Refusals are raised as ApiError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, quote, urlencode

from podo.api.errors import bad_request
from podo.api.kind import Obj
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.apiserver.subresources.log import container_of
from podo.http import tunnel
from podo.http.message import Request, Upgrade

SUBRESOURCES = frozenset({"exec", "attach", "portforward"})
#: Parameters of the API -> of the kubelet.
_STREAMS = {"stdin": "input", "stdout": "output", "stderr": "error", "tty": "tty"}

Query = Mapping[str, Sequence[str]]


def stream(request: Request, subresource: str, pod: Obj, node: Obj | None, kubelet: KubeletAccess) -> Upgrade:
    """Take the connection over for ``subresource`` of ``pod``. BadRequest if it asks for no upgrade."""
    target = _target(subresource, pod, parse_qs(request.query, keep_blank_values=True))
    if "upgrade" not in request.headers:
        raise bad_request("Upgrade request required")
    if node is None:
        raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    endpoint = kubelet.endpoint(node)
    head = tunnel.request_head(request, target, endpoint.authority)
    return Upgrade(lambda client: tunnel.run(client, head, endpoint.host, endpoint.port, tls=kubelet.tls))


def _target(subresource: str, pod: Obj, query: Query) -> str:
    """Path and query at the kubelet."""
    metadata = pod["metadata"]
    where = [metadata["namespace"], metadata["name"]]
    if subresource == "portforward":
        asked = [("port", port) for field in ("ports", "port") for port in query.get(field, ())]
        return _path("portForward", where, asked)
    where.append(container_of(pod, next(iter(query.get("container", ())), "")))
    streams = [(theirs, "1") for ours, theirs in _STREAMS.items() if _flag(query, ours)]
    if not any(name != "tty" for name, _ in streams):
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    if subresource == "attach":
        return _path("attach", where, streams)
    command = [("command", part) for part in query.get("command", ())]
    if not command:
        raise bad_request("you must specify at least one command for the container")
    return _path("exec", where, [*command, *streams])


def _path(first: str, where: Sequence[str], query: Sequence[tuple[str, str]]) -> str:
    path = "/".join((f"/{first}", *(quote(part, safe="") for part in where)))
    return f"{path}?{urlencode(query)}" if query else path


def _flag(query: Query, name: str) -> bool:
    return next(iter(query.get(name, ())), "").lower() in ("1", "t", "true")
