"""The subresources that are connections to a node (log, exec, attach, portforward) or to an application (proxy): finds
what is to be reached and hands on."""

from __future__ import annotations

from dataclasses import replace

from podo.api import registry
from podo.api.encoding import load
from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.apiserver.backend import Backend
from podo.apiserver.call import Call
from podo.apiserver.subresources.connectoptions import admit_connection
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.apiserver.subresources.log import log
from podo.apiserver.subresources.proxy import proxy
from podo.apiserver.subresources.streaming import stream
from podo.apiserver.verbs.get import get
from podo.http.message import Request, Response, Streaming, Upgrade

CONNECTED = frozenset({"log", "exec", "attach", "portforward", "proxy"})
#: Those that do something in the pod, whatever HTTP's verb.
_ACTS = frozenset({"exec", "attach", "portforward"})


async def connect(
    backend: Backend, kubelet: KubeletAccess | None, request: Request, call: Call, rest: str = ""
) -> Response | Streaming | Upgrade:
    """Raises NotFound for an absent pod and what the kubelet refuses. Authorization is done. ``rest``: the path behind
    ``/proxy``."""
    if call.verb != "create" and call.authorize is not None and _acts(call, request):
        call.authorize(replace(call, verb="create"))  # WebSocket begins with a GET: who may only read may not do this
    if call.subresource != "log":
        await admit_connection(backend, call, request.query, rest)
    if call.subresource == "proxy":
        return await proxy(backend, kubelet, request, call, rest)
    pod = load((await get(backend, call)).value)
    if kubelet is None:
        raise ApiError("ServiceUnavailable", f"{call.subresource}: this API server has no way to kubelets")
    node = await _node_of(backend, pod)
    if call.subresource == "log":
        return await log(request, pod, node, kubelet)
    return stream(request, call.subresource, pod, node, kubelet)


def _acts(call: Call, request: Request) -> bool:
    """Does it do something in a pod? So does any upgrade through a node's proxy: the kubelet knows no other."""
    if call.subresource in _ACTS:
        return True
    return call.subresource == "proxy" and call.kind is registry.NODE and "upgrade" in request.headers


async def _node_of(backend: Backend, pod: Obj) -> Obj | None:
    name = pod["spec"].get("nodeName")
    if not name:
        return None
    nodes = registry.named("Node")
    record = await backend.store.get(nodes.key("", name))
    if record is None:
        raise ApiError("NotFound", f'nodes "{name}" not found')
    return load(record.value)
