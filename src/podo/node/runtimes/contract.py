"""What a node asks of a container runtime: the part of CRI v1 that podo uses, in plain values.

Times are wall seconds (floats), sizes bytes, ids the runtime's own. Every call has a deadline inside and raises
``RuntimeFailure``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class RuntimeFailure(Exception):
    """The runtime refused or failed. ``kind``: ``not_found``, ``exists``, ``deadline``, ``unavailable``,
    ``unsupported``, ``failed``. ``code``: that of the gRPC status that said so, as Go writes it (``NotFound``); "" for
    none. It is part of the text of the failure, and not of its ``message``.
    """

    def __init__(self, kind: str, message: str, code: str = "") -> None:
        super().__init__(f"rpc error: code = {code} desc = {message}" if code else message)
        self.kind = kind
        self.message = message


def go_code(failure: Any) -> str:
    """The status code of a failed gRPC call as Go writes it: ``NotFound``."""
    return "".join(word.capitalize() for word in failure.code().name.split("_"))


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    pod_name: str
    pod_namespace: str
    pod_uid: str
    attempt: int
    hostname: str
    log_directory: str
    dns_servers: Sequence[str] = ()
    dns_searches: Sequence[str] = ()
    dns_options: Sequence[str] = ()
    host_ports: Sequence[tuple[str, int, int, str]] = ()  # protocol, container port, host port, host IP
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    cgroup_parent: str = ""
    sysctls: Mapping[str, str] = field(default_factory=dict)
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_processes: bool = False
    privileged: bool = False
    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: Sequence[int] = ()
    only_these_groups: bool = False  # not those that the image's /etc/group gives the user
    seccomp: str = ""  # "", "RuntimeDefault" or "Unconfined"
    selinux: Mapping[str, str] = field(default_factory=dict)  # user, role, type, level
    handler: str = ""  # RuntimeClass handler


@dataclass(frozen=True, slots=True)
class Mount:
    host_path: str
    container_path: str
    read_only: bool = False
    propagation: str = "None"  # None, HostToContainer, Bidirectional


@dataclass(frozen=True, slots=True)
class Resources:
    cpu_period: int = 0  # µs
    cpu_quota: int = 0  # µs
    cpu_shares: int = 0
    memory_limit: int = 0
    oom_score_adj: int = 0


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    name: str
    attempt: int
    image_id: str
    image_name: str  # as the manifest wrote it
    log_path: str  # relative to the sandbox's log directory
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    working_dir: str = ""
    env: Sequence[tuple[str, str]] = ()
    mounts: Sequence[Mount] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    resources: Resources = Resources()
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    privileged: bool = False
    capabilities_add: Sequence[str] = ()
    capabilities_drop: Sequence[str] = ()
    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_username: str = ""
    supplemental_groups: Sequence[int] = ()
    only_these_groups: bool = False
    read_only_root: bool = False
    no_new_privileges: bool = False
    seccomp: str = ""
    apparmor: str = ""  # "", "RuntimeDefault", "Unconfined" or the name of a profile that the kernel has
    selinux: Mapping[str, str] = field(default_factory=dict)
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False
    share_processes: bool = False
    target_container: str = ""  # id: join its PID namespace


@dataclass(frozen=True, slots=True)
class Sandbox:
    id: str
    pod_name: str
    pod_namespace: str
    pod_uid: str
    attempt: int
    ready: bool
    created_at: float
    ips: Sequence[str] = ()  # filled by sandbox_status only
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Container:
    """A container as the runtime sees it. ``state``: created, running, exited, unknown."""

    id: str
    sandbox_id: str
    name: str
    attempt: int
    state: str
    image: str = ""
    image_id: str = ""
    created_at: float = 0.0
    started_at: float = 0.0  # from here on only container_status fills in
    finished_at: float = 0.0
    exit_code: int = 0
    reason: str = ""  # "Completed", "Error", "OOMKilled" ...
    message: str = ""
    log_path: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    id: str
    names: Sequence[str]  # tags and digests
    size: int = 0
    user: str = ""  # the image's user: a uid or a name


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What mount(8) is told for an image's files: ``overlay`` or ``bind``, a source, options."""

    type: str
    source: str
    options: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ExecResult:
    exit_code: int
    output: bytes  # stdout, then stderr; at most 16 KiB
    stderr: bytes = b""  # the latter alone


@dataclass(frozen=True, slots=True)
class RuntimeInfo:
    name: str  # "containerd"
    version: str
    network_ready: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Happened:
    """Something changed in a sandbox or container: ``kind`` is exited, oom, started, or resync (look at everything).

    An exit tells its code and time where the runtime does; without them, look again.
    """

    kind: str
    id: str
    exit_code: int | None = None
    finished_at: float = 0.0


class Runtime(Protocol):
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def info(self) -> RuntimeInfo: ...

    async def run_sandbox(self, spec: SandboxSpec) -> str: ...
    async def stop_sandbox(self, sandbox_id: str) -> None: ...
    async def remove_sandbox(self, sandbox_id: str) -> None: ...
    async def sandbox_status(self, sandbox_id: str) -> Sandbox: ...
    async def list_sandboxes(self) -> list[Sandbox]: ...

    async def create_container(self, sandbox_id: str, spec: ContainerSpec, sandbox: SandboxSpec) -> str: ...
    async def start_container(self, container_id: str) -> None: ...
    async def update_resources(self, container_id: str, resources: Resources) -> None:
        """Give a running container other limits. Its ``oom_score_adj`` stays."""

    async def stop_container(self, container_id: str, grace_seconds: float) -> None: ...
    async def remove_container(self, container_id: str) -> None: ...
    async def container_status(self, container_id: str) -> Container: ...
    async def list_containers(self) -> list[Container]: ...

    async def exec(self, container_id: str, argv: Sequence[str], timeout_seconds: float) -> ExecResult: ...
    async def exec_url(
        self, container_id: str, argv: Sequence[str], *, stdin: bool, stdout: bool, stderr: bool, tty: bool
    ) -> str: ...
    async def attach_url(self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool, tty: bool) -> str: ...
    async def port_forward_url(self, sandbox_id: str, ports: Sequence[int]) -> str: ...
    async def reopen_log(self, container_id: str) -> None: ...

    async def pull_image(self, reference: str, *, username: str = "", password: str = "") -> str:
        """The image's id."""

    async def find_image(self, reference: str) -> Image | None: ...
    async def list_images(self) -> list[Image]: ...
    async def remove_image(self, reference: str) -> None: ...

    async def view_image(self, image_id: str, key: str) -> FileSystem:
        """An image's files, to be mounted read-only. ``key``: a pod's uid, a slash and a name. The image's layers stay
        until the pod's views are released."""

    async def release_images(self, pod_uid: str) -> None:
        """Give back all views of a pod, once nothing is mounted any more."""

    async def viewed_images(self) -> set[str]:
        """The ids of images that there are views of."""

    def events(self) -> AsyncIterator[Happened]:
        """What happens, as it happens. A gap (the runtime restarted) is a ``resync``."""
