"""The kubelet's HTTPS port: container logs, exec, attach, port-forward, the node's pods; for the API server, and for
whom it lets (``authorizing``).

Paths and parameters are the upstream kubelet's. Streams go to the runtime's own streaming server, by a single-use URL
that the runtime gives, as a byte tunnel.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from podo.api.errors import ApiError, bad_request
from podo.api.kind import Obj
from podo.http import tunnel
from podo.http.message import Request, Response, Streaming, Upgrade, Writer
from podo.http.server import HttpServer
from podo.node import podspec
from podo.node.authorizing import OnlyApiServer
from podo.node.logs import LogFile, send_log
from podo.node.metrics import of_containers, of_kubelet
from podo.node.queries import Query, flag, log_options, ports_of, streams
from podo.node.runtimes.contract import Container, Runtime, RuntimeFailure, Sandbox
from podo.node.stats import resource_metrics, summary
from podo.node.usage import NodeUsage
from podo.runtime.clock import Clock
from podo.runtime.metrics import Family, exposition

#: What is below ``/healthz``: whoever answers is well.
HEALTH_CHECKS: tuple[list[str], ...] = ([], ["ping"], ["log"], ["syncloop"])
Answer = Response | Streaming | Upgrade


class Access(Protocol):
    async def check(self, request: Request) -> None:
        """Raises ApiError for a request that may not be made."""


class PodAccess(Protocol):
    """What the port asks of the node's agent, which knows it all."""

    def pods(self) -> Sequence[Obj]:
        """The pods of this node, mirror pods included, with their newest status."""

    def pod(self, namespace: str, name: str) -> Obj | None: ...

    def container(self, namespace: str, pod: str, name: str, previous: bool = False) -> Container | None:
        """The newest attempt that has run, or the dead one before it."""

    def sandbox(self, namespace: str, pod: str) -> Sandbox | None:
        """The pod's sandbox, if it is ready."""

    def running(self, container_id: str) -> bool:
        """Does it run still?"""

    def writing(self, container_id: str) -> bool:
        """Does it run, or is the end of its log still on its way?"""

    def usage(self) -> NodeUsage:
        """What the node and its pods use now."""

    def probes(self) -> Family:
        """How many probes went how."""

    async def settled(self, container_id: str) -> None:
        """Wait (a moment at most) until the log of a container that has ended is whole."""


