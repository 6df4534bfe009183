"""From a pod to what the runtime is asked for: ``SandboxSpec`` and ``ContainerSpec``. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podo.api.kind import Obj
from podo.api.meta import annotations_of, labels_of, name_of, namespace_of, uid_of
from podo.api.parts import hostports
from podo.api.parts.container import is_sidecar
from podo.node import labels, podspec
from podo.node.environment import ConfigProblem, expand
from podo.node.resources import resources_of
from podo.node.runtimes.contract import ContainerSpec, Image, Mount, SandboxSpec

MOST_HOSTNAME = 63


def hostname_of(pod: Obj) -> str:
    """``spec.hostname`` or the pod's name, cut to what a host name may be."""
    spec = pod["spec"]
    if override := spec.get("hostnameOverride"):
        return str(override)
    return str(spec.get("hostname") or name_of(pod))[:MOST_HOSTNAME].rstrip("-.")


def sandbox_spec(
    pod: Obj,
    attempt: int,
    log_directory: str,
    cgroup_parent: str,
    dns: tuple[list[str], list[str], list[str]],
    node_name: str,
    handler: str = "",
) -> SandboxSpec:
    """``handler``: the runtime handler of the pod's RuntimeClass; "" for the runtime's default."""
    spec = pod["spec"]
    security = spec.get("securityContext") or {}
    if spec.get("hostUsers") is False:
        raise ConfigProblem("user namespaces (hostUsers: false) are not supported by this node")
    return SandboxSpec(
        pod_name=name_of(pod),
        pod_namespace=namespace_of(pod),
        pod_uid=uid_of(pod),
        attempt=attempt,
        hostname=node_name if podspec.is_host_network(pod) else hostname_of(pod),
        log_directory=log_directory,
        dns_servers=dns[0],
        dns_searches=dns[1],
        dns_options=dns[2],
        host_ports=_host_ports(pod),
        labels={**labels_of(pod), **_pod_labels(pod)},
        annotations={**annotations_of(pod), labels.POD_GRACE: str(int(podspec.grace_seconds(pod)))},
        cgroup_parent=cgroup_parent,
        sysctls={entry["name"]: str(entry["value"]) for entry in security.get("sysctls") or ()},
        host_network=podspec.is_host_network(pod),
        host_pid=bool(spec.get("hostPID")),
        host_ipc=bool(spec.get("hostIPC")),
        share_processes=bool(spec.get("shareProcessNamespace")),
        privileged=any((c.get("securityContext") or {}).get("privileged") for c in podspec.all_containers(pod)),
        run_as_user=security.get("runAsUser"),
        run_as_group=security.get("runAsGroup"),
        supplemental_groups=_groups(security),
        only_these_groups=_is_strict(security),
        seccomp=_seccomp(security),
        selinux=_selinux(security),
        handler=handler,
    )


def _pod_labels(pod: Obj) -> dict[str, str]:
    return {labels.POD_NAME: name_of(pod), labels.POD_NAMESPACE: namespace_of(pod), labels.POD_UID: uid_of(pod)}


def _host_ports(pod: Obj) -> list[tuple[str, int, int, str]]:
    if podspec.is_host_network(pod):
        return []
    return [
        (port.get("protocol") or "TCP", port["containerPort"], port["hostPort"], port.get("hostIP") or "")
        for port in hostports.declared(pod["spec"])
    ]


def _groups(security: Obj) -> list[int]:
    groups = list(security.get("supplementalGroups") or ())
    if security.get("fsGroup") is not None:
        groups.append(security["fsGroup"])
    return groups


def _is_strict(security: Obj) -> bool:
    return security.get("supplementalGroupsPolicy") == "Strict"


def _seccomp(security: Obj) -> str:
    """Raises ConfigProblem for a profile in a file: it must not be taken for none."""
    profile = security.get("seccompProfile") or {}
    if profile.get("type") == "Localhost":
        raise ConfigProblem(f"cannot load seccomp profile {profile.get('localhostProfile')!r}: this node keeps none")
    return str(profile.get("type") or "")


def _profile(profile: Obj) -> str:
    """The name of an AppArmor profile, or RuntimeDefault, Unconfined or ""."""
    kind = str(profile.get("type") or "")
    return str(profile.get("localhostProfile") or "") if kind == "Localhost" else kind


