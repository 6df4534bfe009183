"""The kubelet's port and the API server's way to it: logs and streams, from a client to the runtime's server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from podo.api.errors import ApiError
from podo.api.kind import Obj
from podo.apiserver.subresources.kubelet import KubeletAccess
from podo.apiserver.subresources.log import container_of, log
from podo.apiserver.subresources.streaming import stream
from podo.http.client import HttpPool
from podo.http.message import Request, Response, Streaming, Tunnel, Upgrade
from podo.http.server import HttpServer
from podo.http.tls import client_context, server_context
from podo.node.machine import Usage
from podo.node.metrics import probe_results
from podo.node.runtimes.contract import Container, Runtime, RuntimeFailure, Sandbox
from podo.node.server import KubeletServer
from podo.node.usage import ContainerUsage, NodeUsage, PodUsage, Sample
from podo.runtime.clock import SystemClock
from podo.runtime.metrics import Family
from tests.pki import Pki


def pod(name: str, *containers: str, **status: Any) -> Obj:
    spec = {"containers": [{"name": container} for container in containers], "nodeName": "n1"}
    return {"kind": "Pod", "metadata": {"namespace": "default", "name": name}, "spec": spec, "status": status}


@dataclass
class Streamer:
    """A runtime's streaming server (as containerd has one), and the calls that give its single-use URLs."""

    refuses: RuntimeFailure | None = None
    asked: list[Any] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    async def handle(self, request: Request) -> Upgrade:
        self.requests.append(request)

        async def echo(client: Tunnel) -> None:
            protocol = request.headers["upgrade"]
            await client.write(f"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n".encode())
            while piece := await client.read():
                await client.write(piece.upper())

        return Upgrade(echo)

    def _url(self, *asked: Any) -> str:
        if self.refuses:
            raise self.refuses
        self.asked.append(asked)
        return f"http://127.0.0.1:{self.port}/token/{len(self.asked)}"

    async def exec_url(self, container_id: str, argv: Sequence[str], **streams: bool) -> str:
        return self._url("exec", container_id, list(argv), {name for name, on in streams.items() if on})

    async def attach_url(self, container_id: str, **streams: bool) -> str:
        return self._url("attach", container_id, {name for name, on in streams.items() if on})

    async def port_forward_url(self, sandbox_id: str, ports: Sequence[int]) -> str:
        return self._url("portforward", sandbox_id, list(ports))


@dataclass
class Agent:
    """What a node's agent knows (node.server.PodAccess)."""

    known: list[Obj]
    logs: dict[tuple[str, bool], Path] = field(default_factory=dict)

    def pods(self) -> Sequence[Obj]:
        return self.known

    def pod(self, namespace: str, name: str) -> Obj | None:
        return next((pod for pod in self.known if pod["metadata"]["name"] == name and namespace == "default"), None)

    def container(self, namespace: str, pod: str, name: str, previous: bool = False) -> Container | None:
        if (name, previous) not in self.logs:
            return None
        return Container(f"{name}-{int(previous)}", "s1", name, 0, "running", log_path=str(self.logs[name, previous]))

    def sandbox(self, namespace: str, pod: str) -> Sandbox | None:
        return Sandbox("s1", pod, namespace, "u", 0, True, 0.0) if pod == "web" else None

    def running(self, container_id: str) -> bool:
        return container_id.endswith("-0")

    def writing(self, container_id: str) -> bool:
        return self.running(container_id)

    async def settled(self, container_id: str) -> None:
        return None

    def probes(self) -> Family:
        counted = probe_results()
        counted.add(("Liveness", "failed", "app", "web", "default", "u"))
        return counted.family()

    def usage(self) -> NodeUsage:
        sample = Sample(1_700_000_000.0, Usage(2_500_000_000, 200, 150), 250_000_000)
        one = ContainerUsage(Container("c", "s1", "app", 0, "running", started_at=1_699_999_000.5), sample)
        return NodeUsage("n1", 1000, sample, (PodUsage(self.known[0], sample, (one,)),))


@dataclass
class World:
    api: int
    kubelet: int
    pki: Pki
    streamer: Streamer
    node: Obj

    def pool(self, user: str, *groups: str) -> HttpPool:
        certificate, key = self.pki.issue(user, *groups)
        return HttpPool("127.0.0.1", self.kubelet, tls=client_context(ca=self.pki.ca, certificate=certificate, key=key))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(Path(tmp_path_factory.mktemp("pki")))


