"""CRI v1 messages from the runtime contract's plain values, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cri_api.v1 import api_pb2 as cri

from podo.node.runtimes.contract import Container, ContainerSpec, Image, Mount, Resources, Sandbox, SandboxSpec

_STATES = {
    cri.CONTAINER_CREATED: "created",
    cri.CONTAINER_RUNNING: "running",
    cri.CONTAINER_EXITED: "exited",
}
_PROPAGATIONS = {
    "None": cri.PROPAGATION_PRIVATE,
    "HostToContainer": cri.PROPAGATION_HOST_TO_CONTAINER,
    "Bidirectional": cri.PROPAGATION_BIDIRECTIONAL,
}
_PROTOCOLS = {"TCP": cri.TCP, "UDP": cri.UDP, "SCTP": cri.SCTP}

#: What a container must not see or change of the machine unless it is privileged (as Docker's and the kubelet's
#: defaults).
MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READ_ONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def sandbox_config(spec: SandboxSpec) -> Any:
    """A ``PodSandboxConfig``."""
    return cri.PodSandboxConfig(
        metadata=cri.PodSandboxMetadata(
            name=spec.pod_name, uid=spec.pod_uid, namespace=spec.pod_namespace, attempt=spec.attempt
        ),
        hostname="" if spec.host_network else spec.hostname,
        log_directory=spec.log_directory,
        dns_config=cri.DNSConfig(servers=spec.dns_servers, searches=spec.dns_searches, options=spec.dns_options),
        port_mappings=[
            cri.PortMapping(protocol=_PROTOCOLS[protocol], container_port=inside, host_port=outside, host_ip=address)
            for protocol, inside, outside, address in spec.host_ports
        ],
        labels=spec.labels,
        annotations=spec.annotations,
        linux=cri.LinuxPodSandboxConfig(
            cgroup_parent=spec.cgroup_parent, sysctls=spec.sysctls, security_context=_sandbox_security(spec)
        ),
    )


def _sandbox_security(spec: SandboxSpec) -> Any:
    security = cri.LinuxSandboxSecurityContext(
        namespace_options=_namespaces(spec),
        privileged=spec.privileged,
        supplemental_groups=spec.supplemental_groups,
        supplemental_groups_policy=cri.Strict if spec.only_these_groups else cri.Merge,
        seccomp=_seccomp(spec.seccomp, spec.privileged),
        selinux_options=_selinux(spec.selinux),
    )
    _set_identity(security, spec.run_as_user, spec.run_as_group)
    return security


def container_config(spec: ContainerSpec, *, end_together: bool = False) -> Any:
    """A ``ContainerConfig``. ``end_together``: out of memory, all its processes are killed (only cgroup v2 can)."""
    return cri.ContainerConfig(
        metadata=cri.ContainerMetadata(name=spec.name, attempt=spec.attempt),
        image=cri.ImageSpec(image=spec.image_id, user_specified_image=spec.image_name),
        command=spec.command,
        args=spec.args,
        working_dir=spec.working_dir,
        envs=[cri.KeyValue(key=name, value=value) for name, value in spec.env],
        mounts=[_mount(mount) for mount in spec.mounts],
        labels=spec.labels,
        annotations=spec.annotations,
        log_path=spec.log_path,
        stdin=spec.stdin,
        stdin_once=spec.stdin_once,
        tty=spec.tty,
        linux=cri.LinuxContainerConfig(
            resources=_resources(spec, end_together), security_context=_container_security(spec)
        ),
    )


def _resources(spec: ContainerSpec, end_together: bool) -> Any:
    wanted = spec.resources
    return cri.LinuxContainerResources(
        cpu_period=wanted.cpu_period,
        cpu_quota=wanted.cpu_quota,
        cpu_shares=wanted.cpu_shares,
        memory_limit_in_bytes=wanted.memory_limit,
        oom_score_adj=wanted.oom_score_adj,
        unified={"memory.oom.group": "1"} if end_together else {},
    )


def new_resources(wanted: Resources) -> Any:
    """The ``LinuxContainerResources`` of an update: without what only a new container can be given."""
    return cri.LinuxContainerResources(
        cpu_period=wanted.cpu_period,
        cpu_quota=wanted.cpu_quota,
        cpu_shares=wanted.cpu_shares,
        memory_limit_in_bytes=wanted.memory_limit,
    )


def _container_security(spec: ContainerSpec) -> Any:
    security = cri.LinuxContainerSecurityContext(
        capabilities=cri.Capability(add_capabilities=spec.capabilities_add, drop_capabilities=spec.capabilities_drop),
        privileged=spec.privileged,
        namespace_options=_namespaces(spec),
        run_as_username=spec.run_as_username,
        supplemental_groups=spec.supplemental_groups,
        supplemental_groups_policy=cri.Strict if spec.only_these_groups else cri.Merge,
        readonly_rootfs=spec.read_only_root,
        no_new_privs=spec.no_new_privileges,
        masked_paths=() if spec.privileged else MASKED_PATHS,
        readonly_paths=() if spec.privileged else READ_ONLY_PATHS,
        seccomp=_seccomp(spec.seccomp, spec.privileged),
        apparmor=_apparmor(spec.apparmor),
        selinux_options=_selinux(spec.selinux),
    )
    _set_identity(security, spec.run_as_user, spec.run_as_group)
    return security


def _set_identity(security: Any, user: int | None, group: int | None) -> None:
    """Unset is not 0: unset is what the image says."""
    if user is not None:
        security.run_as_user.value = user
    if group is not None:
        security.run_as_group.value = group


def _namespaces(spec: SandboxSpec | ContainerSpec) -> Any:
    process = cri.NODE if spec.host_pid else cri.POD if spec.share_processes else cri.CONTAINER
    target = spec.target_container if isinstance(spec, ContainerSpec) else ""
    return cri.NamespaceOption(
        network=cri.NODE if spec.host_network else cri.POD,
        pid=cri.TARGET if target else process,
        ipc=cri.NODE if spec.host_ipc else cri.POD,
        target_id=target,
    )


def _seccomp(profile: str, privileged: bool) -> Any:
    if profile == "RuntimeDefault" and not privileged:
        return cri.SecurityProfile(profile_type=cri.SecurityProfile.RuntimeDefault)
    return cri.SecurityProfile(profile_type=cri.SecurityProfile.Unconfined)


def _apparmor(profile: str) -> Any:
    """None leaves it to the runtime, which uses its default where the kernel has AppArmor; a profile that is asked for
    where it has none fails the container."""
    if not profile:
        return None
    if profile in ("RuntimeDefault", "Unconfined"):
        return cri.SecurityProfile(profile_type=getattr(cri.SecurityProfile, profile))
    return cri.SecurityProfile(profile_type=cri.SecurityProfile.Localhost, localhost_ref=profile)


def _selinux(options: Mapping[str, str]) -> Any:
    return cri.SELinuxOption(**options) if options else None


def _mount(mount: Mount) -> Any:
    return cri.Mount(
        host_path=mount.host_path,
        container_path=mount.container_path,
        readonly=mount.read_only,
        propagation=_PROPAGATIONS[mount.propagation],
    )


def sandbox(message: Any, ips: Sequence[str] = ()) -> Sandbox:
    """From a ``PodSandbox`` or a ``PodSandboxStatus``."""
    return Sandbox(
        id=message.id,
        pod_name=message.metadata.name,
        pod_namespace=message.metadata.namespace,
        pod_uid=message.metadata.uid,
        attempt=message.metadata.attempt,
        ready=message.state == cri.SANDBOX_READY,
        created_at=_seconds(message.created_at),
        ips=ips,
        labels=dict(message.labels),
        annotations=dict(message.annotations),
    )


def sandbox_ips(message: Any) -> list[str]:
    """The addresses of a ``PodSandboxStatus``, the main one first; none with the host's network."""
    found = [message.network.ip, *(one.ip for one in message.network.additional_ips)]
    return [ip for ip in found if ip]