def _selinux(security: Obj) -> Mapping[str, str]:
    options = security.get("seLinuxOptions") or {}
    return {field: str(options[field]) for field in ("user", "role", "type", "level") if options.get(field)}


def role_of(pod: Obj, container: Obj) -> str:
    """init, sidecar, ephemeral or main."""
    name = container["name"]
    if any(other["name"] == name for other in podspec.init_containers(pod)):
        return "sidecar" if is_sidecar(container) else "init"
    return "ephemeral" if any(other["name"] == name for other in podspec.ephemeral_containers(pod)) else "main"


def container_spec(
    pod: Obj,
    container: Obj,
    attempt: int,
    image: Image,
    environment: Sequence[tuple[str, str]],
    mounts: Sequence[Mount],
    node_memory: int,
    target: str = "",
) -> ContainerSpec:
    """Raises ConfigProblem for what the container may not have. (Many arguments: everything a container is made
    from.)
    """
    spec = pod["spec"]
    security = {**(spec.get("securityContext") or {}), **(container.get("securityContext") or {})}
    check_user(pod, container, security, image)
    values = dict(environment)
    capabilities = security.get("capabilities") or {}
    return ContainerSpec(
        name=container["name"],
        attempt=attempt,
        image_id=image.id,
        image_name=container.get("image", ""),
        log_path=f"{container['name']}/{attempt}.log",
        command=[expand(part, values) for part in container.get("command") or ()],
        args=[expand(part, values) for part in container.get("args") or ()],
        working_dir=container.get("workingDir") or "",
        env=list(environment),
        mounts=list(mounts),
        labels={**_pod_labels(pod), labels.CONTAINER_NAME: container["name"]},
        annotations=_annotations(pod, container, attempt),
        resources=resources_of(pod, container, node_memory),
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        tty=bool(container.get("tty")),
        privileged=bool(security.get("privileged")),
        capabilities_add=list(capabilities.get("add") or ()),
        capabilities_drop=list(capabilities.get("drop") or ()),
        run_as_user=security.get("runAsUser"),
        run_as_group=security.get("runAsGroup"),
        supplemental_groups=_groups(spec.get("securityContext") or {}),
        only_these_groups=_is_strict(spec.get("securityContext") or {}),
        read_only_root=bool(security.get("readOnlyRootFilesystem")),
        no_new_privileges=security.get("allowPrivilegeEscalation") is False,
        seccomp="" if security.get("privileged") else _seccomp(security),
        apparmor="" if security.get("privileged") else _profile(security.get("appArmorProfile") or {}),
        selinux=_selinux(security),
        host_network=podspec.is_host_network(pod),
        host_pid=bool(spec.get("hostPID")),
        host_ipc=bool(spec.get("hostIPC")),
        share_processes=bool(spec.get("shareProcessNamespace")),
        target_container=target,
    )


def _annotations(pod: Obj, container: Obj, attempt: int) -> Mapping[str, str]:
    return {
        labels.HASH: podspec.definition_hash(container),
        labels.RESTART_COUNT: str(attempt),
        labels.TERMINATION_PATH: container.get("terminationMessagePath") or "/dev/termination-log",
        labels.TERMINATION_POLICY: container.get("terminationMessagePolicy") or "File",
        labels.POD_GRACE: str(int(podspec.grace_seconds(pod))),
        labels.ROLE: role_of(pod, container),
    }


def check_user(pod: Obj, container: Obj, security: Obj, image: Image) -> None:
    """runAsNonRoot: the user must be known not to be root before the container runs."""
    if not security.get("runAsNonRoot"):
        return
    user = security.get("runAsUser")
    where = f'(pod: "{podspec.full_name(pod)}", container: {container["name"]})'
    if user == 0:
        raise ConfigProblem(f"container's runAsUser breaks non-root policy {where}")
    if user is not None:
        return
    named = image.user.partition(":")[0]
    if not named or (named.isdecimal() and int(named) == 0):
        raise ConfigProblem(f"container has runAsNonRoot and image will run as root {where}")
    if not named.isdigit():
        raise ConfigProblem(
            f"container has runAsNonRoot and image has non-numeric user ({named}), "
            f"cannot verify user is non-root {where}"
        )