@asynccontextmanager
async def world(pki: Pki, tmp_path: Path) -> AsyncIterator[World]:
    """The API server's functions behind a plain port, the kubelet's port, and a runtime's streaming server."""
    current, previous = tmp_path / "0.log", tmp_path / "1.log"
    current.write_text("".join(f"2026-11-21T10:00:0{n}Z stdout F line {n}\n" for n in range(5)))
    previous.write_text("2026-11-21T09:00:00Z stdout F before\n")
    waiting = {"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    pods = [
        pod("web", "app", "side"),
        pod("new", "late", containerStatuses=[]),
        pod("stuck", "app", "x", containerStatuses=[{**waiting, "name": "x"}]),
    ]
    agent = Agent(pods, {("app", False): current, ("app", True): previous})
    streamer = Streamer()
    streams = HttpServer(streamer.handle)
    streamer.port = await streams.listen("127.0.0.1", 0)
    kubelet = KubeletServer(agent, cast(Runtime, streamer), SystemClock())
    serving = server_context(*pki.issue("n1"), client_ca=pki.ca, require_client=True)
    kubelet_port = await kubelet.start("127.0.0.1", 0, serving)
    certificate, key = pki.issue("kube-apiserver-kubelet-client")
    access = KubeletAccess(client_context(ca=pki.ca, certificate=certificate, key=key))
    endpoints = {"kubeletEndpoint": {"Port": kubelet_port}}
    addresses = [{"type": "Hostname", "address": "n1.invalid"}, {"type": "InternalIP", "address": "127.0.0.1"}]
    node = {"metadata": {"name": "n1"}, "status": {"addresses": addresses, "daemonEndpoints": endpoints}}

    async def api(request: Request) -> Response | Streaming | Upgrade:
        _, name, subresource = request.path.split("/")
        found = next(pod for pod in pods if pod["metadata"]["name"] == name)
        host = None if request.headers.get("x-no-node") else node
        try:
            if subresource == "log":
                return await log(request, found, host, access)
            return stream(request, subresource, found, host, access)
        except ApiError as error:
            return Response(error.code, json.dumps(error.status()).encode())

    front = HttpServer(api)
    try:
        yield World(await front.listen("127.0.0.1", 0), kubelet_port, pki, streamer, node)
    finally:
        await front.stop(0.5)
        await kubelet.stop(0.5)
        await streams.stop(0.5)


def test_logs_come_through_the_api_server(pki: Pki, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(pki, tmp_path) as here:
            client = HttpPool("127.0.0.1", here.api)

            async def get(target: str) -> tuple[int, bytes]:
                answer = await client.request("GET", target)
                return answer.status, answer.body

            assert (await get("/web/log?container=app&tailLines=2")) == (200, b"line 3\nline 4\n")
            assert (await get("/web/log?container=app&previous=true&timestamps=true")) == (
                200,
                b"2026-11-21T09:00:00Z before\n",
            )
            assert (await get("/web/log?container=app&limitBytes=3"))[1] == b"lin"
            assert (await get("/web/log?container=app&sinceTime=2026-11-21T10%3A00%3A04Z"))[1] == b"line 4\n"
            client.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("offered", "sent"),
    [
        ("", b"\x82\x00\x82\x07line 4\n\x88\x02\x03\xe8"),
        ("binary.k8s.io", b"\x82\x00\x82\x07line 4\n\x88\x02\x03\xe8"),
        ("base64.binary.k8s.io", b"\x81\x00\x81\x0cbGluZSA0Cg==\x88\x02\x03\xe8"),
    ],
)
def test_logs_come_by_websocket(pki: Pki, tmp_path: Path, offered: str, sent: bytes) -> None:
    async def main() -> None:
        async with world(pki, tmp_path) as here:
            lines = ["Sec-WebSocket-Key: abc", "Sec-WebSocket-Version: 13"]
            lines += [f"Sec-WebSocket-Protocol: {offered}"] if offered else []
            target = "/web/log?container=app&tailLines=1"
            head, reader, writer = await upgrade(here.api, target, "websocket", *lines)
            assert head.startswith(b"HTTP/1.1 101 ") and (f"Protocol: {offered}\r\n".encode() in head) is bool(offered)
            assert await asyncio.wait_for(reader.readexactly(len(sent)), 60) == sent
            writer.close()
            head, *_ = await upgrade(here.api, target, "websocket", *lines[:2], "Sec-WebSocket-Protocol: v4.channel")
            assert head.startswith(b"HTTP/1.1 403 ")
            head, *_ = await upgrade(here.api, "/web/log?container=no", "websocket", *lines)
            assert head.startswith(b"HTTP/1.1 400 ")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("/web/log", 400, "a container name must be specified for pod web, choose one of: [app side]"),
        ("/web/log?container=no", 400, "container no is not valid for pod web"),
        ("/web/log?container=app&tailLines=-1", 422, "must be greater than or equal to 0"),
        ("/web/log?container=app&sinceSeconds=0", 422, "must be greater than 0"),
        ("/web/log?container=app&sinceTime=yesterday", 400, "not an RFC 3339 time"),
        (
            "/web/log?container=app&sinceSeconds=1&sinceTime=x",
            422,
            ": Forbidden: at most one of `sinceTime` or `sinceSe",
        ),
        (
            "/web/log?container=app&stream=Both",
            422,
            'PodLogOptions "web" is invalid: stream: Unsupported value: "Both"',
        ),
        ("/web/log?container=app&stream=Stdout&tailLines=1", 422, "are mutually exclusive for now"),
        ("/web/log?container=side", 400, 'container "side" in pod "web" is not available'),
        ("/web/log?container=side&previous=true", 400, 'previous terminated container "side" in pod "web" not found'),
        ("/stuck/log?container=x", 400, "is waiting to start: trying and failing to pull image"),
        ("/web/exec?container=app&command=ls&stdout=1", 400, "Upgrade request required"),
        ("/web/exec?container=app&stdout=1", 400, "you must specify at least one command"),
        ("/web/exec?container=app&command=ls", 400, "at least 1 of stdin, stdout, stderr"),
    ],
)
def test_refusals_say_what_is_wrong(pki: Pki, tmp_path: Path, target: str, code: int, message: str) -> None:
    async def main() -> None:
        async with world(pki, tmp_path) as here:
            answer = await HttpPool("127.0.0.1", here.api).request("GET", target)
            assert (answer.status, json.loads(answer.body)["code"]) == (code, code)
            assert message in json.loads(answer.body)["message"]

    asyncio.run(main())


