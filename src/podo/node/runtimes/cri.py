"""Real containers: the runtime contract over CRI v1, spoken to containerd on its unix socket.

Events come from containerd's own event service. Importing this module is cheap; gRPC is imported by ``start``.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from podo.node.runtimes.containerd_images import ImageViews
from podo.node.runtimes.contract import (
    Container,
    ContainerSpec,
    ExecResult,
    FileSystem,
    Happened,
    Image,
    Resources,
    RuntimeFailure,
    RuntimeInfo,
    Sandbox,
    SandboxSpec,
    go_code,
)
from podo.runtime.clock import Clock
from podo.runtime.log import Logger
from podo.runtime.programs import run_program
from podo.runtime.tasks import sleep

#: Deadlines of calls, in seconds: what only reads, what changes something, what sets up a network, what fetches.
READ, CHANGE, SANDBOX, PULL = 10.0, 120.0, 240.0, 1800.0
#: More starts at once do not make any faster, each only takes longer.
STARTS_AT_ONCE, PULLS_AT_ONCE = 4, 3
EXEC_OUTPUT = 16 << 10
#: Waits between attempts to follow the events again, in seconds.
RETRY_FIRST, RETRY_LAST = 0.1, 5.0
#: A LIST of a full node.
MESSAGE_BYTES = 16 << 20
IMPORT_SECONDS = 120.0
#: Only where all of cgroups is version 2.
CGROUP_V2 = Path("/sys/fs/cgroup/cgroup.controllers")

log = Logger("podo.cri")


class CriRuntime:
    """A ``contract.Runtime``. ``socket_path``: containerd's; one instance an event loop."""

    def __init__(self, socket_path: str | Path, clock: Clock) -> None:
        self._socket = str(socket_path)
        self._clock = clock
        self._channel: Any = None
        self._runtime: Any = None
        self._images: Any = None
        self._cgroup_v2 = CGROUP_V2.exists()
        self._starts = asyncio.Semaphore(STARTS_AT_ONCE)
        self._pulls = asyncio.Semaphore(PULLS_AT_ONCE)

    async def start(self) -> None:
        """Connects when needed: containerd need not be there yet."""
        os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # no fork goes on without exec: its handlers could only hang
        import grpc
        from cri_api.v1 import api_pb2_grpc

        limits = [
            ("grpc.max_receive_message_length", MESSAGE_BYTES),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 2000),
            ("grpc.enable_http_proxy", 0),
            ("grpc.default_authority", "localhost"),
        ]
        self._channel = grpc.aio.insecure_channel(f"unix://{self._socket}", options=limits)
        self._runtime = api_pb2_grpc.RuntimeServiceStub(self._channel)
        self._images = api_pb2_grpc.ImageServiceStub(self._channel)

    async def stop(self) -> None:
        """Containers go on."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None

    async def info(self) -> RuntimeInfo:
        version = await self._ask("Version", "VersionRequest")
        status = (await self._ask("Status", "StatusRequest")).status
        conditions = {one.type: one for one in status.conditions}
        network = conditions.get("NetworkReady")
        problems = [f"{one.reason}: {one.message}" for one in conditions.values() if not one.status]
        return RuntimeInfo(
            version.runtime_name, version.runtime_version, bool(network and network.status), "; ".join(problems)
        )

    # Sandboxes

    async def run_sandbox(self, spec: SandboxSpec) -> str:
        from podo.node.runtimes.cri_messages import sandbox_config

        config = sandbox_config(spec)
        async with self._starts:
            answer = await self._ask(
                "RunPodSandbox", "RunPodSandboxRequest", SANDBOX, config=config, runtime_handler=spec.handler
            )
        return str(answer.pod_sandbox_id)

    async def stop_sandbox(self, sandbox_id: str) -> None:
        await self._ask("StopPodSandbox", "StopPodSandboxRequest", SANDBOX, pod_sandbox_id=sandbox_id)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self._ask("RemovePodSandbox", "RemovePodSandboxRequest", CHANGE, pod_sandbox_id=sandbox_id)

    async def sandbox_status(self, sandbox_id: str) -> Sandbox:
        from podo.node.runtimes import cri_messages

        answer = await self._ask("PodSandboxStatus", "PodSandboxStatusRequest", pod_sandbox_id=sandbox_id)
        return cri_messages.sandbox(answer.status, cri_messages.sandbox_ips(answer.status))

    async def list_sandboxes(self) -> list[Sandbox]:
        from podo.node.runtimes.cri_messages import sandbox

        return [sandbox(one) for one in (await self._ask("ListPodSandbox", "ListPodSandboxRequest")).items]

    # Containers

    async def create_container(self, sandbox_id: str, spec: ContainerSpec, sandbox: SandboxSpec) -> str:
        from podo.node.runtimes.cri_messages import container_config, sandbox_config

        answer = await self._ask(
            "CreateContainer",
            "CreateContainerRequest",
            CHANGE,
            pod_sandbox_id=sandbox_id,
            config=container_config(spec, end_together=self._cgroup_v2),
            sandbox_config=sandbox_config(sandbox),
        )
        return str(answer.container_id)

    async def start_container(self, container_id: str) -> None:
        async with self._starts:
            await self._ask("StartContainer", "StartContainerRequest", CHANGE, container_id=container_id)

    async def update_resources(self, container_id: str, resources: Resources) -> None:
        from podo.node.runtimes.cri_messages import new_resources

        linux = new_resources(resources)
        wanted = {"container_id": container_id, "linux": linux}
        await self._ask("UpdateContainerResources", "UpdateContainerResourcesRequest", CHANGE, **wanted)

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        grace = max(math.ceil(grace_seconds), 0)
        await self._ask(
            "StopContainer", "StopContainerRequest", grace + CHANGE, container_id=container_id, timeout=grace
        )

    async def remove_container(self, container_id: str) -> None:
        await self._ask("RemoveContainer", "RemoveContainerRequest", CHANGE, container_id=container_id)

    async def container_status(self, container_id: str) -> Container:
        """``sandbox_id`` comes from the list: CRI's status lacks it."""
        from cri_api.v1 import api_pb2

        from podo.node.runtimes.cri_messages import container_status

        only = api_pb2.ContainerFilter(id=container_id)
        listed, answer = await asyncio.gather(
            self._ask("ListContainers", "ListContainersRequest", filter=only),
            self._ask("ContainerStatus", "ContainerStatusRequest", container_id=container_id),
        )
        return container_status(answer.status, listed.containers[0].pod_sandbox_id if listed.containers else "")

    async def list_containers(self) -> list[Container]:
        from podo.node.runtimes.cri_messages import container

        return [container(one) for one in (await self._ask("ListContainers", "ListContainersRequest")).containers]

    async def exec(self, container_id: str, argv: Sequence[str], timeout_seconds: float) -> ExecResult:
        """``timeout_seconds`` is rounded up to whole seconds; past it the process is killed: RuntimeFailure
        ``deadline``.
        """
        limit = math.ceil(timeout_seconds)
        answer = await self._ask(
            "ExecSync",
            "ExecSyncRequest",
            limit + READ if limit else CHANGE,
            container_id=container_id,
            cmd=argv,
            timeout=limit,
        )
        output = (answer.stdout + answer.stderr)[:EXEC_OUTPUT]
        return ExecResult(answer.exit_code, output, answer.stderr[:EXEC_OUTPUT])

    async def exec_url(
        self, container_id: str, argv: Sequence[str], *, stdin: bool, stdout: bool, stderr: bool, tty: bool
    ) -> str:
        streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "tty": tty}
        return str((await self._ask("Exec", "ExecRequest", container_id=container_id, cmd=argv, **streams)).url)

    async def attach_url(self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool, tty: bool) -> str:
        streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "tty": tty}
        return str((await self._ask("Attach", "AttachRequest", container_id=container_id, **streams)).url)

    async def port_forward_url(self, sandbox_id: str, ports: Sequence[int]) -> str:
        answer = await self._ask("PortForward", "PortForwardRequest", pod_sandbox_id=sandbox_id, port=ports)
        return str(answer.url)

    async def reopen_log(self, container_id: str) -> None:
        await self._ask("ReopenContainerLog", "ReopenContainerLogRequest", CHANGE, container_id=container_id)

    # Images

    async def pull_image(self, reference: str, *, username: str = "", password: str = "") -> str:
        from cri_api.v1 import api_pb2

        # the server's address stays empty: containerd matches any other with the mirror's host
        login = api_pb2.AuthConfig(username=username, password=password) if username or password else None
        async with self._pulls:
            answer = await self._ask(
                "PullImage", "PullImageRequest", PULL, image=api_pb2.ImageSpec(image=reference), auth=login
            )
        return str(answer.image_ref)

    async def find_image(self, reference: str) -> Image | None:
        from cri_api.v1 import api_pb2

        from podo.node.runtimes.cri_messages import image

        answer = await self._ask("ImageStatus", "ImageStatusRequest", image=api_pb2.ImageSpec(image=reference))
        return image(answer.image) if answer.image.id else None

    async def list_images(self) -> list[Image]:
        from podo.node.runtimes.cri_messages import image

        return [image(one) for one in (await self._ask("ListImages", "ListImagesRequest")).images]

    async def remove_image(self, reference: str) -> None:
        from cri_api.v1 import api_pb2

        await self._ask("RemoveImage", "RemoveImageRequest", CHANGE, image=api_pb2.ImageSpec(image=reference))

    async def load_image(self, archive: str | Path) -> list[str]:
        """Take every image of an OCI or Docker archive; their full names. Not in CRI: containerd's ``ctr`` does it."""
        names = await self._import(str(archive))
        if not names:
            raise RuntimeFailure("failed", f"{archive} holds no image for this machine")
        async with asyncio.timeout(READ):
            for name in names:  # CRI learns of them by an event, a moment later
                while await self.find_image(name) is None:
                    await sleep(0.01)
        return names

    async def _import(self, archive: str) -> list[str]:
        argv = ["ctr", "--address", self._socket, "--namespace", "k8s.io", "images", "import", archive]
        try:
            ended = await run_program(IMPORT_SECONDS, *argv)
        except FileNotFoundError as failure:
            raise RuntimeFailure("failed", "ctr is not installed; it comes with containerd") from failure
        except TimeoutError as failure:
            raise RuntimeFailure("deadline", f"{archive} was not loaded within {IMPORT_SECONDS:.0f} s") from failure
        if ended.code:
            raise RuntimeFailure("failed", f"cannot load {archive}: {ended.errors.strip().removeprefix('ctr: ')}")
        words = [line.split() for line in ended.output.splitlines()]
        return [line[1] for line in words if len(line) > 1 and line[0] == "unpacking"]

    # Images as volumes

    async def view_image(self, image_id: str, key: str) -> FileSystem:
        return await self._views().view(image_id, key)

    async def release_images(self, pod_uid: str) -> None:
        await self._views().release(pod_uid)

    async def viewed_images(self) -> set[str]:
        return await self._views().viewed()

    def _views(self) -> ImageViews:
        if self._channel is None:
            raise RuntimeFailure("unavailable", "the runtime is not started")
        return ImageViews(self._channel)

    # Events

    async def events(self) -> AsyncIterator[Happened]:
        """Never ends by itself: when containerd goes, it waits until it is back."""
        wait = RETRY_FIRST
        while True:
            began = self._clock.monotonic()
            try:
                async for item in self._follow():
                    yield item
            except RuntimeFailure as failure:
                log.info("container events interrupted", why=failure.message)
            wait = RETRY_FIRST if self._clock.monotonic() - began > RETRY_LAST else min(wait * 2, RETRY_LAST)
            await sleep(wait)

    async def _follow(self) -> AsyncIterator[Happened]:
        import grpc

        from podo.node.runtimes.containerd_events import FILTER, SUBSCRIBE, happened
        from podo.node.runtimes.containerd_messages import message

        if self._channel is None:
            raise RuntimeFailure("unavailable", "the runtime is stopped")
        subscribe = self._channel.unary_stream(
            SUBSCRIBE,
            request_serializer=message("SubscribeRequest").SerializeToString,
            response_deserializer=message("Envelope").FromString,
        )
        try:
            await self._ask("Version", "VersionRequest")  # is it there?
            call = subscribe(message("SubscribeRequest")(filters=[FILTER]))
            yield Happened("resync", "")
            async for envelope in call:
                if (item := happened(envelope)) is not None:
                    yield item
        except grpc.aio.AioRpcError as failure:
            raise _failure(failure) from failure

    async def _ask(self, method: str, request: str, deadline: float = READ, **fields: Any) -> Any:
        """One call; raises RuntimeFailure."""
        import grpc
        from cri_api.v1 import api_pb2

        if self._channel is None:
            raise RuntimeFailure("unavailable", "the runtime is not started")
        stub = self._images if "Image" in method else self._runtime
        try:
            return await getattr(stub, method)(getattr(api_pb2, request)(**fields), timeout=deadline)
        except grpc.aio.AioRpcError as failure:
            raise _failure(failure) from failure


def _failure(failure: Any) -> RuntimeFailure:
    import grpc

    kinds = {
        grpc.StatusCode.NOT_FOUND: "not_found",
        grpc.StatusCode.DEADLINE_EXCEEDED: "deadline",
        grpc.StatusCode.UNAVAILABLE: "unavailable",
    }
    code = go_code(failure)
    return RuntimeFailure(kinds.get(failure.code(), "failed"), failure.details() or code, code)