class KubeletServer:
    """``await server.start("0.0.0.0", 10250, context)`` gives the port; the context must look at client certificates,
    and demand them where there is nobody to ask about tokens. ``access``: who may use the port."""

    def __init__(self, pods: PodAccess, runtime: Runtime, clock: Clock, access: Access | None = None) -> None:
        self._access = access or OnlyApiServer()
        self._pods = pods
        self._runtime = runtime
        self._clock = clock
        self._http = HttpServer(self.handle)
        self._routes: dict[str, Callable[[Request, list[str], Query], Awaitable[Answer]]] = {
            "containerLogs": self._logs,
            "exec": self._exec,
            "attach": self._attach,
            "portForward": self._port_forward,
            "pods": self._list,
            "stats": self._stats,
            "metrics": self._metrics,
        }

    async def start(self, host: str, port: int, tls: ssl.SSLContext) -> int:
        if tls.verify_mode == ssl.CERT_NONE or (
            isinstance(self._access, OnlyApiServer) and tls.verify_mode != ssl.CERT_REQUIRED
        ):
            raise ValueError("the kubelet's port must demand client certificates")
        return await self._http.listen(host, port, tls=tls)

    async def stop(self, deadline_seconds: float = 5.0) -> None:
        await self._http.stop(deadline_seconds)

    async def handle(self, request: Request) -> Answer:
        try:
            return await self._route(request)
        except ApiError as error:
            return Response(error.code, json.dumps(error.status()).encode())
        except RuntimeFailure as failure:
            return _runtime_failed(failure)

    async def _route(self, request: Request) -> Answer:
        await self._access.check(request)
        first, *rest = [unquote(part) for part in request.path.split("/")[1:]]
        if first == "healthz" and rest in HEALTH_CHECKS:
            return Response(200, b"ok", "text/plain; charset=utf-8")
        if first not in self._routes:
            raise ApiError("NotFound", f"no such path: {request.path}")
        if request.method not in ("GET", "POST"):
            raise ApiError("MethodNotAllowed", f"{request.method} is not allowed here")
        return await self._routes[first](request, rest, parse_qs(request.query, keep_blank_values=True))

    async def _list(self, request: Request, rest: list[str], query: Query) -> Answer:
        items = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": list(self._pods.pods())}
        return Response(200, json.dumps(items).encode())

    async def _stats(self, request: Request, rest: list[str], query: Query) -> Answer:
        if rest != ["summary"]:
            raise ApiError("NotFound", f"no such path: {request.path}")
        return Response(200, json.dumps(summary(self._pods.usage())).encode())

    async def _metrics(self, request: Request, rest: list[str], query: Query) -> Answer:
        match rest:
            case []:
                page = exposition(of_kubelet(self._pods.usage()))
            case ["cadvisor"]:
                page = exposition(of_containers(self._pods.usage()))
            case ["probes"]:
                page = exposition([self._pods.probes()])
            case ["resource"]:
                page = resource_metrics(self._pods.usage()).encode()
            case _:
                raise ApiError("NotFound", f"no such path: {request.path}")
        return Response(200, page, "text/plain; version=0.0.4; charset=utf-8")

    # -- logs --------------------------------------------------------------------------------------------------------

    async def _logs(self, request: Request, rest: list[str], query: Query) -> Answer:
        pod, container_name = self._container_of(rest)
        options = log_options(query, self._clock.now())
        previous = flag(query, "previous")
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        container = self._pods.container(namespace, name, container_name, previous)
        if container is None:
            raise bad_request(_why_no_log(pod, container_name, previous))
        if not container.log_path:
            raise ApiError("InternalError", "the runtime of this node keeps no logs", code=501)
        await self._pods.settled(container.id)
        try:
            log = LogFile(container.log_path, options.tail_lines)
        except OSError as failure:
            why = failure.strerror or str(failure)
            raise ApiError("NotFound", f'unable to read the log of container "{container_name}": {why}') from failure

        async def produce(writer: Writer) -> None:
            await send_log(log, options, writer, lambda: self._pods.writing(container.id))

        return Streaming(produce, content_type="text/plain")

    def _container_of(self, rest: list[str]) -> tuple[Obj, str]:
        """The pod and container that a path names; its spec has to have the container."""
        if len(rest) == 4:  # with the pod's uid
            rest = [*rest[:2], rest[3]]
        if len(rest) != 3:
            raise ApiError("NotFound", "the path must name a namespace, a pod and a container")
        pod = self._pod(rest[0], rest[1])
        if podspec.container_named(pod, rest[2]) is None:
            raise ApiError("NotFound", f'container "{rest[2]}" not found in pod "{rest[1]}"')
        return pod, rest[2]

    def _pod(self, namespace: str, name: str) -> Obj:
        pod = self._pods.pod(namespace, name)
        if pod is None:
            raise ApiError("NotFound", f'pod "{name}" does not exist on this node')
        return pod

    # -- streams -----------------------------------------------------------------------------------------------------

    async def _exec(self, request: Request, rest: list[str], query: Query) -> Answer:
        container_id = self._running_container(request, rest)
        command = list(query.get("command", ()))
        if not command:
            raise bad_request("you must specify at least one command")
        url = await self._runtime.exec_url(container_id, command, **streams(query))
        return _tunnel_to(request, url)

    async def _attach(self, request: Request, rest: list[str], query: Query) -> Answer:
        container_id = self._running_container(request, rest)
        return _tunnel_to(request, await self._runtime.attach_url(container_id, **streams(query)))

    def _running_container(self, request: Request, rest: list[str]) -> str:
        _check_upgrade(request)
        pod, name = self._container_of(rest)
        container = self._pods.container(pod["metadata"]["namespace"], pod["metadata"]["name"], name)
        if container is None or not self._pods.running(container.id):
            raise ApiError("InternalError", f'container not found ("{name}")')
        return container.id

    async def _port_forward(self, request: Request, rest: list[str], query: Query) -> Answer:
        _check_upgrade(request)
        if len(rest) not in (2, 3):
            raise ApiError("NotFound", "the path must name a namespace and a pod")
        self._pod(rest[0], rest[1])
        sandbox = self._pods.sandbox(rest[0], rest[1])
        if sandbox is None:
            raise ApiError("InternalError", f'unable to forward a port: the sandbox of pod "{rest[1]}" is not ready')
        ports = ports_of(query)
        if _is_websocket(request) and not ports:
            raise bad_request('query parameter "port" is required')
        return _tunnel_to(request, await self._runtime.port_forward_url(sandbox.id, ports))


def _why_no_log(pod: Obj, name: str, previous: bool) -> str:
    """Upstream's words for a container that has no log (yet)."""
    pod_name = pod["metadata"]["name"]
    if previous:
        return f'previous terminated container "{name}" in pod "{pod_name}" not found'
    waiting = (podspec.reported(pod, name) or {}).get("state", {}).get("waiting")
    if waiting is None:
        return f'container "{name}" in pod "{pod_name}" is not available'
    reason = waiting.get("reason") or "ContainerCreating"
    reason = {
        "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
    }.get(reason, reason)
    return f'container "{name}" in pod "{pod_name}" is waiting to start: {reason}'


def _is_websocket(request: Request) -> bool:
    return request.headers.get("upgrade", "").lower() == "websocket"


def _check_upgrade(request: Request) -> None:
    """Refuse what the runtime would refuse, before its single-use URL is spent."""
    if "upgrade" not in request.headers:
        raise bad_request("Upgrade request required")
    if not _is_websocket(request):
        return
    offered = [one.strip() for one in request.headers.get("sec-websocket-protocol", "").split(",") if one.strip()]
    if offered and not any(one.endswith("channel.k8s.io") and not one.startswith("v5.") for one in offered):
        # kubectl asks this first and falls back to SPDY on 403.
        raise ApiError("Forbidden", f"none of the WebSocket subprotocols is supported: {', '.join(offered)}")


def _tunnel_to(request: Request, url: str) -> Upgrade:
    target = urlsplit(url)
    host, port = target.hostname or "127.0.0.1", target.port or 80
    path = f"{target.path}?{target.query}" if target.query else target.path
    head = tunnel.request_head(request, path, target.netloc)
    return Upgrade(lambda client: tunnel.run(client, head, host, port))


def _runtime_failed(failure: RuntimeFailure) -> Response:
    reasons = {"not_found": "NotFound", "deadline": "Timeout", "unavailable": "ServiceUnavailable"}
    code = 501 if failure.kind == "unsupported" else None
    error = ApiError(reasons.get(failure.kind, "InternalError"), failure.message, code=code)
    return Response(error.code, json.dumps(error.status()).encode())
