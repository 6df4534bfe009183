"""How long a pod takes to run: POST -> Running on a watch, beside the same pod by raw CRI calls on the same
containerd, in turn."""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Iterator
from typing import Any

import orjson

from bench import machine
from bench.cluster import Cluster, running
from bench.figure import Figure, Void
from bench.pod import pod
from bench.requests import PODS
from bench.wire import Connection, connect, delete, get, post

ROUNDS = 9
PATIENCE = 30.0
TARGET = 1.5


def measure() -> Iterator[Figure]:
    with running("containerd") as cluster:
        cluster.load_images()
        yield asyncio.run(_compare(cluster))


async def _compare(cluster: Cluster) -> Figure:
    user, raw = await _User.connect(cluster), _Raw(cluster)
    pids = list(cluster.own_pids().values())
    ours, theirs, cpu = [], [], 0.0
    try:
        await user.start_and_delete("warm-up")
        for number in range(ROUNDS):
            theirs.append(await asyncio.to_thread(raw.start_and_delete, f"raw-{number}"))
            before = machine.cpu_seconds(pids)
            ours.append(await user.start_and_delete(f"pod-{number}"))
            cpu += machine.cpu_seconds(pids) - before
    finally:
        raw.close()
    note = f"ms of podo's CPU a pod (start and end): {cpu / ROUNDS * 1e3:.0f}"
    values = statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3
    name = "pod start: POST -> Running"
    return Figure(name, values[0], "ms", values[1], "raw CRI", sum(ours), cpu, TARGET, True, note)


async def first_pod(cluster: Cluster) -> float:
    """Seconds until the first pod of a new cluster is Running."""
    return await (await _User.connect(cluster)).start_and_delete("first")


class _User:
    """Somebody who creates pods and watches them."""

    def __init__(self, calls: Connection) -> None:
        self._calls = calls
        self._watch: Connection | None = None
        self._rest = b""
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    @classmethod
    async def connect(cls, cluster: Cluster) -> _User:
        tls = cluster.tls()
        user = cls(await connect(cluster.port, tls))
        user._watch = await connect(cluster.port, tls, user._came)
        user._watch.ask(get(f"{PODS}?watch=true"))
        await asyncio.sleep(0.1)
        return user

    def _came(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._events.put_nowait(orjson.loads(line))

    async def start_and_delete(self, name: str) -> float:
        """Seconds from the POST to Running on the watch; then the pod is deleted and its end awaited."""
        body = orjson.dumps(pod(name))
        began = time.perf_counter()
        status = await self._calls.ask(post(PODS, body))
        if status != 201:
            raise Void(f"POST of a pod was answered {status}")
        await self._until(name, lambda event: event["object"]["status"].get("phase") == "Running")
        took = time.perf_counter() - began
        if (status := await self._calls.ask(delete(f"{PODS}/{name}"))) != 200:
            raise Void(f"DELETE of a pod was answered {status}")
        await self._until(name, lambda event: event["type"] == "DELETED")
        return took

    async def _until(self, name: str, wanted) -> None:  # type: ignore[no-untyped-def]
        last: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    event = await self._events.get()
                    if event["object"]["metadata"]["name"] == name:
                        last = event
                        if wanted(event):
                            return
        except TimeoutError:
            raise Void(f"pod {name} after {PATIENCE:.0f} s: {last.get('object', {}).get('status')}") from None


class _Raw:
    """The least a kubelet must ask: RunPodSandbox, CreateContainer, StartContainer. podo's own node process is stopped
    meanwhile: it must not take the sandbox for a left-over and should not cost anything here."""

    def __init__(self, cluster: Cluster) -> None:
        import grpc
        from cri_api.v1 import api_pb2, api_pb2_grpc

        self._pb = api_pb2
        self._node = cluster.pids()["node-1"]
        self._logs = str(cluster.directory / "raw")
        os.makedirs(self._logs, exist_ok=True)
        self._channel = grpc.insecure_channel(f"unix://{cluster.containerd_socket}")
        self._cri = api_pb2_grpc.RuntimeServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def start_and_delete(self, name: str) -> float:
        os.kill(self._node, signal.SIGSTOP)
        try:
            began = time.perf_counter()
            sandbox, container = self._start(name)
            took = time.perf_counter() - began
            self._delete(sandbox, container)
        finally:
            os.kill(self._node, signal.SIGCONT)
        return took

    def _start(self, name: str) -> tuple[str, str]:
        pb, cri = self._pb, self._cri
        config = pb.PodSandboxConfig(
            metadata=pb.PodSandboxMetadata(name=name, namespace="default", uid=name),
            hostname=name,
            log_directory=self._logs,
            dns_config=pb.DNSConfig(servers=["10.96.0.10"]),
            linux=pb.LinuxPodSandboxConfig(),
        )
        sandbox = cri.RunPodSandbox(pb.RunPodSandboxRequest(config=config), timeout=PATIENCE).pod_sandbox_id
        wanted = pod(name)["spec"]["containers"][0]
        resources = pb.LinuxContainerResources(memory_limit_in_bytes=64 << 20, cpu_shares=10)
        container_config = pb.ContainerConfig(
            metadata=pb.ContainerMetadata(name="main"),
            image=pb.ImageSpec(image=wanted["image"]),
            command=wanted["command"],
            envs=[pb.KeyValue(key=one["name"], value=one["value"]) for one in wanted["env"]],
            log_path="main.log",
            linux=pb.LinuxContainerConfig(resources=resources),
        )
        request = pb.CreateContainerRequest(pod_sandbox_id=sandbox, config=container_config, sandbox_config=config)
        container = cri.CreateContainer(request, timeout=PATIENCE).container_id
        cri.StartContainer(pb.StartContainerRequest(container_id=container), timeout=PATIENCE)
        return sandbox, container

    def _delete(self, sandbox: str, container: str) -> None:
        pb, cri = self._pb, self._cri
        cri.StopContainer(pb.StopContainerRequest(container_id=container, timeout=0), timeout=PATIENCE)
        cri.StopPodSandbox(pb.StopPodSandboxRequest(pod_sandbox_id=sandbox), timeout=PATIENCE)
        cri.RemovePodSandbox(pb.RemovePodSandboxRequest(pod_sandbox_id=sandbox), timeout=PATIENCE)