async def upgrade(port: int, target: str, protocol: str = "SPDY/3.1", *lines: str) -> tuple[bytes, Any, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = [f"POST {target} HTTP/1.1", "Host: api", "Connection: Upgrade", f"Upgrade: {protocol}", *lines, "", ""]
    writer.write("\r\n".join(head).encode())
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60), reader, writer


def test_streams_reach_the_runtimes_server_and_come_back(pki: Pki, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(pki, tmp_path) as here:
            targets = [
                "/web/exec?container=app&command=sh&command=-c&command=a%20b&stdin=true&stdout=true&tty=true",
                "/web/attach?container=app&stdout=1&stderr=1",
                "/web/portforward?ports=80",
            ]
            for number, target in enumerate(targets, 1):
                head, reader, writer = await upgrade(here.api, target)
                assert head.startswith(b"HTTP/1.1 101") and b"Upgrade: SPDY/3.1" in head
                writer.write(b"hello")
                assert await asyncio.wait_for(reader.readexactly(5), 60) == b"HELLO"
                assert here.streamer.requests[-1].path == f"/token/{number}"
                writer.close()
            assert here.streamer.asked == [
                ("exec", "app-0", ["sh", "-c", "a b"], {"stdin", "stdout", "tty"}),
                ("attach", "app-0", {"stdout", "stderr"}),
                ("portforward", "s1", [80]),
            ]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("target", "protocol", "status"),
    [
        ("/web/exec?container=app&command=ls&stdout=1", "v5.channel.k8s.io", 403),
        ("/web/portforward", "SPDY/3.1+portforward.k8s.io", 403),
        ("/web/exec?container=app&command=ls&stdout=1", "v4.channel.k8s.io", 101),
        ("/web/portforward?ports=80", "v4.channel.k8s.io", 101),
        ("/web/portforward", "v4.channel.k8s.io", 400),
    ],
)
def test_websockets_that_the_runtime_does_not_speak_are_refused_before_it_is_asked(
    pki: Pki, tmp_path: Path, target: str, protocol: str, status: int
) -> None:
    async def main() -> None:
        async with world(pki, tmp_path) as here:
            offer = f"Sec-WebSocket-Protocol: {protocol}"
            head, _, writer = await upgrade(here.api, target, "websocket", offer)
            assert int(head.split()[1]) == status
            assert len(here.streamer.asked) == (status == 101)
            writer.close()

    asyncio.run(main())


