"""A runtime without containers, for simulated nodes: they "run" as the pod's annotations say, in virtual time too.

Annotations of a pod; each may end in ``.NAME`` to speak of one container only (of a plain init container always so):

- ``podo.dev/start-seconds``: how long a start takes (default 0)
- ``podo.dev/run-seconds``: how long a container runs before it exits (default: for ever; plain init containers: 0)
- ``podo.dev/exit-code``: the code it exits with then (default 0)
- ``podo.dev/stop-code``: the code it exits with when it is stopped (default 0)

Without an annotation, the stage that the pod plays says it (``podo.node.stages``).

An image whose name begins with ``podo.dev/absent/`` cannot be pulled. What needs a real process (exec, attach,
port-forward) answers a RuntimeFailure.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from podo.node import labels
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
)
from podo.node.stages.cast import Cast, Part
from podo.node.stages.stage import CHOSEN, Run
from podo.runtime.chance import Chance
from podo.runtime.clock import Clock
from podo.runtime.tasks import Tasks, sleep

ABSENT_PREFIX = "podo.dev/absent/"
MOST_EVENTS = 100_000


@dataclass(frozen=True, slots=True)
class RuntimeState:
    """All that a simulated runtime holds, to go on from elsewhere. ``ends``: seconds until a container exits."""

    sandboxes: Mapping[str, Sandbox]
    containers: Mapping[str, Container]
    specs: Mapping[str, ContainerSpec]
    images: Mapping[str, Image]
    ends: Mapping[str, float]


class SimulatedRuntime:
    """``pod_cidr`` may be given later, when the node has been told it. ``state``: what is there from the beginning.
    ``cast``: which stages pods play."""

    def __init__(
        self,
        clock: Clock,
        chance: Chance,
        pod_cidr: str = "",
        state: RuntimeState | None = None,
        cast: Cast | None = None,
    ) -> None:
        self._cast = cast or Cast()
        self._clock = clock
        self._chance = chance
        self._sandboxes: dict[str, Sandbox] = {}
        self._containers: dict[str, Container] = {}
        self._specs: dict[str, ContainerSpec] = {}
        self._images: dict[str, Image] = {}
        self._ends: dict[str, asyncio.TimerHandle] = {}
        self._events: asyncio.Queue[Happened] = asyncio.Queue(MOST_EVENTS)
        self._addresses: Iterator[str] = iter(())
        self._free: list[str] = []
        self._tasks = Tasks("simulated-runtime")
        self._resume = state.ends if state else {}
        if state:
            self._sandboxes |= state.sandboxes
            self._containers |= state.containers
            self._specs |= state.specs
            self._images |= state.images
            for sandbox in state.sandboxes.values():
                if CHOSEN in sandbox.annotations:
                    self._cast.resume(sandbox.pod_uid, sandbox.annotations[CHOSEN])
        if pod_cidr:
            self.set_pod_cidr(pod_cidr)

    def state(self) -> RuntimeState:
        """What is there now, for another runtime to begin with."""
        now = asyncio.get_running_loop().time()
        ends = {container_id: max(0.0, timer.when() - now) for container_id, timer in self._ends.items()}
        return RuntimeState(dict(self._sandboxes), dict(self._containers), dict(self._specs), dict(self._images), ends)

    def set_pod_cidr(self, pod_cidr: str) -> None:
        """From here on sandboxes get addresses of this network (the first host address is the node's own)."""
        hosts = ipaddress.ip_network(pod_cidr).hosts()
        next(hosts, None)
        taken = {ip for sandbox in self._sandboxes.values() if sandbox.ready for ip in sandbox.ips}
        self._addresses = (str(address) for address in hosts if str(address) not in taken)

    async def start(self) -> None:
        """Containers of the ``state`` that are to exit do so when their time has come."""
        for container_id, seconds in self._resume.items():
            run = self._run_of(self._containers[container_id])
            self._exit_after(container_id, seconds, run.exit_code)
        self._resume = {}

    def _exit_after(self, container_id: str, seconds: float, code: int) -> None:
        self._ends[container_id] = asyncio.get_running_loop().call_later(seconds, self._end, container_id, code)

    async def stop(self) -> None:
        for timer in self._ends.values():
            timer.cancel()
        self._ends.clear()
        await self._tasks.stop()

    async def info(self) -> RuntimeInfo:
        return RuntimeInfo("simulated", "1.0.0", network_ready=True)

    # Sandboxes

    async def run_sandbox(self, spec: SandboxSpec) -> str:
        sandbox_id = self._new_id()
        ips: tuple[str, ...] = () if spec.host_network else (self._address(),)
        stage = self._cast.stage_name(spec.pod_uid)
        self._sandboxes[sandbox_id] = Sandbox(
            sandbox_id,
            spec.pod_name,
            spec.pod_namespace,
            spec.pod_uid,
            spec.attempt,
            True,
            self._clock.now(),
            ips,
            spec.labels,
            {**spec.annotations, CHOSEN: stage} if stage else spec.annotations,
        )
        return sandbox_id

    def _address(self) -> str:
        address = next(self._addresses, None)
        if address is not None:
            return address
        if self._free:
            return self._free.pop(0)
        raise RuntimeFailure("failed", "no IP addresses available in the node's pod CIDR")

    async def stop_sandbox(self, sandbox_id: str) -> None:
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None or not sandbox.ready:
            return
        for container in [c for c in self._containers.values() if c.sandbox_id == sandbox_id]:
            self._end(container.id, 137, "Error")
        self._free.extend(sandbox.ips)
        self._sandboxes[sandbox_id] = replace(sandbox, ready=False)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self.stop_sandbox(sandbox_id)
        for container in [c for c in self._containers.values() if c.sandbox_id == sandbox_id]:
            await self.remove_container(container.id)
        self._sandboxes.pop(sandbox_id, None)

    async def sandbox_status(self, sandbox_id: str) -> Sandbox:
        try:
            return self._sandboxes[sandbox_id]
        except KeyError:
            raise RuntimeFailure("not_found", f"no sandbox {sandbox_id}") from None

    async def list_sandboxes(self) -> list[Sandbox]:
        return [replace(sandbox, ips=()) for sandbox in self._sandboxes.values()]

    # Containers

    async def create_container(self, sandbox_id: str, spec: ContainerSpec, sandbox: SandboxSpec) -> str:
        await self.sandbox_status(sandbox_id)
        if await self.find_image(spec.image_id) is None:
            raise RuntimeFailure("not_found", f"no image {spec.image_id}")
        container_id = self._new_id()
        self._specs[container_id] = spec
        self._containers[container_id] = Container(
            container_id,
            sandbox_id,
            spec.name,
            spec.attempt,
            "created",
            spec.image_name,
            spec.image_id,
            self._clock.now(),
            labels=spec.labels,
            annotations=spec.annotations,
        )
        return container_id

    async def start_container(self, container_id: str) -> None:
        container = await self.container_status(container_id)
        if container.state != "created":
            raise RuntimeFailure("failed", f"container {container_id} is {container.state}, not created")
        if delay := self._start_seconds(container):
            await sleep(delay)
        now = self._clock.now()
        self._containers[container_id] = replace(container, state="running", started_at=now)
        run = self._run_of(container)
        if run.lasts is not None:
            self._exit_after(container_id, run.lasts, run.exit_code)

    def _start_seconds(self, container: Container) -> float:
        said = self._seconds(container, "start-seconds")
        return self._cast.start_seconds(self._part(container)) if said is None else said

    def _run_of(self, container: Container) -> Run:
        """How this run of the container goes."""
        lasts = self._seconds(container, "run-seconds")
        code = self._seconds(container, "exit-code")
        staged = self._cast.run(self._part(container)) if lasts is None else Run(lasts, 0)
        if staged is None:
            staged = Run(0.0 if _is_init(container) else None, 0)
        return staged if code is None else replace(staged, exit_code=int(code))

    def _part(self, container: Container) -> Part:
        """What the container plays its stage as."""
        uid = self._sandboxes[container.sandbox_id].pod_uid
        return Part(uid, container.name, container.attempt, _is_init(container))

    def _seconds(self, container: Container, what: str) -> float | None:
        """The annotation of the container, or of its pod about it; None where nothing is said."""
        annotations: Mapping[str, str] = {**self._sandboxes[container.sandbox_id].annotations, **container.annotations}
        name = f"podo.dev/{what}.{container.name}"
        if name not in annotations and not _is_init(container):
            name = f"podo.dev/{what}"
        if name not in annotations:
            return None
        try:
            return float(annotations[name])
        except ValueError:
            raise RuntimeFailure("failed", f"annotation {name} is not a number: {annotations[name]!r}") from None

    def _end(self, container_id: str, exit_code: int, reason: str = "") -> None:
        if timer := self._ends.pop(container_id, None):
            timer.cancel()
        container = self._containers.get(container_id)
        if container is None or container.state != "running":
            return
        self._containers[container_id] = replace(
            container,
            state="exited",
            finished_at=self._clock.now(),
            exit_code=exit_code,
            reason=reason or ("Completed" if exit_code == 0 else "Error"),
        )
        self._tell(Happened("exited", container_id, exit_code, self._clock.now()))

    def fail(self, container_id: str, exit_code: int = 137) -> None:
        """End a running container as if its process had died (for tests and fault injection)."""
        self._end(container_id, exit_code)

    def _tell(self, happened: Happened) -> None:
        if self._events.full():  # nobody listens: one look at everything will do
            while not self._events.empty():
                self._events.get_nowait()
            happened = Happened("resync", "")
        self._events.put_nowait(happened)

    async def update_resources(self, container_id: str, resources: Resources) -> None:
        await self.container_status(container_id)
        self._specs[container_id] = replace(self._specs[container_id], resources=resources)

    async def stop_container(self, container_id: str, grace_seconds: float) -> None:
        container = self._containers.get(container_id)
        if container is not None:
            code = self._seconds(container, "stop-code")
            staged = self._cast.behaviour(self._part(container)).stop_code or 0
            self._end(container_id, staged if code is None else int(code))

    async def remove_container(self, container_id: str) -> None:
        self._end(container_id, 137)
        self._containers.pop(container_id, None)
        self._specs.pop(container_id, None)

    async def container_status(self, container_id: str) -> Container:
        try:
            return self._containers[container_id]
        except KeyError:
            raise RuntimeFailure("not_found", f"no container {container_id}") from None

    async def list_containers(self) -> list[Container]:
        return list(self._containers.values())

    # Processes there are none

    async def exec(self, container_id: str, argv: Sequence[str], timeout_seconds: float) -> ExecResult:
        raise _not_supported("exec")

    async def exec_url(
        self, container_id: str, argv: Sequence[str], *, stdin: bool, stdout: bool, stderr: bool, tty: bool
    ) -> str:
        raise _not_supported("exec")

    async def attach_url(self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool, tty: bool) -> str:
        raise _not_supported("attach")

    async def port_forward_url(self, sandbox_id: str, ports: Sequence[int]) -> str:
        raise _not_supported("port-forward")

    async def reopen_log(self, container_id: str) -> None:
        return None

    # Images

    async def pull_image(self, reference: str, *, username: str = "", password: str = "") -> str:
        if reference.startswith(ABSENT_PREFIX):
            raise RuntimeFailure("not_found", f'failed to pull image "{reference}": {reference}: not found')
        if seconds := self._cast.pull_seconds(reference):
            await sleep(seconds)
        image = Image(f"sha256:{self._new_id()}", (reference,), 1 << 20)
        self._images[reference] = image
        return image.id

    async def find_image(self, reference: str) -> Image | None:
        image = self._images.get(reference)
        if image is None and reference.startswith("sha256:"):
            return next((image for image in self._images.values() if image.id == reference), None)
        return image

    async def list_images(self) -> list[Image]:
        return list(self._images.values())

    async def remove_image(self, reference: str) -> None:
        for name in [name for name, image in self._images.items() if reference in (name, image.id)]:
            del self._images[name]

    async def view_image(self, image_id: str, key: str) -> FileSystem:
        return FileSystem("", "")

    async def release_images(self, pod_uid: str) -> None:
        return None

    async def viewed_images(self) -> set[str]:
        return set()

    async def events(self) -> AsyncIterator[Happened]:
        yield Happened("resync", "")
        while True:
            yield await self._events.get()

    def _new_id(self) -> str:
        return (self._chance.uid() + self._chance.uid()).replace("-", "")


def _is_init(container: Container) -> bool:
    return container.annotations.get(labels.ROLE) == "init"


def _not_supported(what: str) -> RuntimeFailure:
    return RuntimeFailure("unsupported", f"{what} is not supported on a simulated node: no process runs here")