def container(message: Any) -> Container:
    """From a ``Container`` of a list."""
    return Container(
        id=message.id,
        sandbox_id=message.pod_sandbox_id,
        name=message.metadata.name,
        attempt=message.metadata.attempt,
        state=_STATES.get(message.state, "unknown"),
        image=message.image.image,
        image_id=message.image_ref,
        created_at=_seconds(message.created_at),
        labels=dict(message.labels),
        annotations=dict(message.annotations),
    )


def container_status(message: Any, sandbox_id: str) -> Container:
    """From a ``ContainerStatus``, which does not say the sandbox."""
    return Container(
        id=message.id,
        sandbox_id=sandbox_id,
        name=message.metadata.name,
        attempt=message.metadata.attempt,
        state=_STATES.get(message.state, "unknown"),
        image=message.image.image,
        image_id=message.image_ref,
        created_at=_seconds(message.created_at),
        started_at=_seconds(message.started_at),
        finished_at=_seconds(message.finished_at),
        exit_code=message.exit_code,
        reason=message.reason,
        message=message.message,
        log_path=message.log_path,
        labels=dict(message.labels),
        annotations=dict(message.annotations),
    )


def image(message: Any) -> Image:
    """``user`` is empty for root by default, a uid, or a name."""
    user = message.username or (str(message.uid.value) if message.HasField("uid") else "")
    return Image(message.id, [*message.repo_tags, *message.repo_digests], message.size, user)


def _seconds(nanoseconds: int) -> float:
    """CRI writes 0, and containerd for "never" also a time before 1970."""
    return max(nanoseconds, 0) / 1e9