def test_a_runtime_that_cannot_stream_says_so(pki: Pki, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(pki, tmp_path) as here:
            here.streamer.refuses = RuntimeFailure("unsupported", "simulated containers run no commands")
            head, reader, _ = await upgrade(here.api, "/web/exec?container=app&command=ls&stdout=1")
            assert head.startswith(b"HTTP/1.1 501 ")
            assert json.loads(await reader.read())["message"] == "simulated containers run no commands"

    asyncio.run(main())


def test_a_pod_without_a_host(pki: Pki, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(pki, tmp_path) as here:
            client = HttpPool("127.0.0.1", here.api)
            answer = await client.request("GET", "/web/log?container=app", headers={"X-No-Node": "1"})
            assert (answer.status, answer.body) == (200, b"")
            target = "/web/exec?container=app&command=ls&stdout=1"
            head, reader, _ = await upgrade(here.api, target, "SPDY/3.1", "X-No-Node: 1")
            assert head.startswith(b"HTTP/1.1 400 ")
            assert json.loads(await reader.read())["message"] == "pod web does not have a host assigned"

    asyncio.run(main())


def test_only_the_api_server_may_use_the_port(pki: Pki, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(pki, tmp_path) as here:
            statuses = {}
            for user, groups in (
                ("kube-apiserver-kubelet-client", ()),
                ("root", ("system:masters",)),
                ("eve", ("dev",)),
            ):
                pool = here.pool(user, *groups)
                statuses[user] = (await pool.request("GET", "/pods")).status
                pool.close()
            assert statuses == {"kube-apiserver-kubelet-client": 200, "root": 200, "eve": 403}

    asyncio.run(main())


def test_the_containers_that_are_meant() -> None:
    one, two = pod("one", "a"), pod("two", "a", "b")
    two["spec"]["initContainers"] = [{"name": "i"}]
    assert container_of(one, "") == "a" and container_of(two, "i") == "i"
    with pytest.raises(ApiError, match=r"choose one of: \[i a b\]"):
        container_of(two, "")
    two["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "b"}
    assert container_of(two, "") == "b"


def test_usage_is_told_as_summary_and_as_metrics(pki: Pki, tmp_path: Path) -> None:
    async def main() -> None:
        async with world(pki, tmp_path) as here:
            client = here.pool("kube-apiserver-kubelet-client")
            summary = json.loads((await client.request("GET", "/stats/summary")).body)
            assert summary["node"]["nodeName"] == "n1"
            assert summary["node"]["memory"]["availableBytes"] == 850
            (found,) = summary["pods"]
            assert found["podRef"]["name"] == "web"
            assert found["containers"][0]["cpu"] == {
                "time": "2023-11-14T22:13:20Z",
                "usageCoreNanoSeconds": 2_500_000_000,
                "usageNanoCores": 250_000_000,
            }
            text = (await client.request("GET", "/metrics/resource")).body.decode()
            labels = 'container="app",namespace="default",pod="web"'
            assert f"container_cpu_usage_seconds_total{{{labels}}} 2.5 1700000000000\n" in text
            assert f"container_start_time_seconds{{{labels}}} 1699999000.5 1700000000000\n" in text
            assert 'pod_memory_working_set_bytes{namespace="default",pod="web"} 150 1700000000000\n' in text
            assert "node_memory_working_set_bytes 150 1700000000000\n" in text
            assert "# TYPE node_cpu_usage_seconds_total counter\n" in text
            assert text.endswith("resource_scrape_error 0\n")
            own = (await client.request("GET", "/metrics")).body.decode()
            assert "kubelet_running_pods 1\n" in own and 'kubelet_node_name{node="n1"} 1\n' in own
            containers = (await client.request("GET", "/metrics/cadvisor")).body.decode()
            place = 'container="app",image="",name="c",namespace="default",pod="web"'
            assert f"container_cpu_usage_seconds_total{{{place}}} 2.5\n" in containers
            probes = (await client.request("GET", "/metrics/probes")).body.decode()
            assert 'prober_probe_total{probe_type="Liveness",result="failed",' in probes
            for path in ("/healthz", "/healthz/ping", "/healthz/log", "/healthz/syncloop"):
                assert (await client.request("GET", path)).body == b"ok"
            for path in ("/stats", "/stats/container", "/metrics/other", "/healthz/other"):
                assert (await client.request("GET", path)).status == 404
            client.close()

    asyncio.run(main())
